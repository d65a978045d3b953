"""Ranks of the true next items, and the metrics made of them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, prefixes, select_sessions
from recommender.models.contract import Model
from recommender.models.returns import new_targets
from recommender.settings import Ties

EXCLUDED = 0
"""Rank of a target that may not be recommended."""
UNKNOWN = np.iinfo(np.int64).max
"""Rank of a target that a model does not know, or never recommends."""


def target_ranks(
    scores: NDArray[np.float32],
    targets: NDArray[np.int32],
    excluded: NDArray[np.bool_] | None = None,
    ties: Ties = "against",
) -> NDArray[np.int64]:
    """Rank of each target among all items.

    Args:
        scores: Shape (n, n_items); one row a query.
        targets: The true next items, shape (n,).
        excluded: True where an item may not be recommended, shape (n, n_items).
        ties: `against` puts every item that scores the same before the target; `list` does as a
            list would, the lower index before the higher one.

    Returns:
        1 + the number of other items before it, shape (n,); `EXCLUDED` where the target itself is
        excluded, else `UNKNOWN` where its score is -inf or no number: no list ever shows it.

    Example:
        >>> target_ranks(np.float32([[0.5, 0.2, 0.5]]), np.int32([0]))
        array([2])
    """
    rows = np.arange(len(targets))
    own = scores[rows, targets]
    at_least = scores >= own[:, None]
    if ties == "list":
        behind = np.arange(scores.shape[1]) > targets[:, None]
        at_least &= ~(behind & (scores == own[:, None]))
    if excluded is not None:
        at_least &= ~excluded
    ranks = np.where(np.isfinite(own), at_least.sum(axis=1, dtype=np.int64), UNKNOWN)
    if excluded is None:
        return ranks
    return np.where(excluded[rows, targets], EXCLUDED, ranks)


def hits(ranks: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """1 where the target is among the first k, else 0; Recall@k is the mean."""
    return (ranks <= k).astype(np.float64)


def reciprocal_ranks(ranks: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """1 / rank where the target is among the first k, else 0; MRR@k is the mean."""
    return np.where(ranks <= k, 1.0 / np.maximum(ranks, 1), 0.0)


def score_batches(
    model: Model, queries: Sessions, max_scores: int = 8_000_000
) -> Iterator[tuple[slice, Sessions, NDArray[np.float32]]]:
    """Score many queries in pieces of bounded memory.

    Yields:
        Where the piece lies, its queries, and their scores, shape (n, n_items).
    """
    size = max(1, max_scores // max(1, model.n_items))
    for start in range(0, queries.n_sessions, size):
        piece = slice(start, min(start + size, queries.n_sessions))
        part = select_sessions(queries, np.arange(piece.start, piece.stop))
        yield piece, part, model.scores(part)


def validation_quality(
    model: Model,
    sessions: Sessions,
    k: int = 20,
    max_queries: int = 8_000,
    *,
    with_returns: bool = True,
) -> dict[str, float]:
    """How well a model of log-probabilities tells the next items of some sessions.

    Args:
        model: Whose `scores` are log-probabilities.
        sessions: Every prefix of them is a question; at least one is asked.
        k: Length of the judged list.
        max_queries: Of more questions an evenly spread part is asked.
        with_returns: Whether it is a question where the session has seen the next item.

    Returns:
        Recall@k and MRR@k, nothing excluded, and `log_likelihood`: the mean log-probability of the
        next item in nats, which moves far less by chance than the other two.
    """
    queries, targets, _ = prefixes(sessions)
    asked = np.arange(len(targets)) if with_returns else np.flatnonzero(new_targets(sessions))
    if len(asked) > max_queries:
        asked = asked[np.linspace(0, len(asked) - 1, max_queries).astype(np.int64)]
    if len(asked) < len(targets):
        queries, targets = select_sessions(queries, asked), targets[asked]
    ranks, log_likelihoods = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for piece, _, scores in score_batches(model, queries):
        ranks.append(target_ranks(scores, targets[piece]))
        log_likelihoods.append(scores[np.arange(len(scores)), targets[piece]])
    found, n = np.concatenate(ranks), max(1, len(targets))
    return {
        f"recall@{k}": float(hits(found, k).sum() / n),
        f"mrr@{k}": float(reciprocal_ranks(found, k).sum() / n),
        "log_likelihood": float(np.concatenate(log_likelihoods).sum(dtype=np.float64) / n),
    }
