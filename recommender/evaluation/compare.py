"""Intervals and paired differences by resampling sessions.

Queries of one session hang together, so sessions are drawn, not queries. Every model and metric
sees the same draws, which makes the differences paired.

Source: Efron, Tibshirani (1993), "An Introduction to the Bootstrap", chapters 8 and 13.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.evaluation.protocol import Judgement
from recommender.models.metrics import EXCLUDED, hits, reciprocal_ranks
from recommender.settings import Exclusion

_DRAWS_AT_ONCE = 100


class Asked(Protocol):
    """Questions, as far as resampling needs to know them."""

    @property
    def session_of_query(self) -> NDArray[np.int64]:
        """The held-out session each comes from, shape (n_queries,)."""
        ...

    @property
    def n_sessions(self) -> int:
        """Number of held-out sessions."""
        ...


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def rounded(self) -> dict[str, float]:
        """As it stands in reports."""
        return {name: round(value, 4) for name, value in self._asdict().items()}


class Resampled:
    """Metrics of several models on the same queries, and on the same resamples of them.

    Args:
        queries: What was asked.
        judgements: By model name; all over the same exclusions.
        k: Length of the judged list.
        n_samples: Resamples.
        seed: Seed of the draws.
    """

    def __init__(
        self,
        queries: Asked,
        judgements: Mapping[str, Judgement],
        k: int,
        n_samples: int,
        seed: int = 0,
    ) -> None:
        self.metrics = (f"recall@{k}", f"mrr@{k}")
        self._keys: list[tuple[str, Exclusion, str]] = []
        sums, counts = [], []
        for name, judgement in judgements.items():
            for exclusion, ranks in judgement.ranks.items():
                asked = ranks != EXCLUDED
                count = _by_session(queries, asked.astype(np.float64))
                for metric, values in zip(
                    self.metrics, (hits(ranks, k), reciprocal_ranks(ranks, k)), strict=True
                ):
                    self._keys.append((name, exclusion, metric))
                    sums.append(_by_session(queries, values * asked))
                    counts.append(count)
        self._place = {key: place for place, key in enumerate(self._keys)}
        self._means, self._draws = _resample(np.array(sums).T, np.array(counts).T, n_samples, seed)

    def interval(self, name: str, exclusion: Exclusion, metric: str) -> Interval:
        """A model's metric."""
        place = self._place[name, exclusion, metric]
        return _interval(self._means[place], self._draws[:, place])

    def difference(self, name: str, against: str, exclusion: Exclusion, metric: str) -> Interval:
        """A model's metric less another's, resample by resample."""
        first = self._place[name, exclusion, metric]
        second = self._place[against, exclusion, metric]
        draws = self._draws[:, first] - self._draws[:, second]
        return _interval(self._means[first] - self._means[second], draws)


def part_means(
    queries: Asked,
    values: NDArray[np.float64],
    parts: NDArray[np.bool_],
    n_samples: int,
    seed: int = 0,
) -> list[list[Interval]]:
    """Means of some values over some parts of the queries, on the draws that `Resampled` makes.

    Args:
        queries: What was asked.
        values: One row a value, shape (n_values, n_queries).
        parts: True where a query belongs to a part, shape (n_parts, n_queries).
        n_samples: Resamples.
        seed: Seed of the draws.

    Returns:
        For every value, one interval a part. A value of 0 where a part has no query.
    """
    sums = [_by_session(queries, row * part) for row in values for part in parts]
    counts = [_by_session(queries, part.astype(np.float64)) for part in parts] * len(values)
    if not sums:
        return [[] for _ in values]
    means, draws = _resample(np.array(sums).T, np.array(counts).T, n_samples, seed)
    flat = [_interval(mean, column) for mean, column in zip(means, draws.T, strict=True)]
    return [flat[at : at + len(parts)] for at in range(0, len(flat), len(parts))]


def _by_session(queries: Asked, values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Without a query the counts would be integers.
    sums = np.bincount(queries.session_of_query, values, minlength=queries.n_sessions)
    return sums.astype(np.float64)


def _resample(
    sums: NDArray[np.float64], counts: NDArray[np.float64], n_samples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of the sample, shape (n_columns,), and of each resample, (n_samples, n_columns)."""
    random = np.random.default_rng(seed)
    n_sessions = len(sums)
    draws = []
    for start in range(0, n_samples, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, n_samples - start)
        times = np.empty((size, n_sessions))
        for row in times:
            row[:] = np.bincount(random.integers(n_sessions, size=n_sessions), minlength=n_sessions)
        drawn = times @ counts
        # A draw without a single query of a column says nothing about it.
        draws.append(np.where(drawn > 0, (times @ sums) / np.maximum(drawn, 1), np.nan))
    return sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1), np.concatenate(draws)


def _interval(value: float, draws: NDArray[np.float64]) -> Interval:
    told = draws[~np.isnan(draws)]
    low, high = np.percentile(told, [2.5, 97.5]) if len(told) else (value, value)
    return Interval(float(value), float(low), float(high))
