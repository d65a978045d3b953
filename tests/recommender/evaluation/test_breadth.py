"""Coverage, share of the popular, novelty."""

import numpy as np
import pytest

from recommender.evaluation.breadth import coverage, novelty, popularity_share

COUNTS = np.array([8, 4, 2, 1, 1])


def test_novelty_is_the_mean_self_information() -> None:
    """Shares 1/2, 1/4, 1/8, 1/16, 1/16 carry 1, 2, 3, 4, 4 bits."""
    assert novelty(np.array([1, 0, 0, 0, 0]), COUNTS) == 1
    assert novelty(np.array([1, 1, 1, 1, 0]), COUNTS) == 2.5
    assert novelty(np.array([3, 0, 0, 0, 1]), COUNTS) == pytest.approx(7 / 4)
    assert novelty(np.zeros(5, np.int64), COUNTS) == 0
    assert novelty(np.array([0, 1]), np.array([8, 0])) == 3, "0 clicks count as 1"


def test_coverage_counts_items_not_places() -> None:
    assert coverage(np.array([9, 0, 1, 0])) == 0.5
    assert coverage(np.zeros(0, np.int64)) == 0


def test_popularity_share_is_the_places_of_the_top_hundredth() -> None:
    shown = np.full(200, 1)
    counts = np.arange(200)
    shown[[198, 199]] = 51
    assert popularity_share(shown, counts) == pytest.approx(102 / 300)
    assert popularity_share(np.array([1, 3]), np.array([5, 9])) == 0.75, "at least one item"
