"""How products without clicks compare with the known ones: scale and level from later visits.

The chance of every product is its share of e^score over known and cold products together; scale
and level are those under which the next clicks of held-out visits were likeliest.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.content import ContentVectors, Description
from recommender.cold.hiding import ColdQuestions
from recommender.cold.start import ColdStart
from recommender.data.examples import select_sessions
from recommender.models.contract import Model

STRENGTHS = (0.1, 0.3, 1.0, 3.0)
"""Of the ridge's penalty; between .03 and 10 little changes."""
SCALES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5)
MIN_CLICKS = 20
"""Held-out clicks on cold products; from fewer no level is learned."""
_MAX_QUESTIONS = 4_000
_MAX_SCORES = 100_000_000
"""Of all questions kept, one a cold product: each takes 17 ns, for each scale of each penalty."""

_SCORES_AT_ONCE = 20_000_000
_WIDEST = 30.0
"""Levels are looked for between e^-30 and e^30."""
_N_EXAMPLES = 5

Setting = TypeVar("Setting")


class Fit(NamedTuple):
    """A scale and the level that goes with it.

    Attributes:
        scale: See `ColdStart`.
        level: See `ColdStart`.
        log_likelihood: Of the next clicks, per question and less what does not depend on either.
    """

    scale: float
    level: float
    log_likelihood: float


def fit_cold_start(
    model: Model,
    known: Sequence[Description],
    cold: Sequence[Description],
    asked: ColdQuestions,
) -> ColdStart | None:
    """Choose penalty, scale and level by the clicks of later visits.

    Args:
        model: That learned nothing of the cold products.
        known: Descriptions in the order of its vocabulary.
        cold: Descriptions of what else the shop sells.
        asked: Questions about both.

    Returns:
        None if fewer than `MIN_CLICKS` of the clicks were on cold products.
    """
    if np.count_nonzero(asked.cold >= 0) < MIN_CLICKS:
        return None
    learned = {
        strength: learned_content(known, model.item_vectors(), strength) for strength in STRENGTHS
    }
    tries = ((strength, content.of(cold)) for strength, content in learned.items())
    strength, fit = likeliest(model, asked, tries)
    return ColdStart(learned[strength], strength, fit.scale, fit.level)


def likeliest(
    model: Model, asked: ColdQuestions, tries: Iterable[tuple[Setting, NDArray[np.float32]]]
) -> tuple[Setting, Fit]:
    """Of some ways to vectors of cold products the one under which the clicks were likeliest.

    Args:
        model: Whose space the vectors are in.
        asked: At least one question has a cold answer.
        tries: What makes the vectors, and the vectors as of `fit_level`.
    """
    fits = ((setting, fit_level(model, vectors, asked)) for setting, vectors in tries)
    return max(fits, key=lambda found: found[1].log_likelihood)


def refitted(
    chosen: ColdStart, known: Sequence[Description], vectors: NDArray[np.float32]
) -> ColdStart:
    """The same choices with another model's vectors.

    Args:
        chosen: What held-out visits settled.
        known: Descriptions in the order of the vocabulary; an empty title for a product that the
            catalog lacks.
        vectors: The model's, shape (n_items, dim).
    """
    content = learned_content(known, vectors, chosen.strength)
    told = [one for one in known if one.title]
    spread = np.linspace(0, len(told) - 1, min(_N_EXAMPLES, len(told))).astype(int)
    examples = [told[place] for place in spread]
    return ColdStart(content, chosen.strength, chosen.scale, chosen.level, examples)


def learned_content(
    known: Sequence[Description], vectors: NDArray[np.float32], strength: float
) -> ContentVectors:
    """A regression on those products that have both a description and a vector."""
    told = [row for row, one in enumerate(known) if one.title]
    return ContentVectors.learned([known[row] for row in told], vectors[told], strength)


def fit_level(model: Model, vectors: NDArray[np.float32], asked: ColdQuestions) -> Fit:
    """The likeliest scale and level for some vectors of cold products.

    Args:
        model: Whose space the vectors are in.
        vectors: Of length 1, shape (n_cold, dim).
        asked: At least one question has a cold answer.
    """
    kept, weights = _some(asked, len(vectors))
    return max(
        (_at_scale(model, vectors, kept, weights, scale) for scale in SCALES),
        key=lambda fit: fit.log_likelihood,
    )


def _at_scale(
    model: Model,
    vectors: NDArray[np.float32],
    asked: ColdQuestions,
    weights: NDArray[np.float64],
    scale: float,
) -> Fit:
    masses, own = _log_odds(model, vectors * np.float32(scale), asked)
    n_cold = float(weights[asked.cold >= 0].sum())
    level = _likeliest_level(masses, weights, n_cold)
    gained = weights @ own + n_cold * level - weights @ np.logaddexp(0, masses + level)
    return Fit(scale, level, float(gained / weights.sum()))


def _log_odds(
    model: Model, vectors: NDArray[np.float32], asked: ColdQuestions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of all cold products together, and of the clicked one, 0 for a known one; both (n,).

    Some questions at a time: only these two numbers of each are kept.
    """
    n = len(asked.cold)
    masses, own = np.zeros(n), np.zeros(n)
    size = max(1, _SCORES_AT_ONCE // max(1, len(vectors)))
    for start in range(0, n, size):
        places = np.arange(start, min(start + size, n))
        log_odds = model.log_odds_beyond(select_sessions(asked.sessions, places), vectors)
        clicked = np.flatnonzero(asked.cold[places] >= 0)
        own[places[clicked]] = log_odds[clicked, asked.cold[places[clicked]]]
        tops = log_odds.max(axis=1, keepdims=True)
        log_odds -= tops
        np.exp(log_odds, out=log_odds)
        masses[places] = tops[:, 0] + np.log(log_odds.sum(axis=1, dtype=np.float64))
    return masses, own


def _likeliest_level(
    masses: NDArray[np.float64], weights: NDArray[np.float64], n_cold: float
) -> float:
    """Where as many cold clicks are expected as came: expectation grows with the level."""
    low, high = -_WIDEST, _WIDEST
    for _ in range(60):
        middle = (low + high) / 2
        expected = weights @ (1 / (1 + np.exp(-(masses + middle))))
        low, high = (middle, high) if expected < n_cold else (low, middle)
    return float((low + high) / 2)


def _some(asked: ColdQuestions, n_cold: int) -> tuple[ColdQuestions, NDArray[np.float64]]:
    """Questions for which there is time, and for how many of all each of them stands.

    Up to half of them have a cold answer, however rare those are: without them there is nothing to
    learn. Both kinds are spread evenly over the days.
    """
    n = len(asked.cold)
    room = min(_MAX_QUESTIONS, max(2 * MIN_CLICKS, _MAX_SCORES // max(1, n_cold)))
    if n <= room:
        return asked, np.ones(n)
    is_cold = asked.cold >= 0
    cold, known = np.flatnonzero(is_cold), np.flatnonzero(~is_cold)
    n_kept = min(len(cold), max(room // 2, room - len(known)))
    chosen = np.concatenate([_spread(cold, n_kept), _spread(known, room - n_kept)])
    share = np.where(is_cold[chosen], n_kept / len(cold), (room - n_kept) / max(1, len(known)))
    return asked.take(chosen), 1 / share


def _spread(rows: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    return rows[np.linspace(0, len(rows) - 1, n).astype(np.intp)]
