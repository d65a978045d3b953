"""Sessions as arrays keep their times through every cut."""

import numpy as np

from recommender.data.examples import Sessions, hold_out, select_sessions, sessions_from_lists


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


def test_the_newest_sessions_are_held_out_until_they_ask_enough() -> None:
    train = sessions_from_lists([[1, 2], [3, 4], [5, 6, 7], [8]])
    later = sessions_from_lists([[9, 1]])
    kept, held_out = hold_out(train, later, min_queries=3, max_share=0.5)
    assert kept.items.tolist() == [1, 2, 3, 4]
    assert held_out.items.tolist() == [5, 6, 7, 8, 9, 1]
    assert held_out.starts.tolist() == [0, 3, 4, 6]


def test_enough_is_left_alone_and_never_more_than_the_share_is_moved() -> None:
    train = sessions_from_lists([[1, 2]] * 100)
    later = sessions_from_lists([[9, 1]])
    assert hold_out(train, later, min_queries=1) == (train, later)
    kept, held_out = hold_out(train, later, min_queries=1000)
    assert (kept.n_sessions, held_out.n_sessions) == (92, 9)


def test_times_move_along() -> None:
    kept, held_out = hold_out(timed(), timed(), min_queries=4, max_share=0.5)
    assert kept.times_us is not None
    assert held_out.times_us is not None
    assert kept.times_us.tolist() == [100, 150]
    assert held_out.times_us.tolist() == [300, 100, 150, 300]
