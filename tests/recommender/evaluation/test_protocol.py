"""What is asked, and how a model's answer is ranked."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, last_items, sessions_from_lists
from recommender.evaluation.protocol import UNKNOWN, judge, ms_per_query, queries_of
from recommender.models.contract import Model
from recommender.models.metrics import EXCLUDED
from recommender.settings import Settings


class NextNumber(Model):
    """Scores 10 for the number after the last item, else minus the distance to it."""

    name = "next_number"

    def fit(self, train: Any, validation: Any, *, vectors: Any = None, seed: int = 0) -> Self:
        return self

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        last = last_items(sessions, 1)
        return np.float32(10) - np.abs(np.arange(self.n_items) - last - 1).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        return cls(5, settings)


HELD_OUT = sessions_from_lists([[0, 1, 1], [2, 3, 2]])


def test_every_prefix_with_a_next_item_is_asked() -> None:
    queries = queries_of(HELD_OUT)
    asked = [queries.sessions.session(row).tolist() for row in range(len(queries))]
    assert asked == [[0], [0, 1], [2], [2, 3]]
    assert queries.targets.tolist() == [1, 1, 3, 2]
    assert queries.session_of_query.tolist() == [0, 0, 1, 1]


def test_ranks_under_each_exclusion() -> None:
    """Scores after [0]: 9 10 9 8 7; after [0, 1]: 8 9 10 9 8; after [2]: 7 8 9 10 9;
    after [2, 3]: 6 7 8 9 10."""
    judgement = judge(NextNumber(5), queries_of(HELD_OUT), ["none", "current", "session"], k=2)
    assert judgement.ranks["none"].tolist() == [1, 3, 1, 3]
    assert judgement.ranks["current"].tolist() == [1, EXCLUDED, 1, 2]
    assert judgement.ranks["session"].tolist() == [1, EXCLUDED, 1, EXCLUDED]
    assert judgement.shown.tolist() == [1, 2, 2, 2, 1]


def test_ties_may_count_as_in_a_list() -> None:
    """After [2, 3] 2 scores 8 and nobody else does; after [0, 1] 1 and 3 score 9."""
    judgement = judge(NextNumber(5), queries_of(HELD_OUT), ["none", "session"], k=2, ties="list")
    assert judgement.ranks["none"].tolist() == [1, 2, 1, 3]
    assert judgement.ranks["session"].tolist() == [1, EXCLUDED, 1, EXCLUDED]


def test_another_vocabulary_misses_what_it_does_not_know() -> None:
    """The model knows items 1, 2, 3 of ours as its 0, 1, 2."""
    numbers = np.int32([-1, 0, 1, 2, -1])
    judgement = judge(NextNumber(3), queries_of(sessions_from_lists([[1, 0, 2]])), ["none"], 2,
                      numbers=numbers)  # fmt: skip
    assert judgement.ranks["none"].tolist() == [UNKNOWN, 1]


def test_an_unknown_page_excludes_nothing_else() -> None:
    """After [1, 0] the page is 0, which the model does not know: 1 may be recommended again."""
    numbers = np.int32([-1, 0, 1, 2, -1])
    asked = queries_of(sessions_from_lists([[1, 0, 1]]))
    judgement = judge(NextNumber(3), asked, ["current", "session"], 2, numbers=numbers)
    assert judgement.ranks["current"].tolist() == [UNKNOWN, 3]
    assert judgement.ranks["session"].tolist() == [UNKNOWN, EXCLUDED]


def test_one_query_is_timed_as_the_service_asks() -> None:
    assert ms_per_query(NextNumber(5), queries_of(HELD_OUT), 2) > 0
