"""Ranks and metrics, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.data.examples import sessions_from_lists
from recommender.models.metrics import (
    EXCLUDED,
    UNKNOWN,
    hits,
    reciprocal_ranks,
    target_ranks,
    validation_quality,
)
from recommender.models.registry import model_class
from recommender.models.topk import top_k
from recommender.settings import Ties


def test_ties_count_against_the_target() -> None:
    scores = np.float32([[3, 1, 3, 0], [0, 0, 0, 0], [5, 4, 3, 2]])
    assert target_ranks(scores, np.int32([0, 3, 1])).tolist() == [2, 4, 2]


@pytest.mark.parametrize("ties", ["against", "list"])
def test_a_target_that_no_list_shows_is_no_hit(ties: Ties) -> None:
    scores = np.float32([[1, -np.inf, -np.inf], [np.nan, 1, 2]])
    assert target_ranks(scores, np.int32([1, 0]), ties=ties).tolist() == [UNKNOWN, UNKNOWN]
    excluded = np.array([[False, True, False], [False, True, False]])
    ranks = target_ranks(scores, np.int32([1, 0]), excluded, ties)
    assert ranks.tolist() == [EXCLUDED, UNKNOWN]


def test_ties_may_count_as_in_a_list() -> None:
    scores = np.float32([[3, 1, 3, 0], [0, 0, 0, 0], [3, 3, 3, 2], [-np.inf, -np.inf, 1, -np.inf]])
    targets = np.int32([0, 3, 1, 0])
    assert target_ranks(scores, targets, ties="list").tolist() == [1, 4, 2, UNKNOWN]
    excluded = np.zeros((4, 4), np.bool_)
    excluded[2, 0] = True
    assert target_ranks(scores, targets, excluded, "list").tolist() == [1, 4, 1, UNKNOWN]


def test_excluded_items_do_not_compete_and_excluded_targets_are_marked() -> None:
    scores = np.float32([[3, 2, 1], [3, 2, 1]])
    excluded = np.array([[True, False, False], [True, False, False]])
    assert target_ranks(scores, np.int32([1, 0]), excluded).tolist() == [1, EXCLUDED]


def test_metrics_of_ranks() -> None:
    ranks = np.array([1, 2, 20, 21])
    assert hits(ranks, 20).tolist() == [1, 1, 1, 0]
    assert reciprocal_ranks(ranks, 20).tolist() == pytest.approx([1, 0.5, 0.05, 0])


@given(
    arrays(np.float32, (4, 9), elements=st.floats(-3, 3, width=32).map(round)),
    arrays(np.int32, 4, elements=st.integers(0, 8)),
)
def test_rank_is_the_place_in_a_list_that_prefers_the_others(
    scores: np.ndarray, targets: np.ndarray
) -> None:
    for row, target, rank in zip(scores, targets, target_ranks(scores, targets), strict=True):
        order = sorted(range(9), key=lambda item: (-row[item], item == target))
        assert order.index(target) + 1 == rank
    listed, _ = top_k(scores, 9)
    ranks = target_ranks(scores, targets, ties="list")
    assert listed[np.arange(4), ranks - 1].tolist() == targets.tolist()


def test_returns_may_be_no_questions() -> None:
    """Popularity 0 > 1 > 2 > 3: of the targets 1, 0, 2, 0, 3 the zeros are returns."""
    model = model_class("popularity")(4)
    model.fit(sessions_from_lists([[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]]), None)
    later = sessions_from_lists([[0, 1, 0, 2], [2], [0, 0, 3]])
    assert validation_quality(model, later, k=1)["recall@1"] == pytest.approx(2 / 5)
    quality = validation_quality(model, later, k=4, with_returns=False)
    assert quality["mrr@4"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
    few = validation_quality(model, later, k=4, max_queries=2, with_returns=False)
    assert few["mrr@4"] == pytest.approx((1 / 2 + 1 / 4) / 2)
