"""`recommender tune` on a ring of items: goes on, keeps, writes, and never sees the test days."""

import json
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.commands.tune import tune
from pipelines.progress import OnEpoch
from pipelines.tuning.search import Clock
from pipelines.tuning.tune import Tuning
from recommender.cli import cli
from recommender.configuration import load_settings
from recommender.errors import RecommenderError
from recommender.workspace import Workspace
from tests.ring_shop import QUICK, make_log

STEADY = [*QUICK, "model.start=random", "model.deterministic=true", "word2vec.dim=12"]
OURS = """\
# ours
[word2vec]
# Steps to either side.
window = 3  # by feeling
[gate]
min_queries = 9
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_log(tmp_path)


def call(root: Path, *arguments: str, settings: list[str] = STEADY) -> Result:
    cli.add_command(tune)
    overrides = [text for setting in settings for text in ("--set", setting)]
    return CliRunner().invoke(cli, ["tune", "-w", str(root), *overrides, *arguments])


def report_of(done: Result) -> dict:
    assert done.exit_code == 0, done.output
    body: dict = json.loads(done.stdout)
    return body


def test_a_second_call_goes_on(root: Path) -> None:
    first = call(root, "--model", "word2vec", "--trials", "3", "--json")
    report = report_of(first)
    assert [trial["number"] for trial in report["trials"]] == [0, 1, 2]
    # 40 of the validation day and, because they ask too little, 8 % of the 80 before.
    assert report["validation"] == {
        "until": "2026-03-04T00:00:00Z", "sessions": 46, "queries": 138
    }  # fmt: skip
    done = call(root, "--model", "word2vec", "--trials", "2")
    assert "3 trials so far" in done.stderr
    assert "Trial 3: " in done.stderr
    again = report_of(call(root, "--model", "word2vec", "--trials", "1", "--json"))
    assert [trial["number"] for trial in again["trials"]] == list(range(6))
    assert again["trials"][:3] == report["trials"]
    assert len({json.dumps(trial["values"]) for trial in again["trials"]}) == 6


def test_five_trials_at_once_are_three_and_two(root: Path, tmp_path: Path) -> None:
    def found(*counts: str) -> list[tuple[object, object]]:
        shutil.rmtree(root / "tuning", ignore_errors=True)
        for count in counts:
            done = call(root, "--model", "word2vec", "--trials", count, "--json")
        return [(trial["values"], trial["value"]) for trial in report_of(done)["trials"]]

    assert found("3", "2") == found("5")


def test_the_first_trial_is_the_present_settings(root: Path) -> None:
    report = report_of(call(root, "--trials", "1", "--json"))
    (trial,) = report["trials"]
    assert trial["values"]["softmax.dim"] == 8
    assert trial["values"]["softmax.epochs"] == 2
    assert trial["values"]["softmax.dropout"] == 0.35
    assert (report["present"], report["best"], report["chosen"]) == (0, 0, 0)
    assert report["lead"]["value"] == 0
    assert "Only the present settings" in call(root, "--minutes", "0.0001").stdout


def test_new_present_settings_join_the_study(root: Path) -> None:
    call(root, "--model", "word2vec", "--trials", "2")
    done = call(root, "--model", "word2vec", "--trials", "1", "--json",
                settings=[*STEADY, "word2vec.window=5"])  # fmt: skip
    report = report_of(done)
    assert report["present"] == 2
    assert report["trials"][2]["values"]["word2vec.window"] == 5


def test_the_test_days_are_not_looked_at(tmp_path: Path) -> None:
    """Other sessions, even other products on the test day: the same study, the same figures."""
    reports = []
    for number, last_day_from in enumerate((0, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        shop = make_log(folder, last_day_from)
        reports.append(report_of(call(shop, "--trials", "2", "--json")))
    for report in reports:
        for trial in report["trials"]:
            del trial["took_s"]
    assert reports[0] == reports[1]


def test_new_days_begin_a_new_study_with_the_best_of_the_old(root: Path, tmp_path: Path) -> None:
    old = report_of(call(root, "--model", "word2vec", "--trials", "4", "--json"))
    shutil.rmtree(root / "events")
    make_log(tmp_path, seed=1)
    done = call(root, "--model", "word2vec", "--trials", "2")
    assert "A new study" in done.stderr
    assert "(4 trials): the sessions." in done.stderr
    new = report_of(call(root, "--model", "word2vec", "--trials", "1", "--json"))
    assert new["study"] != old["study"]
    best = max(old["trials"], key=lambda trial: trial["value"])
    tried = [trial["values"] for trial in new["trials"]]
    assert tried[0] == old["trials"][0]["values"]
    assert best["number"] == 0 or tried[1] == best["values"]


def test_other_settings_begin_a_new_study(root: Path) -> None:
    call(root, "--model", "word2vec", "--trials", "1")
    done = call(root, "--model", "word2vec", "--trials", "1", "--set", "word2vec.sample=0.1")
    assert "(1 trial): word2vec.sample." in done.stderr
    done = call(root, "--model", "word2vec", "--trials", "1", "--set", "gate.min_queries=3")
    assert "Going on with" in done.stderr


def test_write_keeps_the_rest_of_the_file(root: Path) -> None:
    path = root / "recommender.toml"
    path.write_text(OURS)
    bad = ["word2vec.epochs=1", "word2vec.ns_exponent=0.9"]
    done = call(root, "--model", "word2vec", "--trials", "6", "--write", "--json",
                settings=[*STEADY, *bad])  # fmt: skip
    report = report_of(done)
    assert report["chosen"] != 0, "one pass over the sessions teaches next to nothing"
    assert report["written"] == str(path)
    text = path.read_text()
    assert text.startswith("# ours\n[word2vec]\n# Steps to either side.\nwindow = ")
    assert "  # by feeling\n" in text
    assert tomllib.loads(text)["gate"] == {"min_queries": 9}
    loaded = load_settings(path, environ={})
    for name, value in report["settings"].items():
        assert getattr(loaded.word2vec, name.partition(".")[2]) == value
    again = call(root, "--model", "word2vec", "--trials", "1", "--write", "--json",
                 settings=[text for text in STEADY if not text.startswith("word2vec")])  # fmt: skip
    again_report = report_of(again)
    assert again_report["trials"][: len(report["trials"])] == report["trials"], "goes on"
    assert again_report["present"] == report["chosen"]


def test_what_to_paste_without_write(root: Path) -> None:
    bad = ["word2vec.epochs=1", "word2vec.ns_exponent=0.9"]
    done = call(root, "--model", "word2vec", "--trials", "6", settings=[*STEADY, *bad])
    assert done.exit_code == 0, done.output
    assert "confirm it on the test days with `recommender evaluate`" in done.stdout
    assert "[word2vec]\n" in done.stdout
    assert not (root / "recommender.toml").exists()
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_after_ten_trials_it_says_what_each_setting_did(root: Path) -> None:
    first = call(root, "--model", "word2vec", "--trials", "9", "--json")
    assert report_of(first)["influence"] == {}
    done = call(root, "--model", "word2vec", "--trials", "3")
    assert "What each setting did" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    report = report_of(call(root, "--model", "word2vec", "--trials", "1", "--json"))
    assert set(report["influence"]) == set(report["trials"][0]["values"])
    assert sum(entry["share"] for entry in report["influence"].values()) == pytest.approx(
        1, abs=0.01
    )


@pytest.mark.parametrize("arguments", [["--model", "neighbors"], ["--set", "model.name=neighbors"]])
def test_a_model_without_settings_is_a_slip(root: Path, arguments: list[str]) -> None:
    done = call(root, *arguments)
    assert done.exit_code == 2
    assert "neighbors has nothing to tune; " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--minutes", "0"], 2, "0 is not in the range x>0"),
        (["--minutes", "nan"], 2, "a number of minutes"),
        (["--minutes", "inf"], 2, "a number of minutes"),
        (["--trials", "0"], 2, "0 is not in the range x>=1"),
        (["--seed", "-1"], 2, "-1 is not in the range"),
        (["--model", "sofmax"], 2, "the nearest is softmax"),
        (["--minutes", "0.0001"], 1, "no trial of softmax came to its end"),
        (["--set", "vocabulary.min_count=999"], 1, "too little to train on"),
        (["--set", "evaluation.test_days=9"], 1, "the log holds events of 4 days"),
        (["--set", "softmax.dim=0"], 2, "softmax.dim"),
    ],
)
def test_what_stops_it(root: Path, arguments: list[str], exit_code: int, words: str) -> None:
    done = call(root, *arguments)
    assert done.exit_code == exit_code, done.output
    assert words in done.stderr


def test_a_slip_in_the_path_makes_no_workspace(tmp_path: Path) -> None:
    done = call(tmp_path / "shpo")
    assert done.exit_code == 1
    assert "is no workspace" in done.stderr
    assert not (tmp_path / "shpo").exists()


def test_no_trial_begins_that_cannot_end(root: Path) -> None:
    said: list[str] = []
    settings = load_settings(root / "recommender.toml", STEADY, {})
    tuning = Tuning(Workspace(root), settings, "softmax", seed=0, say=said.append)
    tuning.run(Clock(600), 1, lambda _: None)
    tuning.run(Clock(0.01), None, lambda _: None)
    assert "none is begun that cannot end" in said[-1]
    assert len(tuning.study.trials) == 1


def test_a_cut_says_how_long_would_do_and_is_tried_again(root: Path) -> None:
    said: list[str] = []

    def tuning() -> Tuning:
        settings = load_settings(root / "recommender.toml", STEADY, {})
        return Tuning(Workspace(root), settings, "softmax", seed=0, say=said.append)

    class Over(Clock):
        left_s = 600.0

    clock, cut = Over(600), tuning()

    def on_training(_: str) -> None:
        clock.left_s = -1.0

    cut.run(clock, None, on_training)  # cut after one of its two epochs
    assert said[-2].startswith("Trial 0: cut off after")
    assert "1 minute would have done (--minutes); the next call begins with it" in said[-2]
    with pytest.raises(RecommenderError, match="give it more time, 1 minute, with --minutes"):
        cut.report()
    tuning().run(Clock(600), 1, lambda _: None)
    assert said[-2].endswith(": 0 trials so far, 1 more cut off.")
    assert said[-1].startswith("Trial 1: .")
    assert said[-1].endswith("(the present settings)")


def test_after_an_interrupt_the_next_call_begins_with_what_was_cut(root: Path) -> None:
    settings = load_settings(root / "recommender.toml", STEADY, {})

    def tuning() -> Tuning:
        return Tuning(Workspace(root), settings, "softmax", seed=0, say=lambda _: None)

    def on_training(stage: str) -> OnEpoch | None:
        def interrupt(_: object) -> None:
            raise KeyboardInterrupt

        return interrupt if stage == "trial 1" else None

    with pytest.raises(KeyboardInterrupt):
        tuning().run(Clock(600), None, on_training)
    after = tuning()
    assert [trial.state for trial in after.study.trials] == ["complete", "cut"]
    after.run(Clock(600), 1, lambda _: None)
    assert after.study.trials[2].values == after.study.trials[1].values
    assert after.study.trials[2].is_complete
    assert tuning().report()["trials"][0]["state"] == "complete"


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done(root: Path) -> None:
    script = ("from recommender.cli import cli, main\nfrom pipelines.commands.tune import tune\n"
              "cli.add_command(tune)\nmain()")  # fmt: skip
    long = [*STEADY, "softmax.epochs=9", "softmax.patience=500", "softmax.hidden=400"]
    overrides = [text for setting in long for text in ("--set", setting)]
    process = subprocess.Popen(
        [sys.executable, "-c", script, "tune", "-w", str(root), *overrides],
        stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Trial 0:"):
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "finished trials are kept" in rest
    assert "Traceback" not in rest
    (file,) = (root / "tuning").glob("*/trials.ndjson")
    first = json.loads(file.read_text("utf-8").splitlines()[0])
    assert first["state"] == "complete"
