"""Filters over column arrays say what they say product by product."""

import numpy as np
import pytest
from hypothesis import given, settings

from recommender.catalog.filters.columns import ProductColumns
from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.filters.mask import mask_of
from recommender.catalog.filters.tree import Node
from recommender.catalog.product import Product
from tests.small_filters import holds, products, text_of, trees


@settings(max_examples=300, deadline=None)
@given(shop=products(25), tree=trees)
def test_masks_say_what_filters_mean(shop: list[Product], tree: Node) -> None:
    expected = [holds(tree, product) for product in shop]
    assert mask_of(tree, ProductColumns(shop)).tolist() == expected
    assert mask_of(parse_filter(text_of(tree)), ProductColumns(shop)).tolist() == expected


SHOP = [
    Product(id="1", title="a", brand="Acme", price=10, product_type=["Home", "Chairs"]),
    Product(id="2", title="b", price=20.5, availability="out_of_stock", color="red"),
    Product(id="3", title="c", brand="B", product_type=["Home"], attributes={"fabric": "wool"}),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('brand="Acme"', [1, 0, 0]),
        ('brand:"Acme"', [1, 0, 0]),
        ('brand="acme"', [0, 0, 0]),
        ('brand!="Acme"', [0, 1, 1]),
        ('NOT brand IN ("Acme", "B", "C", "D")', [0, 1, 0]),
        ('brand not in ("Acme")', [0, 1, 1]),
        ('product_type="Home"', [1, 0, 1]),
        ('product_type="home"', [0, 0, 0]),
        ('product_type="Home > Chairs"', [0, 0, 0]),
        ('product_type="Home" AND product_type="Chairs"', [1, 0, 0]),
        ('product_type="Home" AND NOT product_type:"Chairs"', [0, 0, 1]),
        ("price<=20.5", [1, 1, 0]),
        ("NOT price<=10", [0, 1, 1]),
        ("price=10 OR price=20.5", [1, 1, 0]),
        ('attributes.fabric="wool"', [0, 0, 1]),
        ('color="red" OR brand="B" AND price>5', [0, 1, 0]),
        ('(color="red" OR brand="B") AND price>5', [0, 1, 0]),
        ('NOT color="red" AND availability="in_stock"', [1, 0, 1]),
    ],
)
def test_filters_by_hand(text: str, expected: list[int]) -> None:
    assert mask_of(parse_filter(text), ProductColumns(SHOP)).tolist() == [bool(e) for e in expected]


def test_many_values_and_an_or_of_them_are_the_same() -> None:
    shop = [Product(id=str(n), title="t", brand=f"B{n}", price=n, product_type=["A", f"C{n}"])
            for n in range(40)]  # fmt: skip
    columns = ProductColumns(shop)
    for field, values in (("brand", [f'"B{n}"' for n in range(5, 60)]),
                          ("price", [str(n) for n in range(5, 60)]),
                          ("product_type", [f'"C{n}"' for n in range(5, 60)])):  # fmt: skip
        several = mask_of(parse_filter(f"{field} IN ({', '.join(values)})"), columns)
        assert several.tolist() == [n >= 5 for n in range(40)]
        alternatives = " OR ".join(f"{field}={value}" for value in values)
        either = mask_of(parse_filter(f"{alternatives} OR price<2"), columns)
        assert either.tolist() == [n >= 5 or n < 2 for n in range(40)]


def test_a_shop_without_products_has_an_empty_mask() -> None:
    columns = ProductColumns([])
    for text in ("price<5", 'brand="x"', 'product_type="x"'):
        mask = mask_of(parse_filter(text), columns)
        assert mask.shape == (0,)
        assert mask.dtype == np.bool_
