"""Promised probabilities against what came true."""

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.evaluation.calibration import (
    calibration_entry,
    equal_bins,
    expected_calibration_error,
)
from recommender.evaluation.protocol import Claims, Judgement, judge, queries_of
from tests.recommender.evaluation.test_protocol import NextNumber


class NextChance(NextNumber):
    """The same order as log-probabilities: .5 for the next number, the rest of the ring shares."""

    name = "next_chance"
    gives_log_probabilities = True

    def scores(self, sessions):
        raw = super().scores(sessions)
        chances = np.where(raw == raw.max(axis=1, keepdims=True), 0.5, 0.5 / (self.n_items - 1))
        return np.log(chances).astype(np.float32)


def test_error_by_hand() -> None:
    """Bins {.1, .3} with 1 hit of 2 and {.8, .8} with 1 of 2: gaps .3 and .3, half weight each."""
    claims = Claims(np.array([0.1, 0.8, 0.3, 0.8]), np.array([True, False, False, True]))
    bins = equal_bins(claims.probability, 2)
    assert bins.tolist() == [[True, False, True, False], [False, True, False, True]]
    assert expected_calibration_error(claims, bins) == pytest.approx(0.3)


def test_equal_promises_stay_in_one_bin() -> None:
    assert equal_bins(np.full(7, 0.4)).tolist() == [[True] * 7]
    bins = equal_bins(np.array([0.2] * 5 + [0.6] * 5), 10)
    assert [part.sum() for part in bins] == [5, 5]
    assert equal_bins(np.array([0.5])).shape == (1, 1)


def test_every_query_is_in_one_bin() -> None:
    bins = equal_bins(np.random.default_rng(0).random(997))
    assert len(bins) == 10
    assert (bins.sum(axis=0) == 1).all()
    assert bins.sum(axis=1).min() >= 90


def test_honest_promises_have_almost_no_error() -> None:
    random = np.random.default_rng(1)
    chances = random.random(20_000)
    claims = Claims(chances, random.random(20_000) < chances)
    assert expected_calibration_error(claims, equal_bins(chances)) < 0.015
    too_sure = Claims(np.minimum(1, chances + 0.2), claims.came_true)
    error = expected_calibration_error(too_sure, equal_bins(too_sure.probability))
    assert error == pytest.approx(0.18, abs=0.02)


def test_claims_come_from_the_lists_as_judged() -> None:
    """Each next number is promised .5, a list of two .5 + .125; the page is on none of them.

    After [0] that is 1, then 2 (0 being the page), after 0 1 2 it is 3, then 0 of the ties.
    """
    queries = queries_of(sessions_from_lists([[0, 1, 2, 0]]))
    claims = judge(NextChance(5), queries, ["none"], 2).claims
    assert claims["first"].probability == pytest.approx([0.5] * 3)
    assert claims["first"].came_true.tolist() == [True, True, False]
    assert claims["list"].probability == pytest.approx([0.625] * 3)
    assert claims["list"].came_true.tolist() == [True, True, True]
    stays = judge(NextChance(5), queries_of(sessions_from_lists([[1, 1]])), ["none"], 5).claims
    assert stays["list"].came_true.tolist() == [False], "the page is not on its own list"
    assert stays["list"].probability == pytest.approx([0.875])
    shown = judge(NextChance(5), queries, ["none"], 2).shown
    assert shown.tolist() == [3, 1, 1, 1, 0], "0 is the first of all ties, on its own page too"
    assert judge(NextNumber(5), queries, ["none"], 2).claims == {}


def test_an_item_the_model_does_not_know_never_comes_true() -> None:
    queries = queries_of(sessions_from_lists([[1, 0]]))
    claims = judge(NextChance(3), queries, ["none"], 9, numbers=np.int32([-1, 0, 1, 2])).claims
    assert claims["list"].came_true.tolist() == [False]


def test_entry_for_the_report() -> None:
    """Eighty questions give two bins of forty; a third of ten would be luck."""
    queries = queries_of(sessions_from_lists([[0, 1]] * 80))
    claims = Claims(np.repeat([0.2, 0.9], 40), np.repeat([False, True, True, True], 20))
    judgement = Judgement({}, np.zeros(1, np.int64), {"first": claims})
    entry = calibration_entry(queries, judgement, 200)["first"]
    assert entry["promised"] == 0.55
    assert entry["came_true"] == 0.75
    assert entry["expected_calibration_error"] == pytest.approx((0.3 + 0.1) / 2)
    assert [one["queries"] for one in entry["bins"]] == [40, 40]
    assert 0.3 < entry["bins"][0]["came_true"]["low"] < 0.5
    assert entry["bins"][1]["came_true"] == {"value": 1, "low": 1, "high": 1}
