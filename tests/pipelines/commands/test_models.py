import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.commands.models import models
from recommender.cli import CommandGroup
from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.popularity import Popularity
from recommender.serving.artifact import write_artifact
from recommender.serving.versions import publish
from recommender.settings import Settings

METRICS = {"recall@20": {"value": 0.25}, "mrr@20": {"value": 0.125}}


@pytest.fixture
def run(tmp_path):
    group = CommandGroup("recommender", commands={"models": models})

    def invoke(*arguments: str):
        return CliRunner().invoke(group, ["models", *arguments, "-w", str(tmp_path)])

    return invoke


@pytest.fixture
def versions(tmp_path: Path) -> list[Path]:
    """Three published versions, oldest first; the last is live."""
    folders = []
    for day in range(3):
        settings = Settings.model_validate({"model": {"name": "popularity", "seed": day}})
        folder = write_artifact(
            tmp_path / "models",
            parts={"popularity": Popularity(2, settings).fit(sessions_from_lists([[0, 1, 1]]))},
            vocabulary=Vocabulary(["a", "b"]),
            settings=settings,
            report={"models": [{"name": "popularity", "metrics": {"none": METRICS}}]},
            data={"data_until": f"2026-11-0{day + 1}T00:00:00Z"},
            created_at=datetime(2026, 11, 1, 2, 10, tzinfo=UTC) + timedelta(days=day),
        )
        publish(tmp_path / "models", folder, keep=5)
        folders.append(folder)
    return folders


def test_list_without_a_model(run):
    result = run("list")
    assert result.exit_code == 0
    assert "has no version yet; `recommender nightly` publishes one" in result.stderr
    assert json.loads(run("list", "--json").stdout) == {"items": []}


def test_list(run, versions):
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == [
        "version",
        "model",
        "created",
        "data",
        "until",
        "recall@20",
        "mrr@20",
    ]
    assert lines[1].split() == [
        "live", versions[2].name, "popularity", "2026-11-03", "02:10", "2026-11-03T00:00:00Z",
        "0.250", "0.125",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == [versions[1].name, versions[0].name]


def test_list_as_json(run, versions):
    items = json.loads(run("list", "--json").stdout)["items"]
    assert [item["live"] for item in items] == [True, False, False]
    assert items[0] == {
        "version": versions[2].name,
        "live": True,
        "created_at": "2026-11-03T02:10:00Z",
        "model": "popularity",
        "data_until": "2026-11-03T00:00:00Z",
        "metrics": {"recall@20": 0.25, "mrr@20": 0.125},
        "problem": None,
    }


def test_a_damaged_version_is_listed(run, versions):
    (versions[0] / "manifest.json").write_text("{")
    output = run("list").stdout
    assert f"{versions[0].name}  damaged" in output
    assert f"{versions[0].name}: " in output
    assert "manifest.json is damaged" in output


def test_promote_and_rollback(run, versions, tmp_path):
    assert run("promote", versions[0].name).stdout == f"{versions[0].name} is live\n"
    assert (tmp_path / "models" / "current").resolve() == versions[0]
    assert json.loads(run("rollback", "--json").stdout) == {"live": versions[2].name}
    assert run("rollback").stdout == f"{versions[1].name} is live again\n"


def test_refusals_are_a_sentence_and_exit_1(run, versions):
    result = run("promote", "../x")
    assert result.exit_code == 1
    assert "'../x' is no version in" in result.stderr
    (versions[1] / "popularity" / "counts.npy").unlink()
    result = run("rollback")
    assert result.exit_code == 1
    assert "counts.npy is missing" in result.stderr
    assert result.stderr.endswith(
        "`recommender models list` shows the others, `recommender models promote VERSION` makes "
        "one of them live\n"
    )
    assert result.stderr.count("recommender ") == 2, "no advice to roll back"


@pytest.mark.parametrize("damage", ["array", "manifest", "folder"])
def test_a_damaged_live_version_is_left_behind(run, versions, tmp_path, damage):
    if damage == "array":
        (versions[2] / "popularity" / "counts.npy").write_bytes(b"x")
    elif damage == "manifest":
        (versions[2] / "manifest.json").write_text("{")
    else:
        shutil.rmtree(versions[2])
    assert run("rollback").stdout == f"{versions[1].name} is live again\n"
    assert (tmp_path / "models" / "current").resolve() == versions[1]


def test_loading_the_commands_loads_nothing_heavy():
    code = (
        "import sys, pipelines.commands.models, pipelines.commands.recommend\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "duckdb", "pandas", "keras", "tensorflow"} & set(done.stdout.split())
