import pytest

from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.data.vocabulary import Vocabulary


@pytest.fixture
def table() -> ProductTable:
    return ProductTable(
        [
            Product(id="a", title="A", product_type=["X", "Y"]),
            Product(id="b", title="B", availability="out_of_stock"),
            Product(id="c/😀", title="C", availability="preorder"),
        ]
    )


def test_products_by_id(table):
    assert len(table) == 3
    assert table.ids == ("a", "b", "c/😀")
    assert table.get("a").title == "A"
    assert table.get("z") is None
    assert "b" in table
    assert "z" not in table


def test_categories(table):
    assert table.category("a") == ("X", "Y")
    assert table.category("b") == ()
    assert table.category("z") == ()


def test_only_what_can_be_bought_is_sellable(table):
    assert [table.sellable(item_id) for item_id in ("a", "b", "c/😀", "z")] == [
        True, False, True, False,
    ]  # fmt: skip
    mask = table.sellable_mask(Vocabulary(["z", "c/😀", "b", "a"]))
    assert mask.tolist() == [False, True, False, True]


def test_without_a_catalog_everything_is_sellable():
    empty = ProductTable([])
    assert empty.sellable("z")
    assert empty.sellable_mask(Vocabulary(["y", "z"])).tolist() == [True, True]
    assert empty.sellable_mask(Vocabulary([])).tolist() == []
