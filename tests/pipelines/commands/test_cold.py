"""`recommender cold` on a simulated shop, and cold products in what `train` writes."""

import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cold_report import LIMITS
from pipelines.cold_rivals import RIVALS
from pipelines.cold_tables import cold_table
from pipelines.commands.cold import cold
from pipelines.commands.recommend import recommend
from pipelines.commands.train import train
from pipelines.nightly import import_sources
from pipelines.simulate.workspace import Plan, simulate
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.cli import CommandGroup
from recommender.cold.calibration import STRENGTHS
from recommender.configuration import load_settings
from recommender.serving.check import check_artifact
from recommender.serving.versions import current
from recommender.workspace import Workspace

QUICK = ["softmax.dim=16", "softmax.hidden=16", "softmax.epochs=3", "softmax.variant=plain",
         "mdn.variant=plain", "word2vec.dim=16", "word2vec.epochs=1", "densities.enabled=false",
         "evaluation.bootstrap_samples=50", "evaluation.validation_days=2",
         "evaluation.test_days=2"]  # fmt: skip
cli = CommandGroup("recommender")
for command in (cold, recommend, train):
    cli.add_command(command)


def call(root: Path, *arguments: str) -> Result:
    settings = [word for setting in QUICK for word in ("--set", setting)]
    return CliRunner().invoke(cli, [*arguments, "-w", str(root), *settings])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cold")
    simulate(root, Plan(0, 120, 400, date(2026, 3, 1), date(2026, 3, 9)))
    workspace = Workspace(root)
    import_sources(workspace, load_settings(workspace.settings_path, environ={}))
    with closing(EmbeddedCatalog(workspace.catalog_path)) as catalog:
        seen = next(one for one in catalog.scan() if one.product_type)
        # Nobody clicked them, and of the second the feed says nothing that others say.
        twin = seen.model_copy(update={"id": "nobody's", "availability": "in_stock"})
        catalog.upsert([twin, Product(id="nobody's either", title="Xyzzy")])
    return root


@pytest.fixture(scope="module")
def report(shop: Path) -> dict[str, Any]:
    done = call(shop, "cold", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_hidden_products_are_found_better_than_by_category(report: dict[str, Any]) -> None:
    assert report["test"]["from"] == "2026-03-08T00:00:00Z"
    assert report["products"]["hidden"] == round(0.1 * (
        report["products"]["known"] + report["products"]["hidden"]
    ))  # fmt: skip
    methods = report["newest"]["all"]["methods"]
    assert list(methods) == ["ridge", "network", "neighbors in text", "text of the page",
                             "random in category", "popularity of category"]  # fmt: skip
    for rival in ("random in category", "popularity of category"):
        assert methods[rival]["mrr@20"]["ahead"]["low"] > 0
    assert report["validation"]["newest"]["all"]["queries"] >= 20
    clicks = report["newest"]["all"]["queries"]
    assert report["lists"]["newest"]["queries"] <= clicks <= report["unknown"]["all"]["queries"]


def test_rivals_choose_among_as_many_settings_as_the_ridge(report: dict[str, Any]) -> None:
    assert report["chosen"]["strength"] in STRENGTHS
    assert set(RIVALS) == {"network", "neighbors in text"}
    for name, (_, settings) in RIVALS.items():
        assert len(settings) == len(STRENGTHS)
        assert report["chosen"][name] in settings


def test_the_more_cold_products_a_list_holds_the_more_of_them_are_found(
    report: dict[str, Any],
) -> None:
    lists = report["lists"]
    found = {
        part: [lists[part]["methods"][str(limit)]["recall@20"]["value"] for limit in LIMITS]
        for part in ("known", "unknown", "all")
    }
    assert found["unknown"][0] == 0
    assert found["unknown"] == sorted(found["unknown"])
    assert found["known"] == sorted(found["known"], reverse=True)
    assert found["all"][2] > found["all"][0]


def test_people_get_tables(report: dict[str, Any]) -> None:
    text = cold_table(report)
    neighbors = report["chosen"]["neighbors in text"]["neighbors"]
    for words in ("Chosen on validation: penalty", f"neighbors in text: neighbors {neighbors}",
                  "ridge ahead", "random in category", "cold at most",
                  "Lists of 20 by what the next product was"):  # fmt: skip
        assert words in text
    one_kind = {**report, "newest": {"all": report["newest"]["all"] | {"queries": 7777}}}
    one_kind["newest"]["with category"] = one_kind["newest"]["all"]
    assert cold_table(one_kind).count("7777 clicks") == 1, "the same table once"
    assert "All products that the model does not know" in text
    of_one_set = {**report, "products": report["products"] | {"unknown": 7, "hidden": 7}}
    assert "All products that the model does not know" not in cold_table(of_one_set)


@pytest.mark.parametrize("clicks", [0, 1, 19])
def test_a_few_clicks_make_no_table(report: dict[str, Any], clicks: int) -> None:
    every = report["newest"]["all"]
    enough = {**report, "newest": {"all": {**every, "queries": 20}}}
    assert "ridge ahead" in cold_table(enough)
    few = {**report, "newest": {"all": {**every, "queries": clicks}} if clicks else {}}
    text = cold_table(few)
    assert text.startswith(f"Only {clicks} click{'' if clicks == 1 else 's'} on hidden products ")
    assert text.endswith("with --test-from.")
    assert "\n" not in text


@pytest.mark.parametrize("name", ["softmax", "mdn"])
def test_a_version_recommends_a_product_of_today(shop: Path, name: str) -> None:
    done = call(shop, "train", "--publish", "--set", f"model.name={name}")
    assert done.exit_code == 0, done.output
    assert "Products without clicks: " in done.stderr
    folder = current(Workspace(shop).models_dir)
    assert folder is not None
    artifact = check_artifact(folder)
    entry = artifact.report["cold"]
    assert (entry["in_stock"] > entry["unknown"], entry["placed"]) == (True, entry["unknown"] - 1)
    assert artifact.cold is not None
    assert entry["level"] == round(artifact.cold.level, 4)
    words = f"Of {entry['in_stock']} products in stock {entry['unknown']} have no clicks"
    assert words in done.stderr
    assert words in (folder / "report.html").read_text("utf-8")
    with closing(EmbeddedCatalog(Workspace(shop).catalog_path)) as catalog:
        seen = next(
            one for one in catalog.scan()
            if one.id in artifact.vocabulary and one.product_type and one.availability == "in_stock"
        )  # fmt: skip
        twin = seen.model_dump() | {"id": f"twin of {seen.id}"}
        catalog.upsert([Product.model_validate(twin)])
    asked = ["recommend", "--item", seen.id, "--limit", "20", "--explain"]
    body = json.loads(call(shop, *asked, "--json").stdout)
    assert f"twin of {seen.id}" in [item["id"] for item in body["items"] if item["cold"]]
    assert body["cold"]["products"] >= 1
    said = call(shop, *asked).stdout
    assert "(cold; Because you viewed" in said
    assert "a list holds at most 2 (serve.max_cold)." in said
    none = json.loads(call(shop, *asked, "--json", "--set", "serve.max_cold=0").stdout)
    assert not any(item["cold"] for item in none["items"])


def test_a_version_need_not_learn_them(shop: Path) -> None:
    done = call(shop, "train", "--publish", "--set", "cold.enabled=false")
    assert "No vectors for products without clicks." in done.stderr
    assert "This version places none of them" in done.stderr
    folder = current(Workspace(shop).models_dir)
    assert folder is not None
    assert check_artifact(folder).cold is None
    assert "This model has no cold products" in call(shop, "recommend", "--explain").stdout


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.name=sequential_rules", "sequential_rules has no vectors, so it has no cold"),
        ("cold.hidden_share=0.6", "cold.hidden_share"),
    ],
)
def test_what_cannot_be_judged_is_said(shop: Path, setting: str, words: str) -> None:
    done = call(shop, "cold", "--set", setting)
    assert done.exit_code in (1, 2)
    assert words in done.output


def test_a_shop_without_a_feed_is_told_how_to_bring_one(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "recommender.toml").write_text("schema_version = 1\n")
    (tmp_path / "events").symlink_to(shop / "events")
    done = call(tmp_path, "cold")
    assert done.exit_code == 1
    assert "recommender import items FILE" in done.output
