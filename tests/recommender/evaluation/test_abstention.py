"""Risk and coverage, worked out by hand."""

import numpy as np

from recommender.data.examples import sessions_from_lists
from recommender.evaluation.abstention import abstention_entry
from recommender.evaluation.protocol import Judgement, queries_of
from recommender.evaluation.wording import abstention_words
from recommender.models.metrics import EXCLUDED


def test_the_surest_are_answered_first() -> None:
    queries = queries_of(sessions_from_lists([[row, row + 1] for row in range(11)]))
    ranks = np.array([EXCLUDED, 1, 1, 1, 1, 99, 1, 99, 99, 99, 99])
    certainty = np.float32([0.99, 0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2, 0.1])
    order = np.random.default_rng(0).permutation(11)
    judged = Judgement({"none": ranks[order]}, np.zeros(12, np.int64), {}, certainty[order])
    curve = abstention_entry(queries, judged, 20, 50)["none"]
    told = {point["answered"]: point["recall@20"]["value"] for point in curve}
    assert told[0.4] == 1
    assert told[0.5] == 0.8
    assert told[1.0] == 0.5
    assert next(p["least_certainty"] for p in curve if p["answered"] == 0.5) == 0.55


def test_a_model_without_certainty_has_no_curve() -> None:
    queries = queries_of(sessions_from_lists([[0, 1]]))
    judged = Judgement({"none": np.array([1])}, np.zeros(2, np.int64))
    assert abstention_entry(queries, judged, 20, 50) == {}


def test_no_question_left_is_no_curve() -> None:
    queries = queries_of(sessions_from_lists([[0, 1]]))
    judged = Judgement({"none": np.array([EXCLUDED])}, np.zeros(2, np.int64), {}, np.float32([0.5]))
    assert abstention_entry(queries, judged, 20, 50) == {"none": []}


def test_the_page_says_what_the_surer_seven_tenths_gain() -> None:
    model = {
        "name": "m",
        "abstention": {
            "current": [
                {"answered": 0.7, "least_certainty": 0.31, "recall@20": {"value": 0.81}},
                {"answered": 1.0, "least_certainty": 0.02, "recall@20": {"value": 0.64}},
            ]
        },
    }
    assert abstention_words(model, "current", 20) == (
        "m finds the product in 64.0 of 100 questions, and in 81.0 of 100 where it answers "
        "only the surer 70: those with a certainty of at least .310."
    )
