"""`recommender compare`: two versions, two evaluations, and what cannot be compared."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pipelines.commands.compare import compare
from pipelines.commands.evaluate import evaluate
from pipelines.commands.train import train
from pipelines.ingest.events import import_events
from recommender.cli import CommandGroup
from recommender.serving.versions import list_versions
from recommender.settings import Settings
from recommender.workspace import Workspace

N_ITEMS = 12
cli = CommandGroup("recommender")
for command in (compare, evaluate, train):
    cli.add_command(command)


def add_days(root: Path, days: range, per_day: int = 40) -> None:
    """Walks along a ring of items."""
    random = np.random.default_rng(days.start)
    lines = []
    for day in days:
        begin = datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(days=day)
        for number in range(per_day):
            first = int(random.integers(N_ITEMS))
            lines += [
                json.dumps({
                    "event_name": "view_item", "session_id": f"{day}-{number}",
                    "event_time": (begin + timedelta(minutes=number, seconds=n)).isoformat(),
                    "items": [{"item_id": f"item {(first + n) % N_ITEMS}"}],
                })
                for n in range(4)
            ]  # fmt: skip
    path = root.parent / f"days-{days.start}.ndjson"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    import_events(Workspace(root), Settings(), str(path))


def call(root: Path, *arguments: object) -> Result:
    name, *rest = map(str, arguments)
    samples = "evaluation.bootstrap_samples=200"
    return CliRunner().invoke(cli, [name, "-w", str(root), "--set", samples, *rest])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Two versions of three days, rules and popularity, and two days that neither has seen."""
    root = tmp_path_factory.mktemp("compare") / "shop"
    add_days(root, range(3))
    names = []
    for model in ("sequential_rules", "popularity"):
        done = call(root, "train", "--json", "--set", f"model.name={model}")
        assert done.exit_code == 0, done.output
        names.append(json.loads(done.stdout)["version"])
    add_days(root, range(3, 5))
    return root, names[0], names[1]


def test_two_versions_on_days_that_neither_has_seen(shop: tuple[Path, str, str]) -> None:
    root, rules, popularity = shop
    done = call(root, "compare", rules, popularity, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["a"]["name"], found["a"]["model"]) == (rules, "sequential_rules")
    assert found["test"] == {"from": "2026-03-03T08:39:04Z", "sessions": 80, "queries": 240}
    assert [effect["exclude"] for effect in found["effects"]] == ["none", "current", "session"]
    effect = found["effects"][0]
    assert effect["metrics"]["mrr@20"]["a"] == {"value": 1, "low": 1, "high": 1}, "a ring"
    lead = effect["metrics"]["mrr@20"]["difference"]
    assert 0 < lead["low"] < lead["value"] < lead["high"]
    assert effect["b_better"] == 0
    assert effect["a_better"] + effect["same"] == effect["queries"] == 240
    assert found["slices"]["first_click"]["queries"] == 80
    mirrored = json.loads(call(root, "compare", popularity, rules, "--json").stdout)
    other = mirrored["effects"][0]["metrics"]["mrr@20"]["difference"]
    assert other["value"] == -lead["value"]


def test_current_and_folders_are_versions_too(shop: tuple[Path, str, str]) -> None:
    root, rules, popularity = shop
    done = call(root, "compare", "current", root / "models" / popularity)
    assert done.exit_code == 0, done.output
    assert f"A is {rules} (sequential_rules), B is {popularity} (popularity)." in done.stdout
    assert "exclude session" in done.stdout
    assert "first_click" in done.stdout
    lines = done.stdout.splitlines()
    wins = [line.split() for line in lines if "better" in line]
    assert wins[0][0] == "place"
    assert wins[0][2:5:2] == ["better", "better"]
    assert max(map(len, lines)) <= 100


def test_both_files_are_written(shop: tuple[Path, str, str], tmp_path: Path) -> None:
    root, rules, popularity = shop
    done = call(root, "compare", rules, popularity, "--out", tmp_path / "out", "--json")
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == json.loads(done.stdout)
    page = (tmp_path / "out" / "compare.html").read_text("utf-8")
    assert "A and B are level within chance" in page, "twelve products fit into every list"
    assert "A puts it further up (MRR 1.000 and ." in page


def test_too_few_new_days_compare_nothing(shop: tuple[Path, str, str]) -> None:
    root, rules, popularity = shop
    done = call(root, "compare", rules, popularity, "--set", "gate.min_queries=241")
    assert done.exit_code == 1
    assert "the log holds 240; gate.min_queries is 241" in done.stderr
    assert "recommender evaluate --models" in done.stderr


def test_a_version_of_today_has_nothing_new_to_be_asked(
    shop: tuple[Path, str, str], tmp_path: Path
) -> None:
    root = tmp_path / "shop"
    shutil.copytree(shop[0], root, symlinks=True)
    done = call(root, "train", "--json", "--set", "model.name=popularity", "--set", "model.seed=1")
    assert done.exit_code == 0, done.output
    done = call(root, "compare", "current", json.loads(done.stdout)["version"])
    assert done.exit_code == 1
    assert "the log holds 0" in done.stderr


@pytest.fixture(scope="module")
def evaluations(shop: tuple[Path, str, str]) -> Path:
    folder = shop[0].parent
    for name, models, more in (
        ("first", "sequential_rules,popularity", []),
        ("second", "popularity", ["--set", "model.seed=7"]),
        ("longer", "popularity", ["--set", "evaluation.test_days=2"]),
        ("other", "popularity", ["--set", "evaluation.exclude=[\"session\"]"]),
        ("apart", "popularity", ["--set", "evaluation.exclude=[\"none\"]"]),
        ("listed", "popularity", ["--set", "evaluation.ties=list"]),
    ):  # fmt: skip
        done = call(shop[0], "evaluate", "--models", models, "--out", folder / name, *more)
        assert done.exit_code == 0, done.output
    return folder


def test_two_evaluations_over_the_same_test(shop: tuple[Path, str, str], evaluations: Path) -> None:
    root, first, second = shop[0], evaluations / "first", evaluations / "second"
    found = json.loads(call(root, "compare", first, second, "--json").stdout)
    report = json.loads((first / "report.json").read_text())
    assert found["a"] == {"name": str(first), "model": "sequential_rules"}
    assert found["test"]["queries"] == report["test"]["queries"] == 120
    for effect, told in zip(found["effects"], report["differences"], strict=True):
        assert effect["exclude"] == told["exclude"]
        for metric, difference in told["metrics"].items():
            assert effect["metrics"][metric]["difference"] == difference
    named = json.loads(call(root, "compare", f"{first}:popularity", second, "--json").stdout)
    assert named["a"]["model"] == "popularity"
    assert named["effects"][0]["same"] == 120
    common = json.loads(call(root, "compare", first, evaluations / "other", "--json").stdout)
    assert [effect["exclude"] for effect in common["effects"]] == ["session"]


def test_what_cannot_be_compared(shop: tuple[Path, str, str], evaluations: Path) -> None:
    root, rules, _ = shop
    first = evaluations / "first"
    for a, b, words in (
        ("nothing", rules, "nothing is neither a version"),
        (rules, "nothing", "nothing is neither a version"),
        (rules, first, f"{rules} is a version and {first} an evaluation"),
        (f"{first}:softmax", first, "holds no model softmax; it holds sequential_rules, popul"),
        (first, evaluations / "longer", "were not asked the same questions"),
        (evaluations / "other", evaluations / "apart", "no exclusion in common"),
        (first, evaluations / "listed", "counted equal scores as `against`"),
        (root, first, "is neither a version"),
        ("current", "popularity", "popularity is the name of a model, and what is compared was"),
    ):
        done = call(root, "compare", a, b)
        assert done.exit_code == 1, done.output
        assert words in done.stderr
    assert call(root, "compare", rules).exit_code == 2
    done = call(evaluations / "empty", "compare", "current", "current")
    assert done.exit_code == 1
    assert "no model at" in done.stderr


def test_an_evaluation_leaves_a_page_and_ranks(
    shop: tuple[Path, str, str], evaluations: Path, tmp_path: Path
) -> None:
    assert {path.name for path in (evaluations / "first").iterdir()} == {
        "report.html", "report.json", "ranks.npz",
    }  # fmt: skip
    report = json.loads((evaluations / "first" / "report.json").read_text())
    assert report["data"]["events"] == 800
    assert report["data"]["noise"] == {"impossible_rate": 0}


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_where_nothing_can_be_written_nothing_is_begun(
    shop: tuple[Path, str, str], tmp_path: Path, command: str
) -> None:
    root, rules, popularity = shop
    (tmp_path / "file").write_text("")
    asked = ["--models", "popularity"] if command == "evaluate" else [rules, popularity]
    done = call(root, command, *asked, "--out", tmp_path / "file" / "x")
    assert done.exit_code == 1
    assert "x cannot be written: Not a directory" in done.stderr
    assert done.stdout == ""
    assert "popularity: " not in done.stderr, "before any training"


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_a_result_that_cannot_be_written_any_more_is_still_told(
    shop: tuple[Path, str, str], tmp_path: Path, command: str
) -> None:
    root, rules, popularity = shop
    name = "report.json" if command == "evaluate" else "compare.json"
    (tmp_path / name).mkdir()
    asked = ["--models", "popularity"] if command == "evaluate" else [rules, popularity]
    done = call(root, command, *asked, "--out", tmp_path)
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
    assert "Test from 2026-03" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch-sizes", "64,x"], "an example is 64,256,1024"),
        (["--batch-sizes", "0"], "an example is 64,256,1024"),
        (["--batch-sizes", ","], "an example is 64,256,1024"),
        (["--batch-sizes", "64", "--models", "popularity"], "popularity is not trained in batches"),
    ],
)
def test_batch_sizes_that_are_none(
    shop: tuple[Path, str, str], arguments: list[str], words: str
) -> None:
    done = call(shop[0], "evaluate", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_version_holds_the_page_of_its_report(shop: tuple[Path, str, str]) -> None:
    for version in list_versions(shop[0] / "models"):
        assert version.manifest is not None
        assert "report.html" in version.manifest.files
        page = (version.folder / "report.html").read_text("utf-8")
        assert f"{version.manifest.model.name} was judged alone" in page
