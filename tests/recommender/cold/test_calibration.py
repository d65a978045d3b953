"""Scale and level: what later visits clicked must come back out of them."""

import numpy as np
import pytest

from embeddings.content import Description
from recommender.cold.calibration import (
    MIN_CLICKS,
    SCALES,
    fit_cold_start,
    fit_level,
    likeliest,
    refitted,
)
from recommender.cold.hiding import ColdQuestions
from recommender.data.examples import sessions_from_lists
from tests.small_mixture import small_mixture

N_KNOWN = 20
MODEL = small_mixture(N_KNOWN)
NEW = np.eye(2, dtype=np.float32)[[0, 1, 0]]


def clicked(n: int, level: float, scale: float, seed: int = 0) -> ColdQuestions:
    """Next clicks drawn from known and cold products together."""
    random = np.random.default_rng(seed)
    sessions = sessions_from_lists([[int(random.integers(N_KNOWN))] for _ in range(n)])
    known = np.exp(MODEL.scores(sessions))
    cold = np.exp(MODEL.log_odds_beyond(sessions, NEW * np.float32(scale)) + level)
    chances = np.concatenate([known, cold], axis=1).astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    drawn = np.array([random.choice(N_KNOWN + len(NEW), p=row) for row in chances])
    return ColdQuestions(
        sessions,
        np.where(drawn < N_KNOWN, drawn, -1),
        np.where(drawn < N_KNOWN, -1, drawn - N_KNOWN),
        np.arange(n),
        n,
        0,
    )


@pytest.mark.parametrize(("scale", "level"), [(0.5, 4.0), (0.5, 5.0), (0.5, 6.0)])
def test_what_made_the_clicks_is_found_again(scale, level):
    assert scale in SCALES
    fit = fit_level(MODEL, NEW, clicked(4000, level, scale))
    assert fit.scale == scale
    assert fit.level == pytest.approx(level, abs=0.2)


def test_as_many_cold_clicks_are_expected_as_came():
    asked = clicked(500, -0.7, 1.0, seed=3)
    fit = fit_level(MODEL, NEW, asked)
    odds = np.exp(MODEL.log_odds_beyond(asked.sessions, NEW * np.float32(fit.scale)) + fit.level)
    mass = odds.sum(axis=1)
    assert (mass / (1 + mass)).sum() == pytest.approx((asked.cold >= 0).sum(), rel=1e-4)


def test_the_vectors_that_made_the_clicks_are_likeliest():
    asked = clicked(2000, 4.0, 1.0)
    tries = [("shifted", np.roll(NEW, 1, axis=1)), ("true", NEW), ("all alike", NEW[[0, 0, 0]])]
    name, fit = likeliest(MODEL, asked, tries)
    assert (name, fit) == ("true", fit_level(MODEL, NEW, asked))


def test_few_clicks_teach_nothing():
    asked = clicked(400, 0.0, 1.0)
    cold = np.flatnonzero(asked.cold >= 0)
    known = [Description("even" if row % 2 == 0 else "odd") for row in range(N_KNOWN)]
    new = [Description("even"), Description("odd"), Description("even")]
    assert fit_cold_start(MODEL, known, new, asked.take(cold[: MIN_CLICKS - 1])) is None
    chosen = fit_cold_start(MODEL, known, new, asked)
    assert np.argmax(chosen.vectors(new), axis=1).tolist() == [0, 1, 0]


def test_a_refit_takes_the_choices_and_leaves_out_what_the_feed_lacks():
    known = [Description("even" if row % 2 == 0 else "odd") for row in range(N_KNOWN)]
    asked = clicked(400, 0.0, 1.0)
    chosen = fit_cold_start(MODEL, known, known[:3], asked)
    lacking = [Description(""), *known[1:]]
    again = refitted(chosen, lacking, MODEL.item_vectors())
    assert (again.strength, again.scale, again.level) == (
        chosen.strength, chosen.scale, chosen.level,
    )  # fmt: skip
    assert len(again.examples) == 5
    assert all(example.title for example in again.examples)
