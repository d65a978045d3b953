"""`recommender sessions`."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipelines.commands.sessions import sessions
from recommender.cli import Shop


def run(*arguments: str):
    return CliRunner().invoke(sessions, arguments, obj=Shop(), catch_exceptions=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with a service file: visits of three, two and one product, and a robot's."""
    visits = [(f"v{n}", f"item {item}", 100 + item) for n in range(3) for item in range(3 - n)]
    visits += [("robot", f"item {n}", 50) for n in range(61)]
    lines = [
        json.dumps(
            {
                "event_id": f"e{number}",
                "event_name": "view_item",
                "event_time": f"2026-11-21T09:{second // 60:02}:{second % 60:02}Z",
                "visitor_id": visitor_id,
                "items": [{"item_id": item_id}],
                "consent": "granted",
            }
        )
        for number, (visitor_id, item_id, second) in enumerate(visits)
    ]
    path = tmp_path / "events" / "2026-11-21" / "20261121T090000Z-1.ndjson"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")
    return tmp_path


def test_json_has_the_documented_fields(shop: Path) -> None:
    result = run("-w", str(shop), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "events": 67,
        "sessions": 2,
        "items": 3,
        "noise": {"impossible_rate": 61},
    }


def test_settings_decide(shop: Path) -> None:
    options = ("--set", "sessions.min_length=1", "--set", "noise.enabled=false")
    result = run("-w", str(shop), "--json", *options)
    assert json.loads(result.stdout) == {"events": 67, "sessions": 4, "items": 61, "noise": {}}


def test_people_read_sentences_and_get_their_file(shop: Path) -> None:
    out = shop / "sessions.parquet"
    result = run("-w", str(shop), "--out", str(out))
    assert result.stdout == (
        "2 sessions of 2 steps or more with 3 products, of 67 events\n"
        "Events left out as noise: impossible_rate 61\n"
    )
    assert result.stderr == f"Written to {out}\n"
    assert pq.read_table(out).num_rows == 5


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    result = run("-w", str(tmp_path))
    assert result.exit_code == 0
    assert "recommender import events FILE" in result.stderr
    result = run("-w", str(tmp_path), "--json")
    assert json.loads(result.stdout)["sessions"] == 0
