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
from recommender.models.contract import Model

STRENGTHS = (0.1, 0.3, 1.0, 3.0)
"""Of the ridge's penalty; between .03 and 10 little changes."""
SCALES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5)
MIN_CLICKS = 20
"""Held-out clicks on cold products; from fewer no level is learned."""
_SCORES_AT_ONCE = 20_000_000
_MAX_QUESTIONS = 4_000
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
        None if too few of the clicks were on cold products.
    """
    asked = _some(asked, len(cold))
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
    asked = _some(asked, len(vectors))
    return max(
        (_at_scale(model, vectors, asked, scale) for scale in SCALES),
        key=lambda fit: fit.log_likelihood,
    )


def _at_scale(
    model: Model, vectors: NDArray[np.float32], asked: ColdQuestions, scale: float
) -> Fit:
    log_odds = model.log_odds_beyond(asked.sessions, vectors * np.float32(scale))
    rows = np.flatnonzero(asked.cold >= 0)
    own = log_odds[rows, asked.cold[rows]].astype(np.float64)
    tops = log_odds.max(axis=1, keepdims=True)
    masses = tops[:, 0] + np.log(np.exp(log_odds - tops).sum(axis=1, dtype=np.float64))
    level = _likeliest_level(masses, len(rows))
    gained = own.sum() + len(rows) * level - np.logaddexp(0, masses + level).sum()
    return Fit(scale, level, float(gained / len(asked.cold)))


def _likeliest_level(masses: NDArray[np.float64], n_cold: int) -> float:
    """Where as many cold clicks are expected as came: expectation grows with the level."""
    low, high = -_WIDEST, _WIDEST
    for _ in range(60):
        middle = (low + high) / 2
        expected = (1 / (1 + np.exp(-(masses + middle)))).sum()
        low, high = (middle, high) if expected < n_cold else (low, middle)
    return float((low + high) / 2)


def _some(asked: ColdQuestions, n_cold: int) -> ColdQuestions:
    """Evenly spread questions, as many as fit into memory with a score a cold product."""
    n = len(asked.cold)
    kept = min(n, _MAX_QUESTIONS, max(1, _SCORES_AT_ONCE // max(1, n_cold)))
    return asked.take(np.linspace(0, n - 1, kept).astype(np.intp)) if kept < n else asked
