"""Intervals by resampling sessions."""

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.evaluation.compare import Resampled
from recommender.evaluation.protocol import Judgement, Queries, queries_of
from recommender.models.metrics import EXCLUDED


def questions(n_sessions: int, per_session: int) -> Queries:
    return queries_of(sessions_from_lists([range(per_session + 1)] * n_sessions))


def judgement(ranks: np.ndarray) -> Judgement:
    return Judgement({"none": ranks}, np.zeros(1, np.int64))


def test_value_is_the_mean_over_queries_that_count() -> None:
    ranks = np.array([1, EXCLUDED, 2, 30])
    resampled = Resampled(questions(2, 2), {"a": judgement(ranks)}, 20, 100)
    assert resampled.interval("a", "none", "recall@20").value == pytest.approx(2 / 3)
    assert resampled.interval("a", "none", "mrr@20").value == pytest.approx(0.5)


def test_interval_covers_the_truth_in_about_95_of_100_samples() -> None:
    random = np.random.default_rng(0)
    queries = questions(200, 1)
    covered = 0
    for seed in range(200):
        ranks = np.where(random.random(200) < 0.3, 1, 100)
        found = Resampled(queries, {"a": judgement(ranks)}, 20, 300, seed)
        low, high = found.interval("a", "none", "recall@20")[1:]
        covered += low <= 0.3 <= high
    assert 180 <= covered <= 199


def test_queries_of_one_session_do_not_count_as_independent() -> None:
    """Ten equal answers a session tell no more than one: the interval stays as wide."""
    hit = np.random.default_rng(1).random(100) < 0.4
    wide = Resampled(questions(100, 10), {"a": judgement(np.repeat(np.where(hit, 1, 99), 10))},
                     20, 2000)  # fmt: skip
    single = Resampled(questions(100, 1), {"a": judgement(np.where(hit, 1, 99))}, 20, 2000)
    widths = [
        found.interval("a", "none", "recall@20").high - found.interval("a", "none", "recall@20").low
        for found in (wide, single)
    ]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)


def test_paired_differences_are_sharper_than_the_metrics() -> None:
    """b is a with every tenth hit lost: the difference is sure though both means are not."""
    random = np.random.default_rng(2)
    hit = random.random(300) < 0.5
    lost = hit & (np.arange(300) % 10 == 0)
    found = Resampled(
        questions(300, 1),
        {"a": judgement(np.where(hit, 1, 99)), "b": judgement(np.where(hit & ~lost, 1, 99))},
        20, 1000,
    )  # fmt: skip
    difference = found.difference("a", "b", "none", "recall@20")
    assert difference.low > 0
    assert (
        found.interval("a", "none", "recall@20").low < found.interval("b", "none", "recall@20").high
    )
    same = found.difference("a", "a", "none", "recall@20")
    assert same == (0, 0, 0)
