"""Twelve visits: of every kind, the same every time, chosen before anybody answers."""

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.typical import (
    N_TYPICAL,
    Typical,
    choose_typical,
    shown_lists,
    typical_entries,
)
from tests.recommender.evaluation.test_protocol import NextNumber


@pytest.fixture(scope="module")
def queries():
    random = np.random.default_rng(0)
    return queries_of(sessions_from_lists(
        [random.integers(40, size=random.integers(2, 12)).tolist() for _ in range(400)]
    ))  # fmt: skip


COUNTS = np.r_[np.full(4, 200), np.arange(36) + 3]
CATEGORIES = [f"c{item % 3}" for item in range(40)]


def test_one_of_every_kind_and_no_session_twice(queries) -> None:
    typical = choose_typical(queries, COUNTS, CATEGORIES)
    assert len(typical) == N_TYPICAL
    assert len({one.kind for one in typical}) == N_TYPICAL
    assert len({queries.session_of_query[one.query] for one in typical}) == N_TYPICAL
    kinds = {one.kind: one.query for one in typical}
    lengths = queries.sessions.lengths
    assert lengths[kinds["first_click_head"]] == 1
    assert queries.targets[kinds["first_click_head"]] < 4
    assert queries.targets[kinds["long_tail"]] >= 4
    assert lengths[kinds["long_tail"]] >= 5
    back = kinds["repeat"]
    assert queries.targets[back] in queries.sessions.session(back)[:-1]
    assert COUNTS[queries.targets[kinds["new_product"]]] < 10
    change = kinds["first_click_change"]
    assert queries.sessions.session(change)[-1] % 3 != queries.targets[change] % 3
    assert choose_typical(queries, COUNTS, CATEGORIES) == typical


def test_what_the_page_shows_never_comes_next(queries) -> None:
    for one in choose_typical(queries, COUNTS, CATEGORIES):
        assert queries.sessions.session(one.query)[-1] != queries.targets[one.query]


def test_the_one_of_middling_popularity_is_taken() -> None:
    """Five first clicks on to products of the tail: the third by popularity, item 4."""
    queries = queries_of(sessions_from_lists([[0, item] for item in (2, 6, 4, 5, 3)]))
    typical = choose_typical(queries, np.array([99, 80, 10, 11, 12, 13, 14]), [None] * 7)
    assert typical[0] == Typical("first_click_tail", 2)
    assert [one.kind for one in typical[1:]] == ["any"] * 4, "kinds that are missing"


def test_few_queries_give_few_visits() -> None:
    one = queries_of(sessions_from_lists([[0, 1]]))
    assert [typical.query for typical in choose_typical(one, np.array([3, 3]), [None] * 2)] == [0]
    stays = queries_of(sessions_from_lists([[0, 0]]))
    assert choose_typical(stays, np.array([3]), [None]) == []


def test_lists_and_ranks_leave_out_the_page() -> None:
    """After [1, 2] the scores are 8 8 9 10 9: without item 2 the order is 3, 4, 0, 1."""
    queries = queries_of(sessions_from_lists([[1, 2, 4]]))
    typical = [Typical("any", 1)]
    shown = shown_lists(NextNumber(5), queries, typical)
    assert shown.items[0].tolist()[:4] == [3, 4, 1, 0]
    assert shown.ranks.tolist() == [2]
    (entry,) = typical_entries(queries, typical, [("m", shown)], Vocabulary(list("abcde")))
    assert entry == {
        "kind": "any", "exclude": "current", "steps": 2, "viewed": ["b", "c"], "next": "e",
        "lists": [{"model": "m", "rank": 2, "items": ["d", "e", "b", "a"], "intents": []}],
    }  # fmt: skip


def test_without_a_typical_visit_nothing_is_asked() -> None:
    queries = queries_of(sessions_from_lists([[0, 0]]))
    shown = shown_lists(NextNumber(5), queries, [])
    assert shown.items.shape == (0, 5)
    assert typical_entries(queries, [], [("m", shown)], Vocabulary(list("abcde"))) == []
