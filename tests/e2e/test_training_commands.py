"""train and nightly as processes: too little input, an interrupt, one plain run."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.simulate.workspace import Plan, simulate
from recommender.cli import cli

QUICK = ["--set", "softmax.dim=16", "--set", "softmax.hidden=16", "--set", "word2vec.dim=16",
         "--set", "word2vec.epochs=3"]  # fmt: skip


def events_file(folder: Path, clicks: list[tuple[str, str, str]]) -> Path:
    path = folder / "clicks.ndjson"
    lines = [
        {"event_name": "view_item", "event_time": when, "visitor_id": visitor,
         "items": [{"item_id": item}]}
        for when, visitor, item in clicks
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(words))
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("clicks", "says"),
    [
        ([], "import more events|bring some in"),
        ([("2026-03-01T10:00:00Z", "v", "a"), ("2026-03-01T10:01:00Z", "v", "b")], "days"),
        (
            [(f"2026-03-0{day}T10:0{minute}:00Z", "v", "only") for day in range(1, 6)
             for minute in range(6)],
            "too little to train on",
        ),
    ],
    ids=["no event", "one session", "one product"],
)  # fmt: skip
def test_too_little_to_train_on(
    clicks: list[tuple[str, str, str]], says: str, tmp_path: Path
) -> None:
    path = events_file(tmp_path, clicks)
    shop = str(tmp_path / "shop")
    assert call("init", shop)[0] == 0
    assert call("import", "events", str(path), "-w", shop)[0] == 0
    for command in ("train", "evaluate"):
        code, output = call(command, "-w", shop)
        assert code == 1, output
        assert any(words in output for words in says.split("|")), output
    assert not (tmp_path / "shop" / "models").exists()


@pytest.mark.slow
def test_train_makes_a_version_that_recommends(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 120, 60, date(2026, 3, 1), date(2026, 3, 6)))
    shop = str(tmp_path)
    assert call("import", "items", str(tmp_path / "source" / "products.tsv"), "-w", shop)[0] == 0
    logs = sorted(str(path) for path in (tmp_path / "source").glob("*.ndjson"))
    assert call("import", "events", *logs, "-w", shop)[0] == 0
    code, output = call("train", "-w", shop, "--set", "softmax.epochs=2", *QUICK)
    assert code == 0, output
    assert "is live" in output
    code, output = call("train", "-w", shop, "--set", "model.name=sequential_rules")
    assert code == 0, output
    assert "recommender models promote" in output
    first_id = (tmp_path / "source" / "products.tsv").read_text("utf-8").split("\n")[1]
    item = first_id.split("\t")[0]
    done = CliRunner().invoke(cli, ["recommend", "--item", item, "--json", "-w", shop])
    body = json.loads(done.stdout)
    assert body["model"]["name"] == "softmax"
    assert len(body["items"]) == 10
    done = CliRunner().invoke(
        cli, ["embeddings", "neighbors", "--item", item, "--limit", "3", "--json", "-w", shop]
    )
    assert len(json.loads(done.stdout)["items"]) == 3


@pytest.mark.slow
def test_ctrl_c_during_training_leaves_nothing_half_written(tmp_path: Path) -> None:
    simulate(tmp_path, Plan(0, 120, 150, date(2026, 3, 1), date(2026, 3, 6)))
    night = [sys.executable, "-c", "from recommender.cli import main; main()", "nightly",
             "-w", str(tmp_path), "--set", "softmax.epochs=500", "--set", "softmax.patience=500",
             "--set", "model.start=random"]  # fmt: skip
    process = subprocess.Popen(night, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Training"):
            break
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "Interrupted" in rest
    assert not (tmp_path / "models").exists()
    (run,) = (tmp_path / "runs").glob("*/run.json")
    record = json.loads(run.read_text("utf-8"))
    assert (record["status"], record["reason"]) == ("failed", "interrupted")
    code, output = call("sessions", "-w", str(tmp_path))
    assert code == 0, output
