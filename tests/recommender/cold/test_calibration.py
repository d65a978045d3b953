"""Scale and level: what later visits clicked must come back out of them."""

import numpy as np
import pytest

from embeddings.content import Description
from recommender.cold import calibration
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


def test_some_questions_at_a_time_say_the_same_as_all_at_once(monkeypatch):
    asked = clicked(500, 5.0, 0.5)
    at_once = fit_level(MODEL, NEW, asked)
    monkeypatch.setattr(calibration, "_SCORES_AT_ONCE", 7 * len(NEW))
    assert fit_level(MODEL, NEW, asked) == pytest.approx(at_once, rel=1e-5)


def test_questions_for_which_there_is_no_time_are_stood_for_by_others(monkeypatch):
    """A tenth is kept, of rare cold clicks all: the level is that of all, not of those kept."""
    asked = clicked(4000, 2.0, 0.5)
    n_cold = np.count_nonzero(asked.cold >= 0)
    assert n_cold < 200
    whole = fit_level(MODEL, NEW, asked)
    monkeypatch.setattr(calibration, "_MAX_SCORES", 400 * len(NEW))
    assert fit_level(MODEL, NEW, asked).level == pytest.approx(whole.level, abs=0.3)


def test_clicks_are_enough_however_many_products_are_new(monkeypatch):
    monkeypatch.setattr(calibration, "STRENGTHS", (1.0,))
    monkeypatch.setattr(calibration, "SCALES", (1.0,))
    n_new, n = 50_000, 3000
    cold = np.full(n, -1)
    cold[:: n // MIN_CLICKS] = np.arange(MIN_CLICKS) * 2
    sessions = sessions_from_lists([[0]] * n)
    asked = ColdQuestions(sessions, np.where(cold < 0, 0, -1), cold, np.arange(n), n, 0)
    known = [Description("even" if row % 2 == 0 else "odd") for row in range(N_KNOWN)]
    chosen = fit_cold_start(MODEL, known, [Description("even"), Description("odd")] * n_new, asked)
    assert chosen is not None
    new = chosen.vectors([Description("even"), Description("odd")])
    odds = np.exp(MODEL.log_odds_beyond(sessions, new) + chosen.level)
    # As many of the clicks are expected on them as came.
    mass = odds.sum(axis=1, dtype=np.float64) * n_new
    assert (mass / (1 + mass)).sum() == pytest.approx(MIN_CLICKS, rel=0.01)


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
