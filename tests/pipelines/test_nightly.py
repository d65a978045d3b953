"""Nights in a row on a simulated shop: publish, nothing new, refuse, go on."""

import json
import random
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.nightly import run_night, start_of_day_us
from pipelines.simulate.workspace import Plan, simulate
from recommender.cli import cli
from recommender.configuration import load_settings
from recommender.errors import BusyError, DataError
from recommender.serving.artifact import load
from recommender.serving.versions import current
from recommender.settings import Settings
from recommender.workspace import Workspace
from tests.ring_shop import make_log

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 8)
QUICK = ["softmax.dim=32", "softmax.hidden=32", "softmax.epochs=5", "word2vec.dim=32",
         "word2vec.epochs=8", "densities.enabled=false", "models.keep=2",
         "evaluation.bootstrap_samples=300"]  # fmt: skip


def settings_of(root: Path, *more: str) -> Settings:
    return load_settings(root / "recommender.toml", [*QUICK, *more], {})


def noon_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=1)


def night(root: Path, day: date, *more: str) -> dict[str, object]:
    settings = settings_of(root, *more)
    return run_night(Workspace(root), settings, on_training=lambda _: None, say=lambda _: None,
                     now=noon_after(day))  # fmt: skip


def shuffle_items(path: Path) -> None:
    """Permute the item ids of a day among its events: what is clicked stays, the order goes."""
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    items = [item for event in events for item in event.get("items", [])]
    ids = [item["item_id"] for item in items]
    random.Random(0).shuffle(ids)
    for item, item_id in zip(items, ids, strict=True):
        item["item_id"] = item_id
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop after its first night."""
    root = tmp_path_factory.mktemp("nights")
    simulate(root, Plan(0, 120, 150, FIRST, LAST))
    record = night(root, LAST)
    assert record["status"] == "published"
    return root


@pytest.mark.slow
def test_nights_in_a_row(shop: Path) -> None:
    first = current(shop / "models")
    assert first is not None
    manifest = load(first).manifest
    assert manifest.model.name == "softmax"
    assert manifest.data["data_until"] == "2026-03-09T00:00:00Z"
    assert manifest.data["judged_on"]["from"] == "2026-03-08T00:00:00Z"

    record = night(shop, LAST)
    assert record["status"] == "nothing_new"
    assert "no closed day since 2026-03-09" in str(record["reason"])
    assert current(shop / "models") == first

    next_day = LAST + timedelta(days=1)
    simulate(shop, Plan(0, 120, 150, FIRST, next_day))
    record = night(shop, next_day)
    assert record["status"] == "published"
    assert set(record["gate"]["differences"]) == {"popularity", "live"}  # type: ignore[index]
    second = current(shop / "models")
    assert second != first

    odd_day = next_day + timedelta(days=1)
    simulate(shop, Plan(0, 120, 150, FIRST, odd_day))
    shuffle_items(shop / "source" / f"events-{odd_day}.ndjson")
    record = night(shop, odd_day)
    assert record["status"] == "refused"
    assert "does not beat popularity" in str(record["reason"])
    assert current(shop / "models") == second

    runs = sorted((shop / "runs").glob("*/run.json"))
    statuses = [json.loads(run.read_text("utf-8"))["status"] for run in runs]
    assert statuses == ["published", "nothing_new", "published", "refused"]


def damage(version: Path) -> None:
    """Cut the largest array short, as a full disk does."""
    array = max(version.glob("*/*.npy"), key=lambda path: path.stat().st_size)
    array.write_bytes(array.read_bytes()[:100])


@pytest.mark.slow
def test_a_damaged_live_model_stops_no_night(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It serves nobody: popularity alone judges the candidate; the folder stays for a look."""
    simulate(tmp_path, Plan(0, 120, 150, FIRST, FIRST + timedelta(days=4)))
    rules = ("model.name=sequential_rules",)
    night(tmp_path, FIRST + timedelta(days=3), *rules)
    damaged = current(tmp_path / "models")
    assert damaged is not None
    damage(damaged)
    record = night(tmp_path, FIRST + timedelta(days=4), *rules)
    assert record["status"] == "published"
    assert set(record["gate"]["differences"]) == {"popularity"}  # type: ignore[index]
    assert damaged.name in str(record["live_problem"])
    assert f"cannot be loaded and counts as none tonight: {damaged}" in caplog.text
    live = current(tmp_path / "models")
    assert live is not None
    assert live != damaged
    assert load(live).manifest.model.name == "sequential_rules"
    assert damaged.exists()


@pytest.mark.slow
def test_without_a_live_model_a_refused_candidate_leaves_popularity(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(1, 120, 150, FIRST, FIRST + timedelta(days=3)))
    for path in (tmp_path / "source").glob("*.ndjson"):
        shuffle_items(path)
    overrides = [text for setting in QUICK for text in ("--set", setting)]
    done = CliRunner().invoke(cli, ["nightly", "--json", "-w", str(tmp_path), *overrides])
    assert done.exit_code == 3, done.output
    record = json.loads(done.stdout)
    assert record["status"] == "refused"
    assert "popularity is published" in record["reason"]
    live = current(tmp_path / "models")
    assert live is not None
    artifact = load(live)
    assert artifact.manifest.model.name == "popularity"
    assert set(artifact.parts) == {"popularity", "word2vec"}, "what was refused is not shipped"


def test_too_few_questions_publish_nothing(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 48, 10, FIRST, FIRST + timedelta(days=3)))
    record = night(tmp_path, FIRST + timedelta(days=3))
    assert record["status"] == "nothing_new"
    assert "gate.min_queries is 200" in str(record["reason"])
    assert current(tmp_path / "models") is None


def test_earlier_days_that_teach_nothing_end_the_search(tmp_path: Path) -> None:
    """Going back for more questions leaves too little to train on: that is no error."""
    simulate(tmp_path, Plan(0, 48, 10, FIRST, FIRST + timedelta(days=4)))
    record = night(tmp_path, FIRST + timedelta(days=4), "vocabulary.min_count=11")
    assert record["status"] == "nothing_new"
    assert "closed days hold 4 queries" in str(record["reason"]), (
        "the newest day alone has the most"
    )


def test_two_days_are_too_little(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 48, 50, FIRST, FIRST + timedelta(days=1)))
    record = night(tmp_path, FIRST + timedelta(days=1))
    assert "at least three closed days" in str(record["reason"])


def test_today_is_not_closed(tmp_path: Path) -> None:
    """At noon of the last day its events do not count, in the shop's own time zone."""
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert start_of_day_us(noon, "UTC") == 1774742400_000_000
    assert start_of_day_us(noon, "Europe/Madrid") == 1774738800_000_000
    assert start_of_day_us(noon, "Pacific/Kiritimati") == 1774778400_000_000


def test_one_night_at_a_time(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 48, 10, FIRST, FIRST + timedelta(days=1)))
    with Workspace(tmp_path).lock(), pytest.raises(BusyError, match="another run holds"):
        night(tmp_path, FIRST)


def test_ctrl_c_during_training_leaves_nothing_half_done(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 120, 150, FIRST, FIRST + timedelta(days=3)))
    night = [sys.executable, "-c", "from recommender.cli import main; main()", "nightly"]
    process = subprocess.Popen(
        [*night, "-w", str(tmp_path), "--set", "softmax.epochs=500"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        said = iter(process.stderr or [])
        assert any(line.startswith("Training softmax") for line in said)
        process.send_signal(signal.SIGINT)
        rest = "".join(said)
    assert process.returncode == 130, rest
    assert "Interrupted; what was there before is unchanged." in rest
    assert "Traceback" not in rest
    (run,) = (tmp_path / "runs").glob("*/run.json")
    assert json.loads(run.read_text("utf-8"))["reason"] == "interrupted"
    assert not list(tmp_path.glob("models/*"))
    with Workspace(tmp_path).lock():
        pass


def test_ctrl_c_between_two_epochs_is_noted(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 120, 150, FIRST, FIRST + timedelta(days=3)))

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_night(Workspace(tmp_path), settings_of(tmp_path), on_training=lambda _: interrupt,
                  say=lambda _: None, now=noon_after(FIRST + timedelta(days=3)))  # fmt: skip
    (run,) = (tmp_path / "runs").glob("*/run.json")
    assert json.loads(run.read_text("utf-8"))["reason"] == "interrupted"
    assert not list(tmp_path.glob("models/*"))


def test_runs_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(DataError, match=r"runs.* cannot be written"):
        night(tmp_path, FIRST)


def test_a_failed_night_says_so(tmp_path: Path) -> None:
    (tmp_path / "recommender.toml").touch()
    done = CliRunner().invoke(
        cli, ["nightly", "-w", str(tmp_path), "--set", 'import.events=[{path = "no/*.ndjson"}]']
    )
    assert done.exit_code == 1
    assert "no file matches" in done.stderr
    (run,) = (tmp_path / "runs").glob("*/run.json")
    assert json.loads(run.read_text("utf-8"))["status"] == "failed"


def test_a_slip_in_the_path_makes_no_workspace(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["nightly", "-w", str(tmp_path / "shpo")])
    assert done.exit_code == 1
    assert "is no workspace" in done.stderr
    assert not (tmp_path / "shpo").exists()


def test_what_goes_live_though_another_model_is_better_says_so(tmp_path: Path) -> None:
    """Along a ring rules know every next step, and the shop chose popularity."""
    root = make_log(tmp_path)
    done = CliRunner().invoke(
        cli,
        ["nightly", "-w", str(root), "--set", "model.name=popularity",
         "--set", "gate.min_queries=10", "--set", "evaluation.bootstrap_samples=50"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    said = (
        "Yet it is behind sequential_rules, which recommends what others opened after the products"
    )
    assert said in done.stderr.splitlines()[-1]
    assert 'set model.name to "sequential_rules"' in done.stderr.splitlines()[-1]
    (path,) = root.glob("runs/*/run.json")
    record = json.loads(path.read_text("utf-8"))
    assert [one["model"] for one in record["gate"]["behind"]] == ["sequential_rules"]
    assert said in record["reason"]
    assert said in (root / "models" / "current" / "report.html").read_text("utf-8")
