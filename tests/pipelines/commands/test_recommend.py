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
from tests.small_mixture import SETTINGS, small_mixture


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


@pytest.mark.elastic
def test_a_server_without_the_catalog_is_told(run, published, tmp_path, elasticsearch_url, caplog):
    pytest.importorskip("elasticsearch")
    assert run("--item", "oak").exit_code == 0
    assert caplog.text == "", "a shop that gave no feed"
    (tmp_path / "recommender.toml").write_text(
        "[catalog]\nadapter = 'elasticsearch'\n[catalog.elasticsearch]\n"
        f"hosts = ['{elasticsearch_url}']\nindex = 'nobodys'\n"
    )
    result = run("--item", "oak")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "After oak:")
    assert f"there is no catalog nobodys in Elasticsearch at {elasticsearch_url}; " in caplog.text
    assert "recommender import items FILE" in caplog.text


def test_in_words(run, published, catalog):
    assert run("--item", "new", "--item", "oak").stdout.splitlines() == [
        "After new (not in the catalog) → Oak chair:",
        "  1. Elm chair  39.50 EUR  (Popular in this shop)",
        "  2. Ash [red] table  (Popular in this shop)",
        "Unknown to the model: new",
    ]


@pytest.mark.parametrize(
    ("sale_price", "shown"),
    [(29.5, "29.50 EUR instead of 39.50"), (39.5, "39.50 EUR")],
)
def test_a_product_on_sale(run, published, catalog, tmp_path, sale_price, shown):
    elm = Product(id="elm", title="Elm", price=39.5, sale_price=sale_price, currency="EUR")
    EmbeddedCatalog(tmp_path / "catalog.sqlite").upsert([elm])
    assert f"  1. Elm  {shown}  (Popular in this shop)" in run("--item", "oak").stdout
    body = json.loads(run("--item", "oak", "--json").stdout)
    assert (body["items"][0]["price"], body["items"][0]["sale_price"]) == (39.5, sale_price)


def test_a_filter_chooses_before_anything_is_ranked(run, published, catalog):
    body = json.loads(run("--item", "oak", "--filter", "price<45", "--json").stdout)
    assert [item["id"] for item in body["items"]] == ["elm"]
    body = json.loads(run("--item", "oak", "--filter", "NOT price<45", "--json").stdout)
    assert [item["id"] for item in body["items"]] == ["ash"]
    result = run("--item", "oak", "--filter", "prize<45")
    assert result.exit_code == 2
    assert "filter, column 1: there is no field 'prize'; did you mean price?" in result.stderr


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
    assert run().stdout == (
        "Nothing may be recommended: everything is sold out, excluded or unknown to the model.\n"
    )


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        ("price>1000", "no_match", "no product of the catalog passes the filter"),
        (
            'brand="Elm & Co"',
            "nothing_left",
            "of 1 that the filter lets through all are sold out, excluded or unknown to the model",
        ),
    ],
)
def test_an_empty_row_blames_the_filter_only_where_it_is_the_filter(
    run, published, catalog, tmp_path, text, reason, why
):
    sold_out = Product(id="elm", title="Elm", brand="Elm & Co", availability="out_of_stock")
    EmbeddedCatalog(tmp_path / "catalog.sqlite").upsert([sold_out])
    said = run("--item", "oak", "--filter", text).stdout
    assert said.splitlines()[-1] == f"Nothing may be recommended: {why}."
    body = json.loads(run("--item", "oak", "--filter", text, "--json").stdout)
    assert body["fallback"] == {"used": True, "chain": [], "reason": reason}


def test_an_empty_row_without_a_catalog(run, published):
    assert run("--filter", "price<45").stdout == (
        "Nothing may be recommended: there is no catalog whose products could pass the filter.\n"
    )


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


@pytest.fixture
def mixture(tmp_path):
    """A published mixture over six products of two kinds."""
    sessions = sessions_from_lists([[0, 1, 2, 3, 4, 5]])
    folder = write_artifact(
        tmp_path / "models",
        parts={"popularity": Popularity(6, SETTINGS).fit(sessions), "mdn": small_mixture(6)},
        vocabulary=Vocabulary(["oak", "table-1", "elm", "table-3", "ash", "table-5"]),
        settings=SETTINGS,
        report={},
        data={},
        created_at=datetime(2026, 11, 1, 2, 10, tzinfo=UTC),
    )
    return publish(tmp_path / "models", folder, keep=1)


NO_DENSITIES = (
    "This model foresees no prices, pauses or purchases; one trained with densities.enabled = true "
    "does, from a log that names them."
)


NO_COLD = (
    "This model has no cold products: it recommends only what was clicked. A softmax or mdn model "
    "trained with cold.enabled = true and a product feed recommends others too."
)


def test_explained(run, mixture):
    said = run("--item", "oak", "--item", "table-1", "--explain", "--limit", "1").stdout
    assert said.splitlines()[2:] == [
        "The next product is among the model's first 20 with a chance of 73 %.",
        "What the visitor seems to be after:",
        " 50 % like table-1: table-3 · table-5 · oak · elm",
        " 50 % like oak: oak · elm · ash · table-5",
        NO_DENSITIES,
        NO_COLD,
    ]


def test_explained_by_a_model_without_intents(run, published):
    said = run("--item", "oak", "--explain", "--limit", "1").stdout
    assert said.splitlines()[-3:] == [
        'This model tells no intents; one trained with model.name = "mdn" does.',
        NO_DENSITIES,
        NO_COLD,
    ]


def test_an_unsure_model_leaves_it_to_best_sellers(run, mixture):
    options = ("--item", "oak", "--set", "serve.min_certainty=0.8", "--limit", "2")
    assert run(*options).stdout.splitlines()[-1] == (
        "Best sellers, since the model is only 73 % sure of its list of 20."
    )
    body = json.loads(run(*options, "--json").stdout)
    assert body["fallback"] == {"used": True, "chain": ["popular"], "reason": "uncertain"}
    assert body["certainty"] == pytest.approx(0.7311)
    assert body["intents"] is None
