"""Fits certainty on sessions that a model has not learned from."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from recommender.data.examples import Sessions, last_items, prefixes, select_sessions
from recommender.models.certainty import LIST_LENGTH, Certainty
from recommender.models.metrics import target_ranks

MIN_QUESTIONS = 200
"""Fewer tell nothing that would hold."""
_MAX_QUESTIONS = 5_000
_AT_ONCE = 100


def calibration_questions(held_out: Sessions) -> Iterator[tuple[Sessions, NDArray[np.int32]]]:
    """Held-out prefixes that go on to another product than their newest, evenly spread.

    Yields:
        Some prefixes and their next items.
    """
    queries, targets, _ = prefixes(held_out)
    places = np.flatnonzero(last_items(queries, 1)[:, 0] != targets)
    spread = np.linspace(0, len(places) - 1, min(_MAX_QUESTIONS, len(places))).astype(np.int64)
    chosen = places[spread]
    for start in range(0, len(chosen), _AT_ONCE):
        part = chosen[start : start + _AT_ONCE]
        yield select_sessions(queries, part), targets[part]


def is_in_list(
    scores: NDArray[np.float32], sessions: Sessions, targets: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Whether each target is among the first `LIST_LENGTH`, the page's own product left out.

    Args:
        scores: Shape (n, n_items).
        sessions: What was seen so far, n of them.
        targets: The next items, shape (n,).
    """
    excluded = np.zeros(scores.shape, np.bool_)
    excluded[np.arange(len(scores)), last_items(sessions, 1)[:, 0]] = True
    return target_ranks(scores, targets, excluded) <= LIST_LENGTH


def fit_certainty(
    found: Sequence[NDArray[np.float32]], in_list: Sequence[NDArray[np.bool_]]
) -> Certainty | None:
    """Learn from questions whether the next item was in the list.

    Args:
        found: Of `signs`, pieces of shape (n, n_signs).
        in_list: Whether it was, pieces of shape (n,).

    Returns:
        None if there are too few questions, or all came out alike.
    """
    came_true = np.concatenate([np.zeros(0, np.bool_), *in_list])
    if len(came_true) < MIN_QUESTIONS or came_true.all() or not came_true.any():
        return None
    columns = np.concatenate(found).astype(np.float64)
    mean, scale = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-3)
    fit = LogisticRegression().fit((columns - mean) / scale, came_true)
    slopes = fit.coef_[0] / scale
    constant = fit.intercept_[0] - slopes @ mean
    return Certainty(np.append(slopes, constant).astype(np.float32))
