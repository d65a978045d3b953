import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.data.examples import last_items
from recommender.data.vocabulary import Vocabulary
from recommender.models.contract import Intent, Model
from recommender.models.popularity import Popularity
from recommender.serving.answer import answer, new_recommendation_id
from recommender.serving.artifact import Artifact
from recommender.serving.manifest import Manifest
from recommender.serving.query import Query, category_path
from recommender.serving.shelf import Shelf, shelf_of
from tests.small_filters import filters, holds

N_ITEMS = 12
IDS = [f"i{row}" for row in range(N_ITEMS)]
CHAIRS, TABLES = ["Furniture", "Chairs"], ["Furniture", "Tables"]


class Neighbor(Model):
    """Expects the item after the last one, then the one after that, and so on in a circle."""

    name = "neighbor"

    def fit(self, train, validation, *, vectors=None, seed=0):
        return self

    def scores(self, sessions):
        last = np.maximum(last_items(sessions, 1), 0)
        return -((np.arange(self.n_items) - last - 1) % self.n_items).astype(np.float32)

    def arrays(self):
        return {"n": np.array(self.n_items)}

    @classmethod
    def from_arrays(cls, arrays, settings):
        return cls(int(arrays["n"]), settings)


def artifact_of(model: Model) -> Artifact:
    popularity = Popularity(N_ITEMS)
    popularity.counts_ = np.arange(N_ITEMS, 0, -1)
    manifest = Manifest(
        schema_version=1,
        version="20261121T0210Z-3f9c1a2b",
        package_version="0",
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        model={"name": model.name},
        parts=[],
        settings={},
        data={},
        files={},
    )
    parts = {"popularity": popularity, model.name: model}
    return Artifact(None, manifest, Vocabulary(IDS), parts, {})


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return artifact_of(Neighbor(N_ITEMS))


def product(row: int, **fields) -> Product:
    category = {0: CHAIRS, 1: TABLES, 2: ["Garden"], 3: []}[row % 4]
    return Product(id=f"i{row}", title=f"Product {row}", product_type=category, **fields)


@pytest.fixture(scope="module")
def table() -> ProductTable:
    return ProductTable(product(row) for row in range(N_ITEMS))


def ids(body):
    return [item["id"] for item in body["items"]]


def sources(body):
    return [item["source"] for item in body["items"]]


def test_the_body_is_that_of_the_conventions(artifact):
    first = product(
        5,
        price=49.0,
        sale_price=39.0,
        currency="EUR",
        brand="Acme",
        link="/p/5",
        image_link="https://x/5.svg",
    )
    table = ProductTable([product(4), first, product(6)])
    body = answer(artifact, table, Query("pdp-similar", ["i4"], limit=1))
    assert re.fullmatch(r"rec_[0-9A-HJKMNP-TV-Z]{26}", body.pop("recommendation_id"))
    assert 0 <= body.pop("took_ms") < 1000
    score = body["items"][0].pop("score")
    assert 0 <= score <= 1
    assert json.loads(json.dumps(body)) == {
        "placement": "pdp-similar",
        "model": {"name": "neighbor", "version": "20261121T0210Z-3f9c1a2b"},
        "items": [
            {
                "id": "i5", "rank": 1, "source": "model", "cold": False,
                "reason": {
                    "type": "because_viewed",
                    "item_id": "i4",
                    "text": "Because you viewed Product 4",
                },
                "title": "Product 5", "link": "/p/5", "image_link": "https://x/5.svg",
                "price": 49.0, "sale_price": 39.0, "currency": "EUR", "availability": "in_stock",
                "brand": "Acme",
            }
        ],
        "fallback": {"used": False, "chain": ["model"], "reason": None},
        "certainty": None,
        "intents": None,
        "expected": None,
        "cold": None,
        "missing_ids": [],
        "trace": None,
    }  # fmt: skip


def test_the_model_answers_for_the_last_item_it_knows(artifact, table):
    body = answer(artifact, table, Query(item_ids=["i9", "i3", "new", "new"], limit=3))
    assert ids(body) == ["i4", "i5", "i6"]
    assert body["items"][0]["reason"]["item_id"] == "i3"
    assert body["missing_ids"] == ["new"]
    assert [item["rank"] for item in body["items"]] == [1, 2, 3]


def test_the_page_itself_never_comes_back(artifact, table):
    assert "i3" not in ids(answer(artifact, table, Query(item_ids=["i3"], limit=100)))
    # With an unknown page it is the product that the model answers for.
    assert "i3" not in ids(answer(artifact, table, Query(item_ids=["i3", "new"], limit=100)))


@pytest.mark.parametrize("item_ids", [[], ["new"], ["new", "newer"]])
def test_nothing_known_gives_the_best_sellers(artifact, table, item_ids):
    body = answer(artifact, table, Query(item_ids=item_ids, limit=2))
    assert ids(body) == ["i0", "i1"]
    assert body["fallback"] == {"used": True, "chain": ["popular"], "reason": None}
    assert body["missing_ids"] == item_ids
    first = body["items"][0]
    assert first["score"] == pytest.approx(12 / 78)
    assert first["reason"] == {
        "type": "popular", "item_id": None, "text": "Popular in this shop",
    }  # fmt: skip


def test_a_new_product_gets_the_best_sellers_of_its_category_then_of_the_parents(artifact):
    new = Product(id="new", title="New", product_type=[*CHAIRS, "Stools"])
    table = ProductTable([*(product(row) for row in range(N_ITEMS)), new])
    body = answer(artifact, table, Query(item_ids=["new"], limit=8))
    # Chairs are 0, 4, 8; tables, the rest of furniture, 1, 5, 9; then the rest of the shop.
    assert ids(body) == ["i0", "i4", "i8", "i1", "i5", "i9", "i2", "i3"]
    assert sources(body) == ["popular_in_category"] * 6 + ["popular"] * 2
    texts = [item["reason"]["text"] for item in body["items"]]
    assert texts[2:4] == ["Popular in Chairs", "Popular in Furniture"]
    assert body["fallback"] == {
        "used": True,
        "chain": ["popular_in_category", "popular"],
        "reason": None,
    }


@pytest.mark.parametrize("category", ["Furniture > Chairs", CHAIRS, "furniture > CHAIRS", "chairs"])
def test_a_category_restricts_the_model(artifact, table, category):
    body = answer(artifact, table, Query(item_ids=["i4"], category=category, limit=2))
    assert ids(body) == ["i8", "i0"]
    assert sources(body) == ["model", "model"]


def test_what_a_category_leaves_open_is_filled_by_its_parents(artifact, table):
    query = Query(item_ids=["i4"], category="Furniture > Chairs", limit=4)
    body = answer(artifact, table, query)
    assert ids(body) == ["i8", "i0", "i1", "i5"]
    assert sources(body) == ["model", "model", "popular_in_category", "popular_in_category"]
    assert body["items"][2]["reason"]["text"] == "Popular in Furniture"
    assert body["fallback"] == {
        "used": True,
        "chain": ["model", "popular_in_category"],
        "reason": None,
    }


def test_an_unknown_category_falls_back_to_the_shop(artifact, table):
    body = answer(artifact, table, Query(item_ids=["i4"], category="Boats", limit=1))
    assert ids(body) == ["i0"]
    assert body["fallback"] == {"used": True, "chain": ["popular"], "reason": None}


def test_a_name_that_is_a_top_category_means_that_one(artifact):
    nested = Product(id="i0", title="0", product_type=["Furniture", "Garden"])
    top = Product(id="i2", title="2", product_type=["Garden", "Chairs"])
    table = ProductTable([nested, top])
    shelf = shelf_of(artifact, table)
    assert shelf.in_category(("garden",)).tolist() == [2]
    assert shelf.in_category(("furniture", "garden")).tolist() == [0]
    assert shelf.in_category(("chairs",)).tolist() == [2]


def test_without_a_catalog_only_ids_come_back(artifact):
    body = answer(artifact, ProductTable([]), Query(item_ids=["i3"], limit=2))
    assert ids(body) == ["i4", "i5"]
    item = body["items"][0]
    assert item["reason"]["text"] == "Because you viewed i3"
    assert {item[name] for name in ("title", "link", "price", "availability")} == {None}


def test_with_a_catalog_only_its_products_come_back(artifact):
    table = ProductTable([product(3), product(7), product(8, availability="out_of_stock")])
    body = answer(artifact, table, Query(item_ids=["i3"], limit=10))
    assert ids(body) == ["i7"]


def test_nothing_left_is_an_empty_answer(artifact):
    table = ProductTable([product(3)])
    body = answer(artifact, table, Query(item_ids=["i3"]))
    assert body["items"] == []
    assert body["fallback"] == {"used": True, "chain": [], "reason": "nothing_left"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("price>50", "no_match"), ("price<50", "nothing_left"), ('id="i4"', None)],
)
def test_an_empty_answer_says_whether_it_was_the_filter(artifact, text, reason):
    sold_out = product(5, price=9.0, availability="out_of_stock")
    table = ProductTable([product(3, price=9.0), product(4), sold_out])
    query = Query(item_ids=["i3"], filter=parse_filter(text))
    body = answer(artifact, table, query, min_certainty=1.0)
    assert body["fallback"]["reason"] == reason
    assert (body["items"] == []) == (reason is not None)


def test_a_viewed_product_that_is_gone_is_not_told_by_its_id(artifact):
    table = ProductTable([product(4), product(5)])
    first = answer(artifact, table, Query(item_ids=["i3"]))["items"][0]
    assert first["reason"] == {
        "type": "because_viewed", "item_id": "i3", "text": "Because of what you viewed",
    }  # fmt: skip


def test_scores_are_the_models_chances(table):
    artifact = artifact_of(Popularity(N_ITEMS))
    artifact.model.counts_ = np.arange(N_ITEMS, 0, -1)
    body = answer(artifact, table, Query(item_ids=["i3"], limit=1))
    assert body["items"][0]["score"] == pytest.approx(13 / 90)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_limits_are_refused(limit):
    with pytest.raises(ValueError, match=f"limit is 1 to 100, got {limit}"):
        Query(limit=limit)


def test_category_paths():
    assert category_path(None) == ()
    assert category_path(" > ") == ()
    assert category_path("A >  B > >5 cm") == ("A", "B", ">5 cm")
    assert category_path(["A", " B "]) == ("A", "B")


def test_recommendation_ids_are_unique_and_sort_by_time():
    made = [new_recommendation_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert [name[4:14] for name in made] == sorted(name[4:14] for name in made)


def test_the_shelf_is_made_once_for_a_pair(artifact, table):
    first = shelf_of(artifact, table)
    assert shelf_of(artifact, table) is first
    newer = ProductTable(product(row) for row in range(N_ITEMS))
    assert shelf_of(artifact, newer) is not first
    assert shelf_of(artifact, newer) is shelf_of(artifact, newer)


def test_a_new_price_or_stock_makes_no_new_categories(artifact, table, monkeypatch):
    """Made of a hundred thousand products they are what everybody would wait for."""
    first = shelf_of(artifact, table)
    assert IDS[2] in [IDS[row] for row in first.popular]
    monkeypatch.delattr("recommender.serving.shelf.Categories")

    sold_out = table.get(IDS[2]).model_copy(update={"availability": "out_of_stock", "price": 1.0})
    assert IDS[2] not in [
        IDS[row] for row in shelf_of(artifact, table.changed([sold_out], [])).popular
    ]


any_id = st.sampled_from([*IDS, "new", "newer", "a/b", "😀"])
availability = st.sampled_from(["in_stock", "out_of_stock", "preorder", "backorder"])
category_name = st.sampled_from(["A", "B", "C"])
path = st.lists(category_name, max_size=3)
some_products = st.dictionaries(any_id, st.tuples(availability, path), min_size=1)


@given(catalogs=st.lists(some_products, min_size=2, max_size=4))
def test_a_shelf_made_of_an_older_one_is_one_made_anew(artifact, catalogs):
    def products(catalog):
        for item_id, (stock, names) in catalog.items():
            yield Product(id=item_id, title="T", availability=stock, product_type=names)

    table = ProductTable(products(catalogs[0]))
    for catalog in catalogs[1:]:
        shelf_of(artifact, table)
        table = table.changed(products(catalog), list(catalogs[0])[:1])
        known, fresh = shelf_of(artifact, table), Shelf(artifact, table)
        assert known.popular.tolist() == fresh.popular.tolist()
        assert known.passing(None).tolist() == fresh.passing(None).tolist()
        for names in [("A",), ("B",), ("c",), ("A", "B"), ("B", "A", "C"), ("X",)]:
            assert known.in_category(names).tolist() == fresh.in_category(names).tolist()
            assert all(known.sellable[known.in_category(names)])


@given(
    catalog=some_products,
    item_ids=st.lists(any_id, max_size=5),
    excluded=st.lists(any_id, max_size=5),
    category=st.one_of(st.none(), path),
    node=st.none() | filters(["availability", "product_type"], ["A", "B", "in_stock", "preorder"]),
    limit=st.integers(1, 15),
)
def test_laws_of_every_answer(artifact, catalog, item_ids, excluded, category, node, limit):
    table = ProductTable(
        Product(id=item_id, title=item_id, availability=stock, product_type=names)
        for item_id, (stock, names) in catalog.items()
    )
    query = Query("home", item_ids, category, node, limit, excluded)
    body = answer(artifact, table, query)
    given_ids = ids(body)
    sellable = {
        item_id
        for item_id, (stock, _) in catalog.items()
        if stock != "out_of_stock" and (node is None or holds(node, table.get(item_id)))
    }
    known = [item_id for item_id in item_ids if item_id in IDS]
    forbidden = {*excluded, *item_ids[-1:], *known[-1:]}
    assert set(given_ids) <= (sellable & set(IDS)) - forbidden
    # Never twice, and as many as there are.
    assert len(set(given_ids)) == len(given_ids)
    assert len(given_ids) == min(limit, len((sellable & set(IDS)) - forbidden))
    assert set(body["missing_ids"]) == set(item_ids) - set(IDS)
    assert body["fallback"]["used"] == (set(sources(body)) != {"model"})
    order = ["model", "popular_in_category", "popular"]
    assert sources(body) == sorted(sources(body), key=order.index)
    assert all(0 <= item["score"] <= 1 for item in body["items"])
    if category and len(category) > 1:
        for item in body["items"]:
            if item["source"] == "model":
                assert catalog[item["id"]][1][: len(category)] == category


def test_an_unsure_model_is_left_out(artifact, table, monkeypatch):
    """The fixture's model tells none: it is given one, as an artifact would bring it."""
    monkeypatch.setattr(type(artifact.model), "certainty", lambda *_: np.array([0.4], np.float32))
    query = Query(item_ids=["i3"], limit=3)
    sure = answer(artifact, table, query, min_certainty=0.3)
    assert sure["certainty"] == 0.4
    assert sure["fallback"]["reason"] is None
    assert sources(sure)[0] == "model"
    unsure = answer(artifact, table, query, min_certainty=0.5)
    assert unsure["fallback"]["used"]
    assert unsure["fallback"]["reason"] == "uncertain"
    assert "model" not in sources(unsure)
    assert len(unsure["items"]) == 3


def test_an_explanation_names_what_each_intent_would_show(artifact, table, monkeypatch):
    told = [Intent(0.75, 1, np.array([5, 6])), Intent(0.25, 0, np.array([], np.int64))]
    monkeypatch.setattr(type(artifact.model), "intents", lambda *_: told)
    body = answer(artifact, table, Query(item_ids=["i3", "i4"], explain=True))
    first, second = body["intents"]
    assert first["weight"] == 0.75
    assert first["because_viewed"]["id"] == "i4"
    assert [item["id"] for item in first["items"]] == [
        artifact.vocabulary.item_ids[row] for row in (5, 6)
    ]
    assert second["items"] == []
    assert answer(artifact, table, Query(item_ids=["i3", "i4"]))["intents"] is None
    assert answer(artifact, table, Query(item_ids=["new"], explain=True))["intents"] == []


def test_a_page_loaded_again_is_no_step(artifact, table, monkeypatch):
    asked = []
    scores = type(artifact.model).scores
    monkeypatch.setattr(
        type(artifact.model),
        "scores",
        lambda model, sessions: asked.append(sessions.items.tolist()) or scores(model, sessions),
    )
    for item_ids in (["i1", "i3", "i3"], ["i1", "i3"], ["i1", "gone", "gone", "i3"]):
        answer(artifact, table, Query(item_ids=item_ids))
    assert asked == [[1, 3]] * 3
    manifest = artifact.manifest.model_copy(
        update={"settings": {"sessions": {"collapse_repeats": False}}}
    )
    answer(replace(artifact, manifest=manifest), table, Query(item_ids=["i1", "i3", "i3"]))
    assert asked[-1] == [1, 3, 3]
