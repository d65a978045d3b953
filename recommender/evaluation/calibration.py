"""Whether promised probabilities come true: the reliability curve and its mean gap."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.evaluation.compare import part_means
from recommender.evaluation.protocol import Claims, Judgement, Queries

MAX_BINS = 10
MIN_IN_BIN = 40
"""Few questions give few bins: what came true in a handful of them tells nothing."""


def calibration_entry(queries: Queries, judgement: Judgement, n_samples: int) -> dict[str, Any]:
    """What became of a model's promises, for the report; empty where it makes none.

    `first` is about the first recommended item being the next one, `list` about any of the list,
    both as a page shows them: without its own product.
    """
    return {name: _curve(queries, claims, n_samples) for name, claims in judgement.claims.items()}


def expected_calibration_error(claims: Claims, bins: NDArray[np.bool_]) -> float:
    """Mean distance between promise and outcome, each bin weighted by its queries.

    Args:
        claims: Of one model.
        bins: True where a query is in a bin, shape (n_bins, n_queries); each is in one.

    Source: Naeini, Cooper, Hauskrecht (2015), "Obtaining Well Calibrated Probabilities
        Using Bayesian Binning".
    """
    gaps = [claims.came_true[inside].sum() - claims.probability[inside].sum() for inside in bins]
    return float(np.abs(gaps).sum() / max(1, len(claims.probability)))


def equal_bins(probability: NDArray[np.float64], n_bins: int = MAX_BINS) -> NDArray[np.bool_]:
    """Part queries into bins of about equal size by what was promised; equal promises stay whole.

    Returns:
        Shape (at most n_bins, n_queries); bins in ascending order, none empty.

    Example:
        >>> equal_bins(np.array([0.1, 0.9, 0.2, 0.8]), 2)
        array([[ True, False,  True, False],
               [False,  True, False,  True]])
    """
    edges = np.quantile(probability, np.arange(1, n_bins) / n_bins, method="lower")
    number = np.searchsorted(np.unique(edges), probability, side="left")
    return np.array([number == each for each in np.unique(number)])


def _curve(queries: Queries, claims: Claims, n_samples: int) -> dict[str, Any]:
    n_bins = min(MAX_BINS, max(1, len(claims.probability) // MIN_IN_BIN))
    bins = equal_bins(claims.probability, n_bins)
    (outcomes,) = part_means(queries, claims.came_true[None].astype(np.float64), bins, n_samples)
    return {
        "expected_calibration_error": round(expected_calibration_error(claims, bins), 4),
        "promised": round(float(claims.probability.mean()), 4),
        "came_true": round(float(claims.came_true.mean()), 4),
        "bins": [
            {
                "queries": int(inside.sum()),
                "promised": round(float(claims.probability[inside].mean()), 4),
                "came_true": outcome.rounded(),
            }
            for inside, outcome in zip(bins, outcomes, strict=True)
        ],
    }
