"""The powers of a model and of the price density that make held-out visits likeliest.

With both powers free the chances are those of a conditional logit, whose log-likelihood has one
summit; Newton's method finds it in a few steps.

Source: McFadden (1974), "Conditional Logit Analysis of Qualitative Choice Behavior", Eq. 18 to 20.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, prefixes, select_sessions
from recommender.densities.price_fit import ALONE, Powers, PriceFit
from recommender.models.contract import Model
from recommender.models.metrics import score_batches

_MAX_SCORES = 30_000_000
"""That are looked at: of more questions an evenly spread part."""
_LEAST_SCORE = -50.0
_MIN_GAIN = 2.0
"""In nats, over the model alone at its own best power; Akaike (1974) asks for one a parameter."""
_MAX_STEPS = 20
_NEAR = 1e-4
_LEAST_SPREAD = 1e-6


class _Asked(NamedTuple):
    """Some questions: logs of both experts, shape (2, n, n_items), and what came."""

    experts: NDArray[np.float32]
    targets: NDArray[np.int32]


class _Told(NamedTuple):
    """Of all questions under some powers."""

    log_likelihood: float
    gradient: NDArray[np.float64]
    spread: NDArray[np.float64]


def likeliest_powers(model: Model, fit: PriceFit, held_out: Sessions) -> Powers:
    """Choose the powers on later visits than the network and the price density learned from.

    A second stage has been fitted on these visits. Fitted on others, it would be a little less
    sure: on REES46 the powers were .91 and .13 instead of .93 and .10.

    Args:
        model: Gives finite log-probabilities; it has no blend.
        fit: Over the model's products.
        held_out: The visits.

    Returns:
        1 and 0 where prices do not help.
    """
    asked = _asked(model, fit, held_out)
    # What a sharper or flatter model alone would give is no merit of the prices.
    _, alone = _summit(asked, np.array([1.0, 0.0]))
    powers, both = _summit(asked, np.array([1.0, 1.0]))
    if powers.min() <= 0 or both.log_likelihood - alone.log_likelihood < _MIN_GAIN:
        return ALONE
    return Powers(*(round(float(power), 4) for power in powers))


def _summit(
    asked: Sequence[_Asked], free: NDArray[np.float64]
) -> tuple[NDArray[np.float64], _Told]:
    """The likeliest powers, those that are not free as in `ALONE`."""
    powers = np.array(ALONE)
    told = _told(asked, powers)
    for _ in range(_MAX_STEPS):
        # A power that is not free, or of an expert that tells all products alike, stays.
        spread = told.spread * np.outer(free, free) + np.diag(1 - free) + _LEAST_SPREAD * np.eye(2)
        step = np.asarray(np.linalg.solve(spread, told.gradient * free))
        powers, told = _climbed(asked, powers, step, told)
        if np.abs(step).max() < _NEAR:
            break
    return powers, told


def _climbed(
    asked: Sequence[_Asked], powers: NDArray[np.float64], step: NDArray[np.float64], told: _Told
) -> tuple[NDArray[np.float64], _Told]:
    """One step, halved until it does not lead down; the log-likelihood is concave."""
    while np.abs(step).max() >= _NEAR:
        found = _told(asked, powers + step)
        if found.log_likelihood >= told.log_likelihood:
            return powers + step, found
        step = step / 2
    return powers, told


def _asked(model: Model, fit: PriceFit, held_out: Sessions) -> list[_Asked]:
    queries, targets, _ = prefixes(held_out)
    n_asked = min(len(targets), max(1, _MAX_SCORES // model.n_items))
    spread = np.linspace(0, len(targets) - 1, n_asked).astype(np.int64)
    asked, came = select_sessions(queries, spread), targets[spread]
    return [
        _Asked(
            np.stack([np.maximum(scores, np.float32(_LEAST_SCORE)), fit.fits(part)]),
            came[piece],
        )
        for piece, part, scores in score_batches(model, asked)
    ]


def _told(asked: Sequence[_Asked], powers: NDArray[np.float64]) -> _Told:
    log_likelihood, gradient, spread = 0.0, np.zeros(2), np.zeros((2, 2))
    for experts, targets in asked:
        logits = np.tensordot(powers.astype(np.float32), experts, 1)
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        totals = shares.sum(axis=1, keepdims=True)
        shares /= totals
        rows = np.arange(len(targets))
        log_likelihood += float((logits[rows, targets] - np.log(totals[:, 0])).sum())
        means = np.einsum("ni,eni->en", shares, experts)
        gradient += (experts[:, rows, targets] - means).sum(axis=1)
        squares = np.einsum("ni,eni,fni->ef", shares, experts, experts, optimize=True)
        spread += squares - means @ means.T
    return _Told(log_likelihood, gradient, spread)
