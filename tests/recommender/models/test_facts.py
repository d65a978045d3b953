"""What single items tell: counts by hand, and nothing of the future."""

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.models.facts import MEMORIES, demand_bonus, demand_history, log_returns


def test_demand_counts_newer_clicks_more() -> None:
    """Three sessions at 0, 1/2 and 1 of the period: item 0 is old, item 1 new."""
    demand = demand_history(sessions_from_lists([[0, 0], [2], [1, 1]]), 3, 1)[-1]
    expected = np.log(2 * np.exp(-1 / MEMORIES) + 0.3)
    np.testing.assert_allclose(demand[0], expected, atol=2e-3)
    np.testing.assert_allclose(demand[1], np.log(2.3), atol=2e-3)


def test_returns_are_counted_by_session() -> None:
    """Item 0: two sessions, one of which sees it three times: two returns."""
    returns = log_returns(sessions_from_lists([[0, 1, 0, 0], [0]]), 3)
    assert float(returns[0]) == pytest.approx(np.log(2.5 / 7), abs=2e-3)
    assert float(returns[2]) == pytest.approx(np.log(0.5 / 5), abs=2e-3)


def test_history_knows_nothing_of_later_spans() -> None:
    random = np.random.default_rng(0)
    lists = [random.integers(5, size=3).tolist() for _ in range(40)]
    whole = demand_history(sessions_from_lists(lists), 5, 4)
    changed = demand_history(sessions_from_lists(lists[:20] + [[4, 4, 4]] * 20), 5, 4)
    np.testing.assert_array_equal(whole[:3], changed[:3])
    assert (whole[3] != changed[3]).any()
    np.testing.assert_array_equal(whole[0], np.float16(np.log(0.3)))


def test_the_end_of_the_history_does_not_depend_on_its_spans() -> None:
    random = np.random.default_rng(0)
    sessions = sessions_from_lists([random.integers(5, size=3).tolist() for _ in range(40)])
    one, many = (demand_history(sessions, 5, n)[-1] for n in (1, 16))
    np.testing.assert_allclose(one.astype(float), many.astype(float), atol=5e-3)


def test_bonus_of_demand_is_the_weighted_sum_of_its_columns() -> None:
    rng = np.random.default_rng(0)
    demand = rng.normal(size=(7, len(MEMORIES))).astype(np.float16)
    weights = rng.normal(size=len(MEMORIES)).astype(np.float32)
    bonus = demand_bonus(demand, weights)
    assert bonus.dtype == np.float32
    expected = [
        sum(float(a) * float(b) for a, b in zip(row, weights, strict=True)) for row in demand
    ]
    assert bonus == pytest.approx(expected, rel=1e-5)
