"""Splits by time only: what a model learns from, and the later sessions it is judged on.

Nothing of the later part reaches the earlier one. The vocabulary is made of training sessions; of
a session that crosses the border training sees the steps before it, and judging sees none; what
later events gave away as noise was no noise before them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.days import Borders, draw_borders, share_borders
from recommender.data.examples import Sessions, select_sessions
from recommender.data.noise import NEVER
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary, frequent_items, keep_items, renumber
from recommender.errors import DataError
from recommender.settings import SessionSettings, Settings


class Split(NamedTuple):
    """Sessions to learn from and later sessions to judge on, over one vocabulary.

    Attributes:
        vocabulary: The items frequent enough in training.
        train: Sessions before `from_us` without the other items; none is empty.
        held_out: Sessions that start in `from_us`..`until_us` without the other items, those with
            a next item to guess: two steps or more.
        from_us: The border in µs since 1970.
        until_us: The end of the held-out part; None for the end of the log.
        n_dropped_unknown: Steps of held-out sessions that were a next item and are not in the
            vocabulary: queries that no model can answer.
        n_crossing: Sessions with steps on both sides of `from_us`.
    """

    vocabulary: Vocabulary
    train: Sessions
    held_out: Sessions
    from_us: int
    until_us: int | None
    n_dropped_unknown: int
    n_crossing: int

    @property
    def n_queries(self) -> int:
        """Prefixes of held-out sessions that have a next item."""
        return len(self.held_out.items) - self.held_out.n_sessions


def without_noise(log: SessionLog, until_us: int = NEVER) -> SessionLog:
    """The sessions that events before a time do not give away as noise."""
    return _keep_steps(log, np.repeat(log.noise_us >= until_us, log.sessions.lengths))


def before(log: SessionLog, time_us: int) -> SessionLog:
    """What was known at a time: the steps before it; of a session that crosses it the earlier."""
    clean = without_noise(log, time_us)
    return _keep_steps(clean, clean.times_us < time_us)


def between(log: SessionLog, from_us: int, until_us: int | None = None) -> SessionLog:
    """The sessions that start in `from_us`..`until_us`, with their steps before `until_us`."""
    known = without_noise(log) if until_us is None else before(log, until_us)
    return _keep_steps(known, np.repeat(_start_times(known) >= from_us, known.sessions.lengths))


def without_items(log: SessionLog, is_left_out: NDArray[np.bool_]) -> SessionLog:
    """The log as if nobody had ever seen some items.

    Args:
        log: Any log.
        is_left_out: True for each item that is left out, shape (n_items,).
    """
    return _keep_steps(log, ~is_left_out[log.sessions.items])


def n_crossing(log: SessionLog, time_us: int) -> int:
    """Number of sessions that start before a time and have a step at it or later."""
    clean = without_noise(log)
    last_us = clean.times_us[clean.sessions.starts[1:] - 1]
    return int(np.count_nonzero((_start_times(clean) < time_us) & (last_us >= time_us)))


def trimmed(sessions: Sessions, settings: SessionSettings) -> Sessions:
    """Leave out sessions shorter than `min_length`; of long ones keep the newest steps."""
    sessions = _of_length(sessions, settings.min_length)
    to_end = np.repeat(sessions.starts[1:], sessions.lengths) - np.arange(len(sessions.items))
    lengths = np.minimum(sessions.lengths, settings.max_length)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = sessions.items[to_end <= settings.max_length]
    return Sessions(items, starts, sessions.times_us)


def everything(log: SessionLog, settings: Settings) -> tuple[Vocabulary, Sessions]:
    """All sessions as training takes them, and their vocabulary: what a model is refitted on.

    To stop at a time: `everything(before(log, time_us), settings)`.

    Raises:
        DataError: If no item is frequent enough to be learned.
    """
    kept, train = _learned(without_noise(log), settings)
    return _vocabulary(log, kept), train


def split_at(
    log: SessionLog, settings: Settings, from_us: int, until_us: int | None = None
) -> Split:
    """Part a log at a time: training before it, judging from then on.

    Args:
        log: All sessions.
        settings: Lengths of sessions and `vocabulary.min_count`.
        from_us: The border, µs since 1970.
        until_us: Where the held-out part ends; None for the end of the log. What comes later is
            not looked at.

    Returns:
        Both parts; the held-out one may be empty.

    Raises:
        DataError: If no item is frequent enough to be learned.
    """
    kept, train = _learned(before(log, from_us), settings)
    later = trimmed(between(log, from_us, until_us).sessions, settings.sessions)
    is_next = np.ones(len(later.items), np.bool_)
    is_next[later.starts[:-1]] = False
    return Split(
        vocabulary=_vocabulary(log, kept),
        train=train,
        held_out=_of_length(keep_items(later, kept, len(log.item_ids)), 2),
        from_us=from_us,
        until_us=until_us,
        n_dropped_unknown=int(np.count_nonzero(is_next & ~np.isin(later.items, kept))),
        n_crossing=n_crossing(log if until_us is None else before(log, until_us), from_us),
    )


def borders_of(log: SessionLog, settings: Settings, test_us: int | None = None) -> Borders:
    """Where validation and test begin: by shares of the sessions where those are set, else by days.

    Noise draws no border: a day that holds nothing else is no day to test on. Shares are of the
    sessions that stay, of `sessions.min_length` or more.

    Args:
        log: All sessions.
        settings: `evaluation` counts here; see `draw_borders` for days.
        test_us: Where the test begins instead, µs since 1970; validation is what comes before it.

    Raises:
        DataError: If nothing is left to train, choose or test on.
    """
    evaluation, clean = settings.evaluation, without_noise(log)
    if evaluation.test_share is None or evaluation.validation_share is None:
        return draw_borders(clean.times_us, settings, test_us)
    is_long = clean.sessions.lengths >= settings.sessions.min_length
    starts_us = np.sort(_start_times(clean)[is_long])
    return share_borders(starts_us, evaluation.test_share, evaluation.validation_share, test_us)


def split_for_choosing(log: SessionLog, settings: Settings, borders: Borders) -> Split:
    """Training days | validation days: what chooses epochs and start; the test stays unseen."""
    return split_at(log, settings, borders.validation_us, borders.test_us)


def split_for_judging(log: SessionLog, settings: Settings, borders: Borders) -> Split:
    """Training and validation days | test days."""
    return split_at(log, settings, borders.test_us, borders.until_us)


def held_out_over(
    log: SessionLog,
    settings: Settings,
    vocabulary: Vocabulary,
    from_us: int,
    until_us: int | None = None,
) -> Sessions:
    """The held-out sessions of a split over another vocabulary, those with a next item to guess."""
    later = trimmed(between(log, from_us, until_us).sessions, settings.sessions)
    return _of_length(renumber(later, vocabulary.numbers_of(log.item_ids)), 2)


def _learned(log: SessionLog, settings: Settings) -> tuple[NDArray[np.int64], Sessions]:
    """The frequent items of training sessions, and the sessions without the others."""
    sessions = trimmed(log.sessions, settings.sessions)
    kept = frequent_items(sessions, len(log.item_ids), settings.vocabulary.min_count)
    if not len(kept):
        raise DataError(
            f"too little to train on: sessions {sessions.n_sessions}, products with at least "
            f"{settings.vocabulary.min_count} steps in them 0; import more events or lower "
            "vocabulary.min_count"
        )
    # A session of one step is kept: every item of the vocabulary keeps its min_count steps.
    return kept, _of_length(keep_items(sessions, kept, len(log.item_ids)), 1)


def _vocabulary(log: SessionLog, kept: NDArray[np.int64]) -> Vocabulary:
    return Vocabulary([log.item_ids[index] for index in kept])


def _start_times(log: SessionLog) -> NDArray[np.int64]:
    return log.times_us[log.sessions.starts[:-1]]


def _keep_steps(log: SessionLog, kept: NDArray[np.bool_]) -> SessionLog:
    """Some steps; sessions that lose all of theirs are left out. Counts stay those of the log."""
    starts = np.concatenate([[0], np.cumsum(kept)])[log.sessions.starts].astype(np.int64)
    sessions = Sessions(log.sessions.items[kept], starts, log.sessions.times_us)
    return log._replace(
        sessions=_of_length(sessions, 1),
        times_us=log.times_us[kept],
        noise_us=log.noise_us[sessions.lengths > 0],
        marks=log.marks[kept],
    )


def _of_length(sessions: Sessions, n: int) -> Sessions:
    """The sessions of `n` steps or more."""
    return select_sessions(sessions, np.flatnonzero(sessions.lengths >= n))
