"""Parts of the queries and their metrics, worked by hand."""

import numpy as np
import pytest

from recommender.catalog.product import Product
from recommender.data.examples import sessions_from_lists
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.slices import (
    categories_of,
    category_parts,
    head_items,
    parts_of,
    slice_entries,
)
from recommender.models.metrics import EXCLUDED

COUNTS = np.array([60, 25, 20, 5])
QUERIES = queries_of(sessions_from_lists([[0, 1, 0], [3, 2, 1, 3, 0, 2, 1]]))
"""Targets 1 0 | 2 1 3 0 2 1 after 1 2 | 1 2 3 4 5 6 steps."""


def test_parts_by_hand() -> None:
    """Half of 110 steps are 55, which the first item alone exceeds: it is the head."""
    parts = parts_of(QUERIES, COUNTS)
    assert {name: np.flatnonzero(part).tolist() for name, part in parts.items()} == {
        "head": [1, 5],
        "tail": [0, 2, 3, 4, 6, 7],
        "first_click": [0, 2],
        "long": [6, 7],
        "unseen": [0, 2, 3, 5],
        "repeat": [1, 4, 6, 7],
        "new_product": [4],
    }


def test_head_is_half_of_the_steps_and_never_empty() -> None:
    assert head_items(np.array([3, 3, 2, 2])).tolist() == [True, False, False, False]
    assert head_items(np.array([2, 3, 3, 2])).sum() == 1
    assert head_items(np.array([5, 4, 4, 5, 2])).tolist() == [True, False, False, True, False]
    assert head_items(np.array([9])).tolist() == [True]


def test_empty_parts_are_left_out() -> None:
    parts = parts_of(queries_of(sessions_from_lists([[0, 1]])), np.array([50, 50]))
    assert list(parts) == ["tail", "first_click", "unseen"]


def test_entries_by_hand() -> None:
    ranks = {"none": np.array([1, 2, 4, 30, 1, EXCLUDED, 2, 99])}
    entries = slice_entries(QUERIES, ranks, parts_of(QUERIES, COUNTS), 20, 300)
    assert entries["head"]["queries"] == 1, "one of the two is excluded"
    assert entries["head"]["exclude"] == "none"
    assert entries["tail"]["metrics"]["recall@20"]["value"] == pytest.approx(4 / 6, abs=1e-4)
    assert entries["tail"]["metrics"]["mrr@20"]["value"] == pytest.approx(
        (1 + 1 / 4 + 1 + 1 / 2) / 6, abs=1e-4
    )
    found = entries["first_click"]["metrics"]["mrr@20"]
    assert found["value"] == 0.625
    assert found["low"] < 0.625 < found["high"]


def test_without_any_query_left_there_are_no_slices() -> None:
    ranks = {"session": np.full(len(QUERIES), EXCLUDED)}
    assert slice_entries(QUERIES, ranks, parts_of(QUERIES, COUNTS), 20, 50) == {}


def shelf(*paths: list[str] | None) -> dict[str, Product]:
    return {
        str(number): Product(id=str(number), title="t", product_type=path or [])
        for number, path in enumerate(paths)
        if path is not None
    }


def test_categories_on_the_widest_level_that_tells_apart() -> None:
    products = shelf(["Home", "Chairs", "Oak"], ["Home", "Tables"], ["Home"], None, [])
    assert categories_of(["0", "1", "2", "3", "4"], products.get) == [
        "Chairs", "Tables", "Home", None, None,
    ]  # fmt: skip
    assert categories_of(["0", "3"], products.get) == [None, None]
    assert categories_of([], products.get) == []


def test_queries_by_the_category_of_what_came_next() -> None:
    parts = category_parts(QUERIES, ["Öfen", "B", None, "B"])
    assert {name: np.flatnonzero(part).tolist() for name, part in parts.items()} == {
        "B": [0, 3, 4, 7],
        "Öfen": [1, 5],
    }
    assert category_parts(QUERIES, [None] * 4) == {}


def test_only_the_most_asked_categories_stay() -> None:
    queries = queries_of(sessions_from_lists([[0, item] for item in range(1, 21)] + [[0, 20]]))
    parts = category_parts(queries, [f"c{item:02}" for item in range(21)])
    assert len(parts) == 12
    assert next(iter(parts)) == "c20"
