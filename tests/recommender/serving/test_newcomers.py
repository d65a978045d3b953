"""Products without clicks in answers: they enter, are marked, and every rule holds for them."""

import json
import re
import shutil

import numpy as np
import pytest

from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.errors import ArtifactError
from recommender.serving.answer import answer
from recommender.serving.artifact import Artifact, load
from recommender.serving.check import check_artifact
from recommender.serving.golden import GOLDEN_NAME, check_golden
from recommender.serving.query import Query
from recommender.serving.shelf import Shelf, shelf_of
from recommender.workspace import Workspace
from tests.small_mixture import small_cold_start, write_mixture
from tests.small_shop import N_PRODUCTS, id_of, make_product

SHOP = [make_product(number) for number in range(N_PRODUCTS)]


def new(name: str, title: str = "an even new thing", **fields: object) -> Product:
    return Product.model_validate(
        {"id": name, "title": title, "product_type": ["Furniture", "Chairs"], **fields}
    )


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    root = tmp_path_factory.mktemp("cold")
    return load(write_mixture(Workspace(root), small_cold_start()))


def asked(artifact: Artifact, *products: Product, max_cold: int = 2, **query: object) -> dict:
    """The answer after two even products."""
    given = {"item_ids": [id_of(4), id_of(8)], "limit": 5} | query
    return answer(artifact, ProductTable([*SHOP, *products]), Query(**given), max_cold=max_cold)


def ids(body: dict) -> list[str]:
    return [item["id"] for item in body["items"]]


def cold_ids(body: dict) -> list[str]:
    return [item["id"] for item in body["items"] if item["cold"]]


def test_a_new_product_enters_where_its_chance_puts_it_and_is_marked(artifact):
    body = asked(artifact, new("new"), limit=40)
    (place,) = (row for row, item in enumerate(body["items"]) if item["id"] == "new")
    item = body["items"][place]
    assert (item["cold"], item["source"], item["title"]) == (True, "model", "an even new thing")
    assert item["reason"]["item_id"] in (id_of(4), id_of(8))
    scores = [one["score"] for one in body["items"] if one["source"] == "model"]
    assert scores == sorted(scores, reverse=True)
    assert [one["rank"] for one in body["items"]] == list(range(1, len(body["items"]) + 1))
    odd = [one["id"] for one in body["items"]].index(id_of(11))
    assert place < odd, "an even product stands before the odd ones after even ones"


def test_the_others_keep_score_and_order(artifact):
    without = asked(artifact, limit=40)
    body = asked(artifact, new("new"), limit=40)
    left = [one | {"rank": 0} for one in body["items"] if not one["cold"]]
    assert left[:38] == [one | {"rank": 0} for one in without["items"]][:38]
    assert cold_ids(without) == []


@pytest.mark.parametrize("max_cold", [0, 1, 3, 100])
def test_a_list_holds_so_many_at_most(artifact, max_cold):
    products = [new(f"new {number}") for number in range(4)]
    body = asked(artifact, *products, max_cold=max_cold, limit=30)
    assert cold_ids(body) == [f"new {number}" for number in range(min(4, max_cold))]
    assert len({item["id"] for item in body["items"]}) == len(body["items"]) == 30


def test_rules_hold_for_them_as_for_others(artifact):
    products = [
        new("cheap", price=10.0),
        new("dear", price=900.0),
        new("lamp", product_type=["Lighting", "Lamps"], price=10.0),
        new("sold out", availability="out_of_stock"),
        new("unknown words", title="zzz"),
    ]
    everything = {"limit": 30, "max_cold": 100}
    assert cold_ids(asked(artifact, *products, **everything)) == ["cheap", "dear", "lamp"]
    node = parse_filter("price<=50")
    assert cold_ids(asked(artifact, *products, filter=node, **everything)) == ["cheap", "lamp"]
    found = cold_ids(asked(artifact, *products, category="furniture", **everything))
    assert found == ["cheap", "dear"]
    assert cold_ids(asked(artifact, *products, category="LAMPS", **everything)) == ["lamp"]
    left = asked(artifact, *products, exclude_item_ids=["dear"], **everything)
    assert cold_ids(left) == ["cheap", "lamp"]
    on_its_page = asked(artifact, *products, item_ids=[id_of(4), "cheap"], **everything)
    assert cold_ids(on_its_page) == ["dear", "lamp"]
    assert on_its_page["missing_ids"] == ["cheap"]


def test_before_anything_is_seen_no_model_is_asked(artifact):
    body = asked(artifact, new("new"), item_ids=[])
    assert cold_ids(body) == []
    assert body["fallback"]["chain"] == ["popular"]


def test_on_the_page_of_a_new_product_the_most_similar_known_one_stands_for_it(artifact):
    products = [new("odd", "an odd new thing"), new("odd too", "another odd thing")]
    body = asked(artifact, *products, item_ids=["odd"], limit=12, max_cold=1, explain=True)
    assert body["missing_ids"] == ["odd"]
    assert "odd" not in ids(body)
    odd = [item_id for item_id in ids(body) if item_id in {id_of(n) for n in range(1, 36, 2)}]
    assert len(odd) == 12, "and it may be recommended, for it was not seen itself"
    assert {item["source"] for item in body["items"]} == {"model"}
    assert {item["reason"]["text"] for item in body["items"]} == {
        "Because you viewed an odd new thing"
    }
    assert [one["because_viewed"]["id"] for one in body["intents"]] == ["odd"]
    with_known = asked(artifact, *products, item_ids=[id_of(4), "odd"])
    assert {item["reason"]["item_id"] for item in with_known["items"]} == {id_of(4)}


def test_an_unsure_model_names_none(artifact):
    products = ProductTable([*SHOP, new("new")])
    body = answer(artifact, products, Query(item_ids=[id_of(4)]), min_certainty=0.9)
    assert body["fallback"]["reason"] == "uncertain"
    assert cold_ids(body) == []


def test_explained(artifact, tmp_path):
    assert asked(artifact, new("new"))["cold"] is None
    body = asked(artifact, new("new"), explain=True)
    assert body["cold"] == {"products": 1, "at_most": 2}
    without = load(write_mixture(Workspace(tmp_path)))
    assert asked(without, new("new"), explain=True)["cold"] is None
    assert cold_ids(asked(without, new("new"))) == []


def test_vectors_are_made_once_and_again_when_the_feed_says_something_else(artifact):
    first = shelf_of(artifact, ProductTable([*SHOP, new("b"), new("d")]))
    second = Shelf(
        artifact,
        ProductTable([*SHOP, new("a"), new("b", "odd"), new("d", price=None)]),
        first,
    )
    found = second.newcomers
    assert found.vocabulary.item_ids == ["a", "b", "d"]
    assert np.argmax(found.vectors, axis=1).tolist() == [0, 1, 0]
    fresh = Shelf(artifact, second.table).newcomers
    assert np.array_equal(found.vectors, fresh.vectors)
    assert not len(Shelf(artifact, ProductTable(SHOP), second).newcomers)


def test_a_change_of_known_products_leaves_them_as_they_are(artifact):
    first = shelf_of(
        artifact, ProductTable(sorted([*SHOP, new("a"), new("b")], key=lambda p: p.id))
    )
    dearer = SHOP[0].model_copy(update={"price": 999.0})
    second = Shelf(artifact, first.table.changed([dearer], []), first)
    assert second.newcomers.vectors is first.newcomers.vectors
    assert second.newcomers.table is second.table
    sold_out = new("a").model_copy(update={"availability": "out_of_stock"})
    third = Shelf(artifact, second.table.changed([sold_out], []), second)
    assert third.newcomers.vocabulary.item_ids == ["b"]
    assert third.newcomers.descriptions[0] is first.newcomers.descriptions[1]
    back = Shelf(artifact, third.table.changed([new("a")], []), third)
    assert back.newcomers.vocabulary.item_ids == ["a", "b"]


def test_one_more_product_is_the_only_one_described(artifact):
    first = shelf_of(artifact, ProductTable([*SHOP, new("b"), new("d")]))
    second = Shelf(artifact, first.table.changed([new("c")], ["d"]), first)
    assert second.newcomers.vocabulary.item_ids == ["b", "c"]
    assert second.newcomers.descriptions[0] is first.newcomers.descriptions[0]
    assert second.in_category(("Furniture",)).tolist() == first.in_category(("Furniture",)).tolist()
    assert second._categories is first._categories


def test_categories_follow_a_known_product_that_moves_or_goes(artifact):
    first = shelf_of(artifact, ProductTable([*SHOP, new("b")]))
    moved = SHOP[4].model_copy(update={"product_type": ["Elsewhere"]})
    second = Shelf(artifact, first.table.changed([moved], []), first)
    assert second.in_category(("Elsewhere",)).tolist() == [4]
    third = Shelf(artifact, second.table.changed([], [moved.id]), second)
    assert not len(third.in_category(("Elsewhere",)))


def test_another_price_of_a_new_product_leaves_its_category_and_another_category_does_not(artifact):
    first = shelf_of(artifact, ProductTable([*SHOP, new("b"), new("d")]))
    assert first.newcomers.in_category(("Chairs",)).tolist() == [0, 1]
    second = Shelf(artifact, first.table.changed([new("b", price=5.0)], []), first)
    assert second.newcomers.vocabulary is first.newcomers.vocabulary
    assert second.newcomers._categories is first.newcomers._categories
    moved = new("b", price=5.0, product_type=["Lamps"])
    third = Shelf(artifact, second.table.changed([moved], []), second)
    assert third.newcomers.in_category(("Chairs",)).tolist() == [1]
    assert third.newcomers.in_category(("lamps",)).tolist() == [0]


@pytest.mark.parametrize("seed", range(3))
def test_after_many_changes_they_are_as_if_made_anew(artifact, seed):
    random = np.random.default_rng(seed)
    titles = ["an even thing", "an odd thing", "an even odd thing", "what nobody knows"]

    def some_product() -> Product:
        stock = random.choice(["in_stock", "out_of_stock"], p=[0.8, 0.2])
        return new(f"n{random.integers(12)}", str(random.choice(titles)), availability=str(stock))

    shelf = shelf_of(artifact, ProductTable(SHOP))
    table = shelf.table
    for step in range(40):
        changed = [some_product() for _ in range(random.integers(4))]
        table = table.changed(changed, [f"n{random.integers(12)}"])
        if step % 3:  # nobody asked in between
            shelf = Shelf(artifact, table, shelf)
            made, anew = shelf.newcomers, Shelf(artifact, table).newcomers
            assert made.vocabulary.item_ids == anew.vocabulary.item_ids
            assert made.descriptions == anew.descriptions
            assert np.array_equal(made.vectors, anew.vectors)
            assert made.table is table


def test_a_version_keeps_them_and_its_check_notices_a_change(tmp_path):
    folder = write_mixture(Workspace(tmp_path), small_cold_start())
    again = check_artifact(folder)
    assert again.cold.config() == small_cold_start().config()
    assert {path.name for path in (folder / "cold").iterdir()} == {
        "cold.json", "idf.npy", "rows.npy", "middle.npy",
    }  # fmt: skip
    assert write_mixture(Workspace(tmp_path)).name != folder.name

    other = small_cold_start()
    other.content.rows[0] *= -1
    with pytest.raises(ArtifactError, match=r"golden query \d+ .* is answered differently"):
        check_golden(folder / GOLDEN_NAME, again.model, again.vocabulary, None, other)
    with pytest.raises(ArtifactError, match="is answered differently"):
        check_golden(folder / GOLDEN_NAME, again.model, again.vocabulary)


def test_a_later_format_says_so(tmp_path):
    folder = write_mixture(Workspace(tmp_path), small_cold_start())
    copy = shutil.copytree(folder, tmp_path / "copy" / folder.name)
    config = json.loads((copy / "cold/cold.json").read_text())
    text = json.dumps(config | {"schema_version": 2}, ensure_ascii=False)
    (copy / "cold/cold.json").write_text(text)
    manifest = (copy / "manifest.json").read_text()
    entry = json.loads(manifest)["files"]["cold/cold.json"]
    sized = re.sub(f'"bytes":{entry["bytes"]}', f'"bytes":{len(text.encode())}', manifest)
    (copy / "manifest.json").write_text(sized)
    with pytest.raises(ArtifactError):
        load(copy)
