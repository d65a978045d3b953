"""How good densities are: log score, CRPS, coverage of intervals, calibration of chances."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.densities.cumulative import (
    cumulative,
    gaussian_share,
    middles_of,
    within_bounds,
)
from recommender.evaluation.calibration import equal_bins, expected_calibration_error
from recommender.evaluation.compare import Asked, part_means
from recommender.evaluation.protocol import Claims
from recommender.models.families.family import SMALLEST, Parameters
from recommender.models.families.special import LOG_SQRT_2_PI
from recommender.models.mixture import Mixture

COVERED = (0.5, 0.9)
"""Central intervals whose coverage is told."""
LEAST_LOG_DENSITY = math.log(SMALLEST)
"""No page counts as less likely, in nats (-85), whoever foresees it.

A single page outside of a support would else make a mean infinite, and differences from it no
numbers. `SMALLEST` stands for 0 in the families' logarithms too. Families with tails are held to
the same floor: without it a bound that misses would be the cheaper error.
"""
_ROWS_AT_ONCE = 1000
_NODES = np.concatenate([[-6.0, -4.0, -3.2], np.linspace(-2.6, 2.6, 41), [3.2, 4.0, 6.0]])
_TAIL_NODES = np.concatenate([-np.log1p(-np.linspace(0, 0.98, 43)), [5.0, 7.0, 11.0, 20.0]])
"""As many, at even shares of an exponential."""


class Scores(NamedTuple):
    """How a density did, one row a page.

    Attributes:
        log_score: Log density of what came, in nats, minus infinity outside of the support; shape
            (n,).
        share: Mass at or below what came, shape (n,).
        crps: Continuous ranked probability score, lower is better, shape (n,).
    """

    log_score: NDArray[np.float64]
    share: NDArray[np.float64]
    crps: NDArray[np.float64]


def mixture_scores(mixture: Mixture, outputs: NDArray[Any], targets: NDArray[np.float64]) -> Scores:
    """Of a mixture of Gaussian or truncated Gaussian components.

    Args:
        mixture: Of one target.
        outputs: Of its network, shape (n, n_outputs).
        targets: What came, shape (n,), n > 0.
    """
    parts = []
    for start in range(0, len(targets), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        own, came = np.asarray(outputs[rows], np.float64), targets[rows]
        parts.append(
            (
                np.asarray(mixture.log_prob(own, came)),
                cumulative(mixture, own, came[:, None])[:, 0],
                _crps(mixture, own, came),
            )
        )
    return Scores(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _crps(
    mixture: Mixture, outputs: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """∫ (F(t) - [t >= y])² dt with F straight between nodes that follow the components.

    Source: Gneiting, Raftery (2007), "Strictly Proper Scoring Rules", Eq. 20.
    """
    own = {name: value[:, :, 0, None] for name, value in mixture.parameters(outputs).items()}
    nodes = _nodes(own).reshape(len(outputs), -1)
    nodes = np.sort(np.concatenate([nodes, targets[:, None]], axis=1), axis=1)
    shares = cumulative(mixture, outputs, nodes)
    above = nodes[:, 1:] > targets[:, None]
    end, begin = (np.where(above, 1 - each, each) for each in (shares[:, 1:], shares[:, :-1]))
    # The mean square of a straight line between two nodes.
    heights = (end**2 + end * begin + begin**2) / 3
    area: NDArray[np.float64] = (heights * np.diff(nodes, axis=1)).sum(axis=1)
    return area


def _nodes(own: Parameters) -> NDArray[np.float64]:
    """Points that follow components, shape (n, n_components, n_nodes).

    What a bound leaves of a tail falls from the bound on about as an exponential: at a distance of
    z scales from the mean in steps of 1 / (1 + z) scales.

    Args:
        own: Parameters, each of shape (n, n_components, 1).
    """
    mean, scale = own["mean"], own["scale"]
    around: NDArray[np.float64] = within_bounds(own, mean + scale * _NODES)
    if "low" not in own:
        return around
    bound = middles_of(own)
    beyond = np.abs(bound - mean)
    tail = bound + np.sign(bound - mean) * scale / (1 + beyond / scale) * _TAIL_NODES
    return np.where(beyond > 0, within_bounds(own, tail), around)


def gaussian_scores(
    means: NDArray[np.float64], scales: NDArray[np.float64], targets: NDArray[np.float64]
) -> Scores:
    """Of single Gaussians; means and scales of shape (n,).

    Source: Gneiting, Raftery (2007), "Strictly Proper Scoring Rules", Eq. 21.
    """
    z = (targets - means) / scales
    log_density = -0.5 * z * z - LOG_SQRT_2_PI
    share = gaussian_share(z)
    crps = scales * (z * (2 * share - 1) + 2 * np.exp(log_density) - 1 / np.sqrt(np.pi))
    return Scores(log_density - np.log(scales), share, crps)


def density_entry(asked: Asked, scores: Mapping[str, Scores], n_samples: int) -> dict[str, Any]:
    """The figures of several densities of one target, for JSON.

    Args:
        asked: The pages.
        scores: By name; the first is what the others are compared with.
        n_samples: Resamples behind the intervals of the differences.
    """
    figures: dict[str, dict[str, Any]] = {name: figures_of(one) for name, one in scores.items()}
    log_scores = {name: floored(one.log_score) for name, one in scores.items()}
    return _with_leads(asked, figures, log_scores, n_samples)


def figures_of(scores: Scores) -> dict[str, Any]:
    """Means over the pages: `nll` (-log p), `crps`, and what central intervals cover.

    And `outside`: the share of the pages that the density held impossible.
    """
    outside = float(np.isneginf(scores.log_score).mean())
    return {
        "nll": _rounded(-floored(scores.log_score)),
        "crps": _rounded(scores.crps),
        **{f"coverage@{100 * width:.0f}": _rounded(_inside(scores, width)) for width in COVERED},
        "outside": round(outside, 6),
    }


def floored(log_scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log densities, none below `LEAST_LOG_DENSITY`."""
    return np.maximum(log_scores, LEAST_LOG_DENSITY)


def chance_entry(
    asked: Asked,
    chances: Mapping[str, NDArray[np.float64]],
    came: NDArray[np.bool_],
    n_samples: int,
) -> dict[str, Any]:
    """The figures of several chances of one thing, for JSON.

    Args:
        asked: The pages.
        chances: By name, each of shape (n,), strictly between 0 and 1; the first is what the
            others are compared with.
        came: Whether it came, shape (n,).
        n_samples: Resamples behind the intervals of the differences.
    """
    scores = {name: np.where(came, np.log(p), np.log1p(-p)) for name, p in chances.items()}
    figures = {
        name: {
            "nll": _rounded(-scores[name]),
            "expected_calibration_error": round(
                expected_calibration_error(Claims(p, came), equal_bins(p)), 4
            ),
            "promised": _rounded(p),
            "came_true": _rounded(came.astype(np.float64)),
            "auc": round(area_under_curve(p, came), 4),
        }
        for name, p in chances.items()
    }
    return _with_leads(asked, figures, scores, n_samples)


def area_under_curve(chances: NDArray[np.float64], came: NDArray[np.bool_]) -> float:
    """The share of pairs of a yes and a no in which the yes had the higher chance.

    Example:
        >>> area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
        0.75
    """
    _, place, counts = np.unique(chances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n_yes = int(came.sum())
    n_pairs = n_yes * (len(came) - n_yes)
    return float((ranks[came].sum() - n_yes * (n_yes + 1) / 2) / n_pairs) if n_pairs else 0.5


def _inside(scores: Scores, width: float) -> NDArray[np.float64]:
    return (np.abs(scores.share - 0.5) < width / 2).astype(np.float64)


def _rounded(values: NDArray[np.float64]) -> float:
    return round(float(values.mean()), 4)


def _with_leads(
    asked: Asked,
    figures: dict[str, dict[str, Any]],
    log_scores: Mapping[str, NDArray[np.float64]],
    n_samples: int,
) -> dict[str, Any]:
    """Add what the first one's log score has over each other one's, with its 95 % interval."""
    first, *others = log_scores
    leads = np.array([log_scores[first] - log_scores[name] for name in others])
    everything = np.ones((1, len(log_scores[first])), np.bool_)
    for name, (lead,) in zip(others, part_means(asked, leads, everything, n_samples), strict=True):
        figures[name]["behind"] = lead.rounded()
    return {"pages": len(log_scores[first]), "scores": figures}
