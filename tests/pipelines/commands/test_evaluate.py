"""`recommender evaluate` and `train`: what they print, and what stops them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recommender.cli import cli
from recommender.serving.artifact import load
from recommender.serving.versions import current
from tests.ring_shop import N_ITEMS, QUICK, make_log


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    return make_log(folder)


def call(root: Path, *arguments: str) -> Result:
    overrides = [text for setting in QUICK for text in ("--set", setting)]
    command, *rest = arguments
    return CliRunner().invoke(cli, [command, "-w", str(root), *overrides, *rest])


def test_json_has_what_is_promised_and_nothing_else(root: Path) -> None:
    done = call(root, "evaluate", "--json", "--models", "softmax,sequential_rules,popularity")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["test"] == {
        "from": "2026-03-04T00:00:00Z", "until": None, "sessions": 40, "queries": 120,
        "queries_dropped_unknown_item": 0, "sessions_crossing_the_split": 0,
    }  # fmt: skip
    network, rules, _ = report["models"]
    assert [model["name"] for model in report["models"]] == [
        "softmax", "sequential_rules", "popularity"
    ]  # fmt: skip
    assert 0 < network["choosing_s"] < network["train_s"]
    assert network["bytes"] > 0
    assert network["ms_per_query"] > 0
    assert list(network["metrics"]) == ["none", "current", "session"]
    assert network["settled"]["start"] == "spectral"
    assert {"epoch", "loss", "validation"} <= set(network["epochs"][0])
    assert rules["metrics"]["none"]["mrr@20"] == {"value": 1, "low": 1, "high": 1}, "a ring"
    assert {(one["model"], one["against"], one["exclude"]) for one in report["differences"]} == {
        ("softmax", rival, exclusion)
        for rival in ("sequential_rules", "popularity")
        for exclusion in ("none", "current", "session")
    }


def test_the_table_is_the_result(root: Path) -> None:
    done = call(root, "evaluate", "--models", "popularity", "--test-from", "2026-03-03")
    assert done.exit_code == 0, done.output
    assert "Test from 2026-03-03T00:00:00Z: 80 sessions, 240 queries" in done.stdout
    assert "Exclude session: nothing already seen" in done.stdout
    assert "leads" not in done.stdout


def test_the_tables_fit_a_terminal(root: Path) -> None:
    done = call(root, "evaluate", "--models", "sequential_rules,popularity")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line.split()[:2] for line in lines if line.startswith("popularity")][-3:] == [
        ["popularity", "none"], ["popularity", "current"], ["popularity", "session"]
    ]  # fmt: skip
    assert any(line.startswith("sequential_rules leads") for line in lines)


def test_every_start_may_be_tried(root: Path) -> None:
    """Also from vectors that are shorter than the network's rows."""
    auto = ("--set", "model.start=auto", "--set", "word2vec.dim=4")
    done = call(root, "evaluate", "--json", "--models", "softmax", *auto)
    assert done.exit_code == 0, done.output
    (model,) = json.loads(done.stdout)["models"]
    starts = {record["start"] for record in model["epochs"]}
    assert starts == {"random", "word2vec", "spectral"}


def test_the_slides_network_beside_the_others(root: Path) -> None:
    """One command shows bytes, seconds and quality; what is large is foretold."""
    models = ("--models", "popularity,onehot,onehot:fair")
    small = ("--set", "onehot.max_epochs=4", "--set", "onehot.fair_batch_sizes=[50]")
    done = call(root, "evaluate", "--json", *models, *small)
    assert done.exit_code == 0, done.output
    popular, slides, fair = json.loads(done.stdout)["models"]
    assert popular["predicted"] == {}
    assert slides["bytes"] == slides["predicted"]["bytes"] == 4 * (4 * N_ITEMS**2 + 3 * N_ITEMS)
    assert slides["predicted"]["file_bytes"] == 2 * slides["bytes"]
    assert slides["settled"] == {}
    assert slides["epochs"] == []
    assert fair["name"] == "onehot:fair"
    assert set(fair["settled"]) == {"batch_size", "epochs"}
    assert len(fair["epochs"]) > 3
    done = call(root, "evaluate", *models, *small)
    assert "onehot:fair will take 2,448 bytes of weights" in done.stderr
    assert "foreseen" in done.stdout


def test_over_a_budget_nothing_is_trained(root: Path) -> None:
    done = call(root, "evaluate", "--models", "popularity,onehot", "--set", "onehot.max_bytes=100")
    assert done.exit_code == 1
    assert f"{N_ITEMS} products need 2,448 bytes of weights" in done.stderr
    assert "more than onehot.max_bytes (100 bytes)" in done.stderr


def test_several_seeds_tell_the_spread(root: Path, tmp_path: Path) -> None:
    """The first seed is the row; what no seed changes is trained once."""
    out = ("--out", str(tmp_path))
    models = ("--models", "word2vec,popularity")
    done = call(root, "evaluate", "--json", *models, "--seeds", "3", *out)
    assert done.exit_code == 0, done.output
    network, popularity = json.loads(done.stdout)["models"]
    assert [entry["seed"] for entry in network["seeds"]] == [0, 1, 2]
    assert popularity["seeds"] == []
    found = [entry["metrics"]["none"]["mrr@20"] for entry in network["seeds"]]
    assert found[0] == network["metrics"]["none"]["mrr@20"]["value"]
    assert len(set(found)) > 1
    assert "trained from 3 seeds: recall@20" in (tmp_path / "report.html").read_text("utf-8")
    done = call(root, "evaluate", "--models", "word2vec", "--seeds", "2")
    assert "word2vec, exclude none: 2 seeds: recall@20" in done.stdout


def test_seeds_of_a_model_that_knows_none_are_no_secret(root: Path, tmp_path: Path) -> None:
    models = ("--models", "sequential_rules,popularity", "--out", str(tmp_path))
    words = "No seed changes sequential_rules and popularity: trained once, no spread."
    done = call(root, "evaluate", *models, "--seeds", "2")
    assert words in done.stdout
    assert words in (tmp_path / "report.html").read_text("utf-8")
    done = call(root, "evaluate", *models)
    assert "No seed" not in done.stdout + (tmp_path / "report.html").read_text("utf-8")


def test_stages_are_told_where_no_terminal_shows_them(root: Path) -> None:
    done = call(root, "evaluate", "--models", "word2vec", "--seeds", "2")
    assert done.stderr.splitlines() == [
        "word2vec: training…", "word2vec: judging…", "word2vec, seed 1: training…",
    ]  # fmt: skip
    done = call(root, "evaluate", "--models", "softmax:plain", "--log-format", "json")
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == [
        "softmax:plain: choosing…", "softmax:plain: training…", "softmax:plain: judging…",
    ]  # fmt: skip
    assert call(root, "evaluate", "--models", "popularity", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--models", "sofmax"], 2, "the nearest is softmax"),
        (["--models", ","], 2, "name at least one of"),
        (["--test-from", "yesterday"], 2, "an example is"),
        (["--test-from", "2027-01-01"], 1, "no event at or after 2027-01-01T00:00:00Z"),
        (["--test-from", "2026-03-02"], 1, "2 are needed"),
        (["--set", "evaluation.test_days=9"], 1, "the log holds events of 4 days"),
        (["--set", "evaluation.exclude=[]"], 2, "evaluation.exclude"),
        (["--set", "vocabulary.min_count=999"], 1, "too little to train on"),
    ],
)
def test_what_stops_it(root: Path, arguments: list[str], exit_code: int, words: str) -> None:
    done = call(root, "evaluate", *arguments)
    assert done.exit_code == exit_code, done.output
    assert words in done.stderr


def test_a_day_of_new_products_cannot_judge(tmp_path: Path) -> None:
    make_log(tmp_path, last_day_from=100)
    for command in ("evaluate", "train"):
        done = call(tmp_path / "shop", command, "--set", "model.name=popularity")
        assert done.exit_code == 1
        assert "nothing to judge on" in done.stderr
    assert current(tmp_path / "shop" / "models") is None


def body_of(done: Result) -> dict[str, Any]:
    """What a command printed; its own words where it failed, as a busy machine may make it."""
    assert done.exit_code == 0, done.output
    body: dict[str, Any] = json.loads(done.stdout)
    return body


def test_train_publishes_only_the_first_unless_told(root: Path) -> None:
    quick = ("train", "--json", "--set", "model.name=sequential_rules")
    first = body_of(call(root, *quick))
    assert first["live"]
    assert first["report"]["models"][0]["name"] == "sequential_rules"
    live = load(root / "models" / "current")
    assert live.version == first["version"]
    assert live.manifest.data["data_until"] == "2026-03-04T08:39:04Z"
    second = body_of(call(root, *quick))
    assert not second["live"]
    assert load(root / "models" / "current").version == first["version"]
    words = call(root, "train", "--no-publish", "--set", "model.name=popularity")
    assert words.exit_code == 0, words.output
    assert "make it live with: recommender models promote" in words.stdout
