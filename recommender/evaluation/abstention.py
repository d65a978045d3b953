"""Risk and coverage: what answering only the surest questions would gain.

Source: El-Yaniv, Wiener (2010), "On the Foundations of Noise-free Selective Classification".
"""

from typing import Any

import numpy as np

from recommender.evaluation.compare import part_means
from recommender.evaluation.protocol import Judgement, Queries
from recommender.models.metrics import EXCLUDED, hits

SHARES = tuple(round(share, 1) for share in np.arange(0.1, 1.01, 0.1))


def abstention_entry(
    queries: Queries, judgement: Judgement, k: int, n_samples: int
) -> dict[str, Any]:
    """By exclusion, Recall@k among the surest shares of the questions; empty without certainty."""
    certainty = judgement.certainty
    if certainty is None:
        return {}
    return {
        exclusion: _curve(queries, judgement, exclusion, k, n_samples)
        for exclusion in judgement.ranks
    }


def _curve(
    queries: Queries, judgement: Judgement, exclusion: Any, k: int, n_samples: int
) -> list[dict[str, Any]]:
    ranks, certainty = judgement.ranks[exclusion], np.asarray(judgement.certainty)
    asked = np.flatnonzero(ranks != EXCLUDED)
    surest = asked[np.argsort(-certainty[asked], kind="stable")]
    parts = np.zeros((len(SHARES), len(ranks)), np.bool_)
    n_answered = [max(1, round(share * len(surest))) for share in SHARES]
    for part, n in zip(parts, n_answered, strict=True):
        part[surest[:n]] = True
    if not len(asked):
        return []
    (found,) = part_means(queries, hits(ranks, k)[None], parts, n_samples)
    return [
        {
            "answered": share,
            "least_certainty": round(float(certainty[surest[n - 1]]), 4),
            f"recall@{k}": recall.rounded(),
        }
        for share, n, recall in zip(SHARES, n_answered, found, strict=True)
    ]
