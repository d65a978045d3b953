"""Which trial wins, and how sure that is.

All trials answer the same questions, so that two of them are compared question by question; the
sessions that the questions come from are what differs by chance.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.tuning.study import Study, Trial

SAME_SIZE = 1.05
"""Models up to this much larger than the smallest one count as equally small."""
_95 = 1.96


class Difference(NamedTuple):
    """A mean difference and its standard error."""

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where it lies with 95 % certainty."""
        return self.value - _95 * self.error, self.value + _95 * self.error


@dataclass(frozen=True)
class Winner:
    """What tuning found.

    Attributes:
        best: The trial with the highest value.
        chosen: The smallest model that is level with it.
        present: The trial of the present settings; None if it did not come to its end.
        lead: Of `chosen` over `present`, if there is one.
        error: Standard error of the chosen trial's own value.
    """

    best: Trial
    chosen: Trial
    present: Trial | None
    lead: Difference | None
    error: float


def choose_winner(
    study: Study, present: Trial | None, session_of_query: NDArray[np.int64]
) -> Winner:
    """Take the smallest model within one standard error of the best, never below the present one.

    Args:
        study: With at least one complete trial.
        present: The complete trial of the present settings, if there is one.
        session_of_query: The session each question comes from, shape (n_queries,).

    Source: Breiman et al. (1984), "Classification and Regression Trees", section 3.4.3.
    """
    gains = {trial.number: study.gains(trial) for trial in study.complete}

    def lead(first: Trial, second: Trial) -> Difference:
        return mean_of(gains[first.number] - gains[second.number], session_of_query)

    best = max(study.complete, key=_value)
    level = []
    for trial in study.complete:
        behind = lead(best, trial)
        if behind.value <= behind.error and (present is None or _value(trial) >= _value(present)):
            level.append(trial)
    smallest = min(_size(trial) for trial in level)
    chosen = max((one for one in level if _size(one) <= SAME_SIZE * smallest), key=_value)
    return Winner(
        best=best,
        chosen=chosen,
        present=present,
        lead=None if present is None else lead(chosen, present),
        error=mean_of(gains[chosen.number], session_of_query).error,
    )


def mean_of(values: NDArray[np.float32], session_of_query: NDArray[np.int64]) -> Difference:
    """The mean over questions, and its standard error over sessions; NaN is no question.

    Source: Cochran (1977), "Sampling Techniques", Eq. 6.9: the ratio of two sums.
    """
    asked = np.isfinite(values)
    _, session = np.unique(session_of_query[asked], return_inverse=True)
    counts = np.bincount(session)
    sums = np.bincount(session, weights=values[asked])
    mean = sums.sum() / counts.sum()
    n = len(counts)
    squares = ((sums - mean * counts) ** 2).sum() * n / max(n - 1, 1)
    return Difference(float(mean), float(np.sqrt(squares) / counts.sum()))


def _value(trial: Trial) -> float:
    return -np.inf if trial.value is None else trial.value


def _size(trial: Trial) -> int:
    return trial.n_bytes or 0
