"""`recommender densities` on a simulated shop, and densities in what `train` writes."""

import json
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.commands.densities import densities
from pipelines.commands.evaluate import evaluate
from pipelines.commands.recommend import recommend
from pipelines.commands.train import train
from pipelines.densities import catalog_prices
from pipelines.density_tables import densities_table, families_table
from pipelines.ingest.events import import_events
from pipelines.nightly import import_sources
from pipelines.simulate.workspace import Plan, simulate
from recommender.cli import CommandGroup
from recommender.configuration import load_settings
from recommender.data.prices import logged_prices
from recommender.errors import ArtifactError
from recommender.serving.artifact import load
from recommender.serving.check import check_artifact
from recommender.serving.golden import check_golden
from recommender.serving.versions import current
from recommender.settings import Settings
from recommender.workspace import Workspace

QUICK = ["softmax.dim=16", "softmax.hidden=16", "softmax.epochs=1", "softmax.variant=plain",
         "word2vec.dim=16", "word2vec.epochs=1", "evaluation.bootstrap_samples=50"]  # fmt: skip
cli = CommandGroup("recommender")
for command in (densities, evaluate, recommend, train):
    cli.add_command(command)


def call(root: Path, *arguments: str) -> Result:
    settings = [word for setting in QUICK for word in ("--set", setting)]
    return CliRunner().invoke(cli, [*arguments, "-w", str(root), *settings])


def make_shop(root: Path, visitors: int, days: int) -> Path:
    simulate(root, Plan(0, 120, visitors, date(2026, 3, 1), date(2026, 3, days)))
    workspace = Workspace(root)
    import_sources(workspace, load_settings(workspace.settings_path, environ={}))
    return root


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("densities"), visitors=200, days=7)


@pytest.fixture(scope="module")
def report(shop: Path) -> dict[str, Any]:
    done = call(shop, "densities", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_densities_are_judged_against_what_else_there_is(report: dict[str, Any]) -> None:
    assert report["test"]["from"] == "2026-03-07T00:00:00Z"
    for name in ("price", "pause"):
        scores = report[name]["scores"]
        assert list(scores)[:5] == ["mixture", "mixture, products only", "constant",
                                    "bayesian_ridge", "gradient_boosting"]  # fmt: skip
        assert scores["mixture"]["nll"] < scores["constant"]["nll"]
    # Visitors keep to a price level, and some go back.
    assert report["price"]["scores"]["bayesian_ridge"]["behind"]["low"] > 0
    assert report["purchase"]["scores"]["mixture"]["auc"] > 0.6
    assert set(report["train"]["epochs"]) == {"price", "pause", "purchase"}


def test_people_get_tables(report: dict[str, Any]) -> None:
    text = densities_table({**report, "purchase": None})
    for words in ("The next product's price", "The pause before", "behind the first",
                  "gradient_boosting", "before the visit ends: too little to learn"):  # fmt: skip
        assert words in text
    assert "AUC" in densities_table(report)


def test_tables_tell_what_was_held_impossible_where_something_was(report: dict[str, Any]) -> None:
    assert all(one["outside"] == 0 for one in report["price"]["scores"].values())
    assert "outside" not in densities_table(report)
    price = deepcopy(report["price"])
    price["scores"]["mixture"]["outside"] = 3e-06
    assert densities_table({**report, "price": price}).count("outside") == 1
    assert "0.000003" in densities_table({**report, "price": price})
    row = {"family": "gaussian", "components": 1, "nll": 1.0, "train_s": 2.0, "outside": 0.0}
    found = {"from": "", "until": "", "families": {"price": [row]}}
    assert "outside" not in families_table(found)
    found["families"]["price"].append({**row, "outside": 0.002})
    assert "0.002000" in families_table(found)


def test_families_are_compared_on_validation(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.density_families.PRICES", [("truncated_gaussian", 2)])
    monkeypatch.setattr("pipelines.density_families.PAUSES", [("log_normal", 2), ("gamma", 2)])
    done = call(shop, "densities", "--families", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["from"], found["until"]) == ("2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z")
    assert [row["family"] for row in found["families"]["price"]] == ["truncated_gaussian"]
    log_normal, gamma = found["families"]["pause"]
    assert abs(log_normal["nll"] - gamma["nll"]) < 1
    done = call(shop, "densities", "--families")
    assert "gamma" in done.stdout


def test_a_version_carries_its_densities(shop: Path) -> None:
    done = call(shop, "train")
    assert done.exit_code == 0, done.output
    assert "Densities: price, pause, purchase." in done.stderr
    folder = current(Workspace(shop).models_dir)
    assert folder is not None
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert len(report["price_curves"]) == len(report["typical"]) == 12
    assert all(one["seen"] and one["next"] for one in report["price_curves"])
    page = (folder / "report.html").read_text("utf-8")
    assert page.count('aria-label="The next product is expected to cost about') == 12
    artifact = check_artifact(folder)
    found = artifact.densities
    assert found is not None
    viewed = artifact.vocabulary.item_ids[:2]
    told = found.tell(found.features(viewed))
    assert told["price"]["0.05"] < told["price"]["0.5"] < told["price"]["0.95"]
    assert 0 < told["purchase"] < 1
    asked = [word for item_id in viewed for word in ("--item", item_id)]
    body = json.loads(call(shop, "recommend", *asked, "--explain", "--json").stdout)
    assert body["expected"].items() >= told.items()
    shown = [item["id"] for item in body["items"]]
    assert list(body["expected"]["price_fits"]) == shown
    assert all(factor > 0 for factor in body["expected"]["price_fits"].values())
    assert json.loads(call(shop, "recommend", *asked, "--json").stdout)["expected"] is None
    said = call(shop, "recommend", *asked, "--explain").stdout
    assert "The next product costs about" in said
    assert "The visitor buys before the visit ends" in said
    golden = folder / "golden.json"
    body = json.loads(golden.read_text("utf-8"))
    body["queries"][1]["expected"]["purchase"] += 0.01
    golden.write_text(json.dumps(body), "utf-8")
    with pytest.raises(ArtifactError, match="answered differently"):
        check_golden(golden, artifact.model, artifact.vocabulary, found)


def test_a_shop_that_wants_none_gets_none(shop: Path) -> None:
    done = call(shop, "train", "--set", "densities.enabled=false", "--publish")
    assert done.exit_code == 0, done.output
    artifact = load(Workspace(shop).models_dir / "current")
    assert artifact.densities is None
    assert not (artifact.folder / "densities").exists()
    report = json.loads((artifact.folder / "report.json").read_text("utf-8"))
    assert report["price_curves"] is None
    assert "Price of the next" not in (artifact.folder / "report.html").read_text("utf-8")


def test_nobody_waits_for_price_curves_where_only_rules_are_judged(shop: Path) -> None:
    done = call(shop, "evaluate", "--models", "sequential_rules", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["price_curves"] is None


def test_too_little_is_a_sentence(tmp_path: Path) -> None:
    make_shop(tmp_path, visitors=10, days=3)
    for options in ([], ["--families"]):
        done = call(tmp_path, "densities", *options)
        assert done.exit_code == 1
        assert "import more events" in done.stderr


def test_a_test_that_asks_nothing_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Visits of one page, so without a next product or a pause, that the log's end leaves open."""
    monkeypatch.setattr("recommender.densities.training.EPOCHS", (1, 1))
    write_log(tmp_path)
    done = call(tmp_path, "densities", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["train"]["epochs"].keys() == {"price", "pause", "purchase"}
    for name in ("price", "pause", "purchase"):
        assert report[name] == {"pages": 0, "scores": {}}
    text = densities_table({**report, "pause": None})
    assert text.count("nothing to judge on") == 2
    assert text.count("too little to learn from") == 1


def write_log(root: Path) -> None:
    """300 visits of three products, every third of which buys; a day later five of one."""
    lines = []
    for visit in range(305):
        is_last = visit >= 300
        begin = datetime(2026, 3, 4 if is_last else 1 + visit // 100, 8, tzinfo=UTC)
        for step in range(1 if is_last else 3):
            item, buys = (visit + 7 * step) % 50, step == 2 and visit % 3 == 0
            time = begin + timedelta(minutes=visit % 100, seconds=20 * step + visit % 7)
            product = {"item_id": f"item {item}", "price": 10.0 + item}
            lines.append(json.dumps({
                "event_name": "purchase" if buys else "view_item", "event_time": time.isoformat(),
                "session_id": f"visit {visit}", "items": [product],
            }))  # fmt: skip
    path = root / "log.ndjson"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    import_events(Workspace(root), Settings(), str(path))


def test_prices_of_log_and_catalog_agree(shop: Path) -> None:
    workspace = Workspace(shop)
    logged, currency = logged_prices(workspace.events_dir)
    listed = catalog_prices(workspace, Settings(), currency)
    assert currency == "EUR"
    assert catalog_prices(workspace, Settings(), "USD") == {}
    assert catalog_prices(workspace, Settings(), "") == listed, "its most frequent currency"
    both = logged.keys() & listed.keys()
    assert len(both) > 50
    same = sum(abs(logged[item] - listed[item]) < 0.01 for item in both)
    assert same > 0.9 * len(both)
