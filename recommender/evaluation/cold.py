"""How well products that a model does not know are ranked: among each other, and among all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.cold.hiding import ColdQuestions
from recommender.evaluation.compare import part_means
from recommender.models.metrics import hits, reciprocal_ranks, target_ranks

_SCORES_AT_ONCE = 8_000_000
MISSED = np.iinfo(np.int64).max
"""Rank of what a list may not hold."""

Scored = Callable[[ColdQuestions], NDArray[np.float32]]
"""Scores of every candidate at each page, shape (n, n_candidates)."""
Masks = Mapping[str, NDArray[np.bool_]]


def ranks_among(asked: ColdQuestions, scored: Scored, n_candidates: int) -> NDArray[np.int64]:
    """Rank of each cold product that was clicked, among the candidates, shape (n,).

    Args:
        asked: Questions with cold answers; `cold` is the answer's place among the candidates.
        scored: Whom to ask.
        n_candidates: Number of them.
    """
    size = max(1, _SCORES_AT_ONCE // max(1, n_candidates))
    parts = [np.zeros(0, np.int64)]
    for start in range(0, len(asked.cold), size):
        piece = asked.take(np.arange(start, min(start + size, len(asked.cold))))
        parts.append(target_ranks(scored(piece), piece.cold.astype(np.int32)))
    return np.concatenate(parts)


def rank_entries(
    asked: ColdQuestions,
    ranks: Mapping[str, NDArray[np.int64]],
    parts: Masks,
    k: int,
    n_samples: int,
) -> dict[str, Any]:
    """Recall@k and MRR@k of several methods in several parts of the questions, with intervals.

    Args:
        asked: The questions.
        ranks: By method; differences are those of the first against each other one.
        parts: By name; those without a question are left out.
        k: Length of the judged list.
        n_samples: Resamples of the visits.
    """
    there = {name: mask for name, mask in parts.items() if mask.any()}
    found = {name: (hits(own, k), reciprocal_ranks(own, k)) for name, own in ranks.items()}
    first = next(iter(found.values()))
    values = [row for own in found.values() for row in own]
    values += [mine - row for own in found.values() for mine, row in zip(first, own, strict=True)]
    if not there:
        return {}
    means = part_means(asked, np.array(values), np.array(list(there.values())), n_samples)
    metrics, n_half = (f"recall@{k}", f"mrr@{k}"), len(values) // 2
    return {
        part: {
            "queries": int(mask.sum()),
            "sessions": len(np.unique(asked.session_of_query[mask])),
            "methods": {
                name: {
                    metric: means[2 * place + column][at].rounded()
                    | {"ahead": means[n_half + 2 * place + column][at].rounded()}
                    for column, metric in enumerate(metrics)
                }
                for place, name in enumerate(found)
            },
        }
        for at, (part, mask) in enumerate(there.items())
    }


def ranks_among_all(
    asked: ColdQuestions,
    known_scores: NDArray[np.float32],
    cold_scores: NDArray[np.float32],
    limits: Sequence[int],
) -> dict[int, NDArray[np.int64]]:
    """Rank of each next product in lists that hold at most so many cold ones.

    Args:
        asked: The questions.
        known_scores: Log-probabilities of the vocabulary, shape (n, n_known).
        cold_scores: Comparable ones of the cold products, shape (n, n_cold).
        limits: Cold products that a list may hold.

    Returns:
        By limit, shape (n,): 1 + the number of others before it in the list; `MISSED` for a cold
        product for which the list has no place left.
    """
    rows = np.arange(len(asked.cold))
    is_cold = asked.cold >= 0
    own = np.where(is_cold, cold_scores[rows, asked.cold], known_scores[rows, asked.known])
    n_known = (known_scores >= own[:, None]).sum(axis=1) - ~is_cold
    n_cold = (cold_scores >= own[:, None]).sum(axis=1) - is_cold
    ranks = {}
    for limit in limits:
        place = 1 + n_known + np.minimum(n_cold, limit)
        ranks[limit] = np.where(is_cold & (n_cold >= limit), MISSED, place)
    return ranks
