"""Splits by time: worked by hand, and nothing of the future in the past."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from recommender.data.days import Borders
from recommender.data.events import LOG_COLUMNS
from recommender.data.examples import Sessions, sessions_from_lists
from recommender.data.noise import NEVER
from recommender.data.split import (
    before,
    between,
    borders_of,
    everything,
    held_out_over,
    n_crossing,
    split_at,
    split_for_choosing,
    split_for_judging,
    trimmed,
    without_noise,
)
from recommender.data.steps import SessionLog, session_log
from recommender.data.vocabulary import Vocabulary
from recommender.errors import DataError
from recommender.settings import SessionSettings, Settings


def log_of(*sessions: list[tuple[str, int]], noise_us: dict[int, int] | None = None) -> SessionLog:
    """A log of sessions, each a list of (item, time)."""
    item_ids = sorted({item for session in sessions for item, _ in session})
    return SessionLog(
        item_ids,
        sessions_from_lists([[item_ids.index(item) for item, _ in s] for s in sessions]),
        np.array([time for session in sessions for _, time in session], np.int64),
        np.array([(noise_us or {}).get(n, NEVER) for n in range(len(sessions))], np.int64),
        sum(map(len, sessions)),
        {},
        np.zeros(sum(map(len, sessions)), np.uint8),
    )


def steps(text: str, start: int = 0) -> list[tuple[str, int]]:
    """One step a second; a dot is a second without one."""
    return [(item, start + n) for n, item in enumerate(text) if item != "."]


def words(log: SessionLog) -> list[str]:
    return spelled(log.sessions, log.item_ids)


def spelled(sessions: Sessions, item_ids: list[str]) -> list[str]:
    return ["".join(item_ids[item] for item in sessions.session(position))
            for position in range(sessions.n_sessions)]  # fmt: skip


def settings(min_count: int = 1, **sessions: Any) -> Settings:
    return Settings.model_validate({"vocabulary": {"min_count": min_count}, "sessions": sessions})


LOG = log_of(steps("abcd", 0), steps("ab", 2), steps("ace", 3), steps("bf", 6), steps("ba", 9))


def test_before_keeps_what_happened_by_then() -> None:
    assert words(before(LOG, 4)) == ["abcd", "ab", "a"]
    assert before(LOG, 4).times_us.tolist() == [0, 1, 2, 3, 2, 3, 3]
    assert words(before(LOG, 0)) == []
    assert words(before(LOG, 100)) == words(LOG)


def test_between_keeps_sessions_that_start_there() -> None:
    assert words(between(LOG, 3)) == ["ace", "bf", "ba"]
    assert words(between(LOG, 3, 7)) == ["ace", "b"]
    assert words(between(LOG, 11)) == []


def test_sessions_on_both_sides_are_counted() -> None:
    assert [n_crossing(LOG, time) for time in (0, 1, 3, 4, 6, 7, 20)] == [0, 1, 2, 1, 0, 1, 0]


def test_noise_counts_from_the_moment_it_is_known() -> None:
    log = log_of(steps("abcd", 0), steps("ab", 1), noise_us={0: 2})
    assert words(without_noise(log)) == ["ab"]
    assert words(before(log, 3)) == ["ab"]
    assert words(before(log, 2)) == ["ab", "a"]
    assert words(between(log, 0, 2)) == ["ab", "a"]
    assert words(between(log, 0)) == ["ab"]
    assert n_crossing(log, 1) == 0


def test_a_day_of_noise_is_no_day_to_test_on() -> None:
    day = 86_400_000_000
    walks = [[("a", n * day), ("b", n * day + 1)] for n in range(5)]
    assert borders_of(log_of(*walks), settings()) == Borders(3 * day, 4 * day)
    robots = {2: 2 * day + 1, 4: 4 * day + 1}
    noisy = log_of(*walks, noise_us=robots)
    assert borders_of(noisy, settings()) == Borders(day, 3 * day)
    with pytest.raises(DataError, match="no event at or after"):
        borders_of(noisy, settings(), 4 * day)


def test_short_sessions_go_and_of_long_ones_the_newest_steps_stay() -> None:
    limits = SessionSettings(min_length=2, max_length=3)
    assert spelled(trimmed(LOG.sessions, limits), LOG.item_ids) == ["bcd", "ab", "ace", "bf", "ba"]
    limits = SessionSettings(min_length=3)
    assert spelled(trimmed(LOG.sessions, limits), LOG.item_ids) == ["abcd", "ace"]
    assert trimmed(sessions_from_lists([]), limits).n_sessions == 0


def test_a_split_worked_by_hand() -> None:
    log = log_of(
        steps("abz", 0), steps("ab", 1), steps("ab.xb", 8), steps("xaxbya", 20), steps("xy", 21),
        steps("yb", 22), steps("a", 30), steps("ab", 40),
    )  # fmt: skip
    split = split_at(log, settings(min_count=2), from_us=10, until_us=40)
    assert split.vocabulary.item_ids == ["a", "b"]
    assert spelled(split.train, ["a", "b"]) == ["ab", "ab", "ab"]
    assert spelled(split.held_out, ["a", "b"]) == ["aba"]
    assert (split.n_queries, split.n_dropped_unknown, split.n_crossing) == (2, 3, 1)
    assert (split.from_us, split.until_us) == (10, 40)
    assert split.held_out.items.dtype == split.train.items.dtype == np.int32
    assert split_at(log, settings(min_count=2), from_us=10).n_queries == 3


def test_min_count_counts_the_steps_of_sessions_that_are_trained_on() -> None:
    log = log_of(steps("aab", 0), steps("b", 5), steps("cab", 10))
    vocabulary, train = everything(log, settings(min_count=2))
    assert vocabulary.item_ids == ["a", "b"]
    assert spelled(train, ["a", "b"]) == ["aab", "ab"]
    vocabulary, train = everything(before(log, 10), settings(min_count=2))
    assert spelled(train, vocabulary.item_ids) == ["aa"]


def test_every_item_of_the_vocabulary_keeps_its_steps() -> None:
    log = log_of(steps("ax", 0), steps("ay", 1), steps("az", 2))
    vocabulary, train = everything(log, settings(min_count=3))
    assert (vocabulary.item_ids, spelled(train, ["a"])) == (["a"], ["a", "a", "a"])


def test_choosing_sees_nothing_of_the_test() -> None:
    log = log_of(steps("ab", 0), steps("ba", 10), steps("aaa", 19), steps("ab", 20))
    borders = Borders(validation_us=10, test_us=20)
    choosing = split_for_choosing(log, settings(), borders)
    assert spelled(choosing.train, ["a", "b"]) == ["ab"]
    assert spelled(choosing.held_out, ["a", "b"]) == ["ba"]
    assert (choosing.from_us, choosing.until_us, choosing.n_crossing) == (10, 20, 0)
    judging = split_for_judging(log, settings(), borders)
    assert spelled(judging.train, ["a", "b"]) == ["ab", "ba"]
    assert spelled(judging.held_out, ["a", "b"]) == ["ab"]
    assert (judging.from_us, judging.until_us, judging.n_crossing) == (20, None, 1)


def test_held_out_sessions_over_a_vocabulary_of_other_items() -> None:
    vocabulary = Vocabulary(["e", "new", "a", "b"])
    held_out = held_out_over(LOG, settings(), vocabulary, 2, 9)
    assert spelled(held_out, ["e", "new", "a", "b"]) == ["ab", "ae"]
    known = split_at(LOG, settings(), 2, 9)
    same = held_out_over(LOG, settings(), known.vocabulary, 2, 9)
    assert same.items.tolist() == known.held_out.items.tolist()
    assert same.starts.tolist() == known.held_out.starts.tolist()


def test_too_little_to_train_on_is_said() -> None:
    with pytest.raises(
        DataError, match=r"sessions 1, products with at least 5 steps in them 0.*min_count"
    ):
        split_at(LOG, settings(min_count=5), 3)
    assert split_at(LOG, settings(), 100).n_queries == 0


SECOND = 1_000_000


def session_log_of(events: list[tuple[int, str, str]]) -> SessionLog:
    """The log of events (second, visitor, item), cut as the product cuts it."""
    columns = {
        "event_id": [f"e{number}" for number in range(len(events))],
        "event_name": ["view_item"] * len(events),
        "time_us": [second * SECOND for second, _, _ in events],
        "visitor_id": [visitor for _, visitor, _ in events],
        "item_id": [item for _, _, item in events],
        "consent": ["granted"] * len(events),
        "ordinal": list(range(len(events))),
    }
    types = {"time_us": pa.int64(), "ordinal": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in columns])
    other = {name: f"NULL::{kind}" for name, kind in LOG_COLUMNS.items() if name not in columns}
    other |= {"event_time": "make_timestamptz(time_us)", "item_position": "0::INTEGER"}
    select = ", ".join(f"{expression} AS {name}" for name, expression in other.items())
    with duckdb.connect() as connection:
        table = connection.from_arrow(pa.table(columns, schema))
        return session_log(table.select(f"* EXCLUDE (time_us), {select}"), Settings())


EVENTS = st.lists(
    st.tuples(st.integers(0, 6000), st.sampled_from("vw"), st.sampled_from("abcdef")), max_size=40
)


@hypothesis_settings(max_examples=25, deadline=None)
@given(EVENTS, EVENTS, st.integers(1000, 5000), st.booleans())
def test_nothing_after_the_border_changes_what_is_trained_on(
    events: list[tuple[int, str, str]],
    others: list[tuple[int, str, str]],
    border: int,
    robot: bool,
) -> None:
    past = [(0, "u", "a"), (1, "u", "b"), *(event for event in events if event[0] < border)]
    future = [event for event in (*events, *others) if event[0] >= border]
    if robot:
        # One event before the border is of a visit that only later events give away.
        past.append((border - 1, "v", "a"))
        future += [(border + n // 4, "v", f"i{n}") for n in range(80)]
    known = settings()
    expected, trained_on = everything(session_log_of(past), known)
    split = split_at(session_log_of(past + future), known, border * SECOND)
    assert split.vocabulary.item_ids == expected.item_ids
    assert split.train.items.tolist() == trained_on.items.tolist()
    assert split.train.starts.tolist() == trained_on.starts.tolist()
