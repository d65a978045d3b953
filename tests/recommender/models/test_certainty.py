"""Certainty: what it looks at, and that it comes true on questions it has not seen."""

import numpy as np
import pytest

from recommender.data.examples import PAD, sessions_from_lists
from recommender.models.certainty import Certainty, signs
from recommender.models.certainty_training import (
    calibration_questions,
    fit_certainty,
    is_in_list,
)
from recommender.models.softmax import Softmax
from recommender.settings import ModelSettings, Settings, SoftmaxSettings


def test_signs_leave_the_page_out() -> None:
    chances = np.float32([[0.5] + [0.5 / 24] * 24, [0.04] * 25])
    found = signs(np.log(chances), np.int32([0, PAD]))
    mass = np.array([20 / 24, 0.8])
    np.testing.assert_allclose(found[:, 0], np.log(mass / (1 - mass)), rtol=1e-4)
    np.testing.assert_allclose(found[:, 1], np.log([24, 25]), rtol=1e-4)
    with_spread = signs(np.log(chances), np.int32([0, PAD]), np.float32([0.1, 0.2]))
    np.testing.assert_array_equal(with_spread[:, 2], np.float32([0.1, 0.2]))


def test_promises_come_true() -> None:
    """Signs whose log-odds are known: the fitted curve promises what then happens."""
    random = np.random.default_rng(0)
    found = random.normal(size=(20_000, 2)).astype(np.float32)
    came = random.random(20_000) < 1 / (1 + np.exp(-(1.5 * found[:, 0] - 0.5)))
    certainty = fit_certainty([found[:10_000]], [came[:10_000]])
    assert certainty is not None
    promised = certainty.of(found[10_000:])
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 1)):
        inside = (promised >= low) & (promised < high)
        assert promised[inside].mean() == pytest.approx(came[10_000:][inside].mean(), abs=0.03)
    again = Certainty.from_arrays(certainty.arrays())
    assert again is not None
    np.testing.assert_array_equal(again.of(found), certainty.of(found))


@pytest.mark.parametrize(("n", "came"), [(100, [True, False]), (400, [True]), (400, [False])])
def test_too_little_to_learn_from(n: int, came: list[bool]) -> None:
    found = np.zeros((n, 2), np.float32)
    assert fit_certainty([found], [np.resize(came, n)]) is None
    assert fit_certainty([], []) is None


def test_questions_go_on_to_another_product() -> None:
    held_out = sessions_from_lists([[1, 1, 2], [3], [4, 5]])
    asked = list(calibration_questions(held_out))
    assert [targets.tolist() for _, targets in asked] == [[2, 5]]
    assert asked[0][0].session(0).tolist() == [1, 1]


def test_the_page_takes_no_place_in_the_list() -> None:
    scores = -np.arange(40, dtype=np.float32)[None]
    pages, twentieth = sessions_from_lists([[0]]), np.int32([20])
    assert is_in_list(scores, pages, twentieth).tolist() == [True]
    assert is_in_list(scores, sessions_from_lists([[30]]), twentieth).tolist() == [False]


def test_a_network_knows_when_it_does_not_know() -> None:
    """Items below 60 follow one another; those above come as they like."""
    random = np.random.default_rng(0)
    rows = [(random.integers(60) + np.arange(6)) % 60 for _ in range(600)]
    rows += [random.integers(60, 200, 6) for _ in range(600)]
    lists = [rows[place].tolist() for place in random.permutation(len(rows))]
    settings = Settings(
        model=ModelSettings(start="random", deterministic=True),
        softmax=SoftmaxSettings(dim=16, hidden=24, epochs=8),
    )
    train, later = sessions_from_lists(lists[:1000]), sessions_from_lists(lists[1000:])
    model = Softmax(200, settings).fit(train, later)
    sessions = sessions_from_lists([[7, 8, 9], [150, 90], []])
    sure = model.certainty(model.scores(sessions), sessions)
    assert sure is not None
    assert sure[0] > 0.8
    assert sure[1] < 0.3
    assert 0 <= sure[2] <= 1
    again = Softmax.from_arrays(model.arrays(), settings)
    np.testing.assert_array_equal(again.certainty(model.scores(sessions), sessions), sure)
