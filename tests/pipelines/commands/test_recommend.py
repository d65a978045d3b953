import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from pipelines.commands.recommend import recommend
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.cli import CommandGroup
from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.popularity import Popularity
from recommender.serving.artifact import write_artifact
from recommender.serving.versions import publish
from recommender.settings import Settings


@pytest.fixture
def run(tmp_path):
    group = CommandGroup("recommender", commands={"recommend": recommend})

    def invoke(*arguments: str):
        return CliRunner().invoke(group, ["recommend", *arguments, "-w", str(tmp_path)])

    return invoke


@pytest.fixture
def published(tmp_path):
    settings = Settings.model_validate({"model": {"name": "popularity"}})
    sessions = sessions_from_lists([[0, 1, 2, 3], [0, 1, 2], [0, 1], [0]])
    folder = write_artifact(
        tmp_path / "models",
        parts={"popularity": Popularity(4, settings).fit(sessions)},
        vocabulary=Vocabulary(["oak", "elm", "a/b 😀", "ash"]),
        settings=settings,
        report={},
        data={},
        created_at=datetime(2026, 11, 1, 2, 10, tzinfo=UTC),
    )
    return publish(tmp_path / "models", folder, keep=1)


@pytest.fixture
def catalog(tmp_path):
    EmbeddedCatalog(tmp_path / "catalog.sqlite").upsert(
        [
            Product(id="oak", title="Oak chair", price=49, currency="EUR", product_type=["Chairs"]),
            Product(id="elm", title="Elm chair", price=39.5, currency="EUR"),
            Product(id="ash", title="Ash [red] table", product_type=["Tables"]),
        ]
    )


def test_without_a_model(run, catalog):
    result = run("--item", "oak")
    assert result.exit_code == 1
    assert "publish one with `recommender nightly`" in result.stderr


def test_in_words(run, published, catalog):
    assert run("--item", "new", "--item", "oak").stdout.splitlines() == [
        "After new → Oak chair:",
        "  1. Elm chair  39.50 EUR  (Popular in this shop)",
        "  2. Ash [red] table  (Popular in this shop)",
        "Unknown to the model: new",
    ]


def test_as_json(run, published, catalog):
    body = json.loads(run("--item", "oak", "--limit", "1", "--json").stdout)
    assert body["model"] == {"name": "popularity", "version": published}
    assert body["placement"] == "command-line"
    assert [(item["id"], item["title"], item["price"]) for item in body["items"]] == [
        ("elm", "Elm chair", 39.5)
    ]
    assert body["fallback"] == {"used": False, "chain": ["model"], "reason": None}


def test_category_and_exclusion(run, published, catalog):
    body = json.loads(
        run("--item", "elm", "--category", "tables", "--exclude", "oak", "--json").stdout
    )
    assert [item["id"] for item in body["items"]] == ["ash"]


def test_without_a_catalog_ids_come_back_and_none_is_made(run, published, tmp_path):
    body = json.loads(run("--item", "oak", "--json").stdout)
    assert [item["id"] for item in body["items"]] == ["elm", "a/b 😀", "ash"]
    assert not (tmp_path / "catalog.sqlite").exists()
    assert "  2. a/b 😀  (Popular in this shop)" in run("--item", "oak").stdout


def test_nothing_to_recommend(run, published, tmp_path):
    EmbeddedCatalog(tmp_path / "catalog.sqlite").upsert([Product(id="new", title="New")])
    assert run().stdout == "Nothing may be recommended: everything is sold out or excluded.\n"


def test_usage(run, published):
    assert run("--limit", "101").exit_code == 2
    result = run("--item", "\udcff")
    assert result.exit_code == 2
    assert "an id is UTF-8 text" in result.stderr


def test_a_broken_catalog(run, published, tmp_path):
    (tmp_path / "catalog.sqlite").write_bytes(b"no database" * 1000)
    result = run("--item", "oak")
    assert result.exit_code == 1
    assert "catalog.sqlite" in result.stderr
