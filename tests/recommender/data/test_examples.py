"""Sessions as arrays keep their times through every cut."""

import numpy as np

from recommender.data.examples import Sessions, select_sessions, sessions_from_lists


def timed() -> Sessions:
    sessions = sessions_from_lists([[1, 2], [3], [4, 5, 6]])
    return sessions._replace(times_us=np.array([100, 150, 300]))


def test_chosen_sessions_keep_their_times() -> None:
    chosen = select_sessions(timed(), np.array([2, 0]))
    assert chosen.times_us is not None
    assert chosen.times_us.tolist() == [300, 100]


def test_places_are_shares_of_the_period() -> None:
    assert timed().places_in_period.tolist() == [0.0, 0.25, 1.0]


def test_without_times_the_order_counts() -> None:
    assert sessions_from_lists([[1], [2], [3]]).places_in_period.tolist() == [0.0, 0.5, 1.0]


def test_one_session_and_none_have_places() -> None:
    assert sessions_from_lists([[1]]).places_in_period.tolist() == [0.0]
    assert sessions_from_lists([]).places_in_period.tolist() == []
