"""Two models question by question: differences, intervals, wins."""

from itertools import product

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.errors import DataError
from recommender.evaluation.compare import Resampled, part_means
from recommender.evaluation.pairing import pair
from recommender.evaluation.protocol import Judgement, queries_of
from recommender.models.metrics import EXCLUDED

QUERIES = queries_of(sessions_from_lists([[0, 1, 2], [0, 1], [0, 1, 2, 3], [4, 5]]))
A = np.array([1, 4, 30, 1, 2, 2, 1])
B = np.array([2, 4, 1, 40, 2, 90, 3])


def test_values_and_wins_by_hand() -> None:
    found = pair(QUERIES, {"none": A}, {"none": B}, {"first": np.arange(7) < 3}, 20, 100)
    (effect,) = found["effects"]
    assert effect["queries"] == 7
    assert (effect["a_better"], effect["b_better"], effect["same"]) == (4, 1, 2)
    recall, mrr = effect["metrics"]["recall@20"], effect["metrics"]["mrr@20"]
    assert recall["a"]["value"] == pytest.approx(6 / 7, abs=1e-4)
    assert recall["difference"]["value"] == pytest.approx(1 / 7, abs=1e-4)
    own = 1 + 1 / 4 + 0 + 1 + 1 / 2 + 1 / 2 + 1
    other = 1 / 2 + 1 / 4 + 1 + 0 + 1 / 2 + 0 + 1 / 3
    assert mrr["difference"]["value"] == pytest.approx((own - other) / 7, abs=1e-4)
    part = found["slices"]["first"]
    assert part["queries"] == 3
    assert part["metrics"]["recall@20"]["difference"]["value"] == pytest.approx(-1 / 3, abs=1e-4)
    assert (part["a_better"], part["b_better"], part["same"]) == (1, 1, 1)


def test_interval_is_that_of_all_resamples_of_sessions() -> None:
    """Four sessions have 4^4 equally likely resamples: the slow way takes each of them."""
    lead = (A <= 20).astype(float) - (B <= 20)
    sums = np.bincount(QUERIES.session_of_query, lead)
    sizes = np.bincount(QUERIES.session_of_query)
    means = [
        sum(sums[one] for one in drawn) / sum(sizes[one] for one in drawn)
        for drawn in product(range(4), repeat=4)
    ]
    low, high = np.percentile(means, [2.5, 97.5])
    found = pair(QUERIES, {"none": A}, {"none": B}, {}, 20, 20_000)
    interval = found["effects"][0]["metrics"]["recall@20"]["difference"]
    assert interval["low"] == pytest.approx(low, abs=0.03)
    assert interval["high"] == pytest.approx(high, abs=0.03)
    assert found["slices"] == {}


def test_the_same_draws_as_in_an_evaluation() -> None:
    """A report's difference and a comparison's are one figure."""
    shown = np.zeros(1, np.int64)
    judged = {"a": Judgement({"none": A}, shown), "b": Judgement({"none": B}, shown)}
    resampled = Resampled(QUERIES, judged, 20, 500)
    found = pair(QUERIES, {"none": A}, {"none": B}, {}, 20, 500)["effects"][0]["metrics"]
    for metric in ("recall@20", "mrr@20"):
        expected = resampled.difference("a", "b", "none", metric)
        assert found[metric]["difference"] == pytest.approx(expected.rounded(), abs=1e-9)


def test_a_model_against_itself_is_level() -> None:
    found = pair(QUERIES, {"none": A}, {"none": A}, {}, 20, 50)["effects"][0]
    assert found["metrics"]["mrr@20"]["difference"] == {"value": 0, "low": 0, "high": 0}
    assert (found["a_better"], found["b_better"], found["same"]) == (0, 0, 7)


def test_excluded_questions_count_for_nobody() -> None:
    a, b = A.copy(), B.copy()
    a[:2] = b[:2] = EXCLUDED
    found = pair(QUERIES, {"session": a}, {"session": b}, {}, 20, 50)["effects"][0]
    assert found["queries"] == 5
    assert found["a_better"] + found["b_better"] + found["same"] == 5


def test_only_common_exclusions_are_compared() -> None:
    found = pair(QUERIES, {"none": A, "current": A}, {"current": B}, {}, 20, 50)
    assert [effect["exclude"] for effect in found["effects"]] == ["current"]
    with pytest.raises(ValueError, match="no exclusion is common"):
        pair(QUERIES, {"none": A}, {"current": B}, {}, 20, 50)


def test_exclusions_that_leave_no_question_compare_nothing() -> None:
    """One that does is enough; its parts are those of the first exclusion, here none."""
    nothing = np.full(7, EXCLUDED)
    both = {"session": nothing, "current": nothing}
    with pytest.raises(DataError, match="where session or current is excluded, no question"):
        pair(QUERIES, both, both, {}, 20, 50)
    found = pair(QUERIES, {"session": nothing, "none": A}, {"session": nothing, "none": B},
                 {"all": np.ones(7, np.bool_)}, 20, 50)  # fmt: skip
    assert [effect["exclude"] for effect in found["effects"]] == ["none"]
    assert found["slices"] == {}


def test_a_draw_without_the_part_says_nothing_about_it() -> None:
    """The part is one session of 200 with all hits: no draw may pull it towards 0."""
    queries = queries_of(sessions_from_lists([[0, 1]] * 200))
    part = np.zeros((1, 200), np.bool_)
    part[0, 7] = True
    (((value, low, high),),) = part_means(queries, np.ones((1, 200)), part, 300)
    assert (value, low, high) == (1, 1, 1)


def test_one_question() -> None:
    queries = queries_of(sessions_from_lists([[0, 1]]))
    found = pair(queries, {"none": np.array([1])}, {"none": np.array([2])}, {}, 20, 50)
    assert found["effects"][0]["metrics"]["mrr@20"]["difference"] == {
        "value": 0.5, "low": 0.5, "high": 0.5,
    }  # fmt: skip


def test_an_exclusion_that_leaves_no_question_is_left_out() -> None:
    nothing = np.full(7, EXCLUDED)
    found = pair(
        QUERIES, {"none": A, "session": nothing}, {"none": B, "session": nothing}, {}, 20, 9
    )
    assert [effect["exclude"] for effect in found["effects"]] == ["none"]
