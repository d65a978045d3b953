"""Two models on the same questions: effects, parts, and how many questions each wins."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.evaluation.compare import Asked, part_means
from recommender.evaluation.protocol import nothing_asked
from recommender.evaluation.slices import Parts
from recommender.models.metrics import EXCLUDED, hits, reciprocal_ranks
from recommender.settings import Exclusion

SCHEMA_VERSION = 1
Ranks = Mapping[Exclusion, NDArray[np.int64]]


def pair(asked: Asked, a: Ranks, b: Ranks, parts: Parts, k: int, n_samples: int) -> dict[str, Any]:
    """Compare the ranks of two models, question by question.

    Differences are those of A less B, on the same resamples of sessions.

    Args:
        asked: The questions.
        a: Ranks of the first model by exclusion, shape (n_queries,).
        b: Ranks of the second one.
        parts: Parts of the questions, given for the first common exclusion.
        k: Length of the judged list.
        n_samples: Resamples.

    Raises:
        DataError: If the common exclusions leave no question.
        ValueError: If no exclusion was judged for both.
    """
    common = [exclusion for exclusion in a if exclusion in b]
    if not common:
        raise ValueError(f"no exclusion is common: {list(a)} and {list(b)}")
    whole = {"all": np.ones(len(asked.session_of_query), np.bool_)}
    # An exclusion that leaves no question has no effect to tell.
    effects = [
        {"exclude": exclusion} | effect
        for exclusion in common
        for effect in _effects(asked, a[exclusion], b[exclusion], whole, k, n_samples).values()
    ]
    if not effects:
        raise nothing_asked(common)
    slices = _effects(asked, a[common[0]], b[common[0]], parts, k, n_samples)
    return {
        "schema_version": SCHEMA_VERSION,
        "k": k,
        "effects": effects,
        "slices": {name: {"exclude": common[0]} | entry for name, entry in slices.items()},
    }


def _effects(
    asked: Asked,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    parts: Parts,
    k: int,
    n_samples: int,
) -> dict[str, dict[str, Any]]:
    """Metrics of both, their difference and the wins, in every part that has a question."""
    counted = (a != EXCLUDED) & (b != EXCLUDED)
    masks = {name: part & counted for name, part in parts.items() if (part & counted).any()}
    found = [hits(a, k), hits(b, k), reciprocal_ranks(a, k), reciprocal_ranks(b, k)]
    values = np.array([*found, found[0] - found[1], found[2] - found[3]])
    means = part_means(asked, values, np.array(list(masks.values())), n_samples)
    # Places behind the list are all the same miss.
    lead = found[2] - found[3]
    return {
        name: {
            "queries": int(mask.sum()),
            "metrics": {
                metric: {
                    "a": means[first][at].rounded(),
                    "b": means[first + 1][at].rounded(),
                    "difference": means[difference][at].rounded(),
                }
                for metric, first, difference in ((f"recall@{k}", 0, 4), (f"mrr@{k}", 2, 5))
            },
            "a_better": int(np.count_nonzero(lead[mask] > 0)),
            "b_better": int(np.count_nonzero(lead[mask] < 0)),
            "same": int(np.count_nonzero(lead[mask] == 0)),
        }
        for at, (name, mask) in enumerate(masks.items())
    }
