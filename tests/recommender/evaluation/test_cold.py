"""Lists that hold so many cold products, worked by hand."""

import numpy as np

from recommender.cold.hiding import ColdQuestions
from recommender.data.examples import sessions_from_lists
from recommender.evaluation.cold import MISSED, rank_entries, ranks_among, ranks_among_all

KNOWN = np.float32([[3, 1, -1]] * 4)
COLD = np.float32([[2, 4, 0]] * 4)
ASKED = ColdQuestions(
    sessions_from_lists([[0], [0], [1], [2]]),
    known=np.array([-1, -1, 1, 2]),
    cold=np.array([0, 1, -1, -1]),
    session_of_query=np.array([0, 0, 1, 2]),
    n_sessions=3,
    n_unasked=0,
)


def test_a_list_without_a_place_for_a_cold_product_misses_it():
    ranks = ranks_among_all(ASKED, KNOWN, COLD, [0, 1, 2, 9])
    assert ranks[0].tolist() == [MISSED, MISSED, 2, 3]
    assert ranks[1].tolist() == [MISSED, 1, 3, 4]
    assert ranks[2].tolist() == [3, 1, 4, 5]
    assert ranks[9].tolist() == [3, 1, 4, 6]


def test_cold_among_cold_and_how_far_the_first_is_ahead():
    asked = ASKED.take(np.array([0, 1]))
    right = ranks_among(asked, lambda some: np.eye(3, dtype=np.float32)[some.cold], 3)
    assert right.tolist() == [1, 1]
    same = ranks_among(asked, lambda some: np.zeros((len(some.cold), 3), np.float32), 3)
    assert same.tolist() == [3, 3], "equal scores count against a method"
    parts = {"all": np.array([True, True]), "none": np.array([False, False])}
    entry = rank_entries(asked, {"ours": right, "other": same}, parts, k=2, n_samples=20)
    assert list(entry) == ["all"]
    assert (entry["all"]["queries"], entry["all"]["sessions"]) == (2, 1)
    other = entry["all"]["methods"]["other"]
    assert other["recall@2"]["value"] == 0
    assert other["mrr@2"]["ahead"] == {"value": 1.0, "low": 1.0, "high": 1.0}
