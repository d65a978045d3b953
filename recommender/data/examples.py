"""Sessions as two arrays, and what models and evaluation cut out of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PAD = -1
"""Stands in front of sessions shorter than a window."""


class Sessions(NamedTuple):
    """Sessions laid end to end.

    Attributes:
        items: Item indices, shape (n_steps,), int32; oldest step of a session first.
        starts: Where each session starts in `items`, with the end of the last one behind them,
            shape (n_sessions + 1,), int64.
        times_us: When each session began, µs since 1970, shape (n_sessions,), int64; None where
            only their order is known. Models learn from it how old a session is.
    """

    items: NDArray[np.int32]
    starts: NDArray[np.int64]
    times_us: NDArray[np.int64] | None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Steps of each session, shape (n_sessions,)."""
        return np.diff(self.starts)

    @property
    def n_sessions(self) -> int:
        """Number of sessions, empty ones included."""
        return len(self.starts) - 1

    def session(self, position: int) -> NDArray[np.int32]:
        """The items of one session."""
        return self.items[self.starts[position] : self.starts[position + 1]]

    @property
    def session_of_step(self) -> NDArray[np.int64]:
        """The session of every step, shape (n_steps,)."""
        return np.repeat(np.arange(self.n_sessions), self.lengths)

    @property
    def places_in_period(self) -> NDArray[np.float64]:
        """Where each session lies in their period, from 0 (oldest) to 1, shape (n_sessions,)."""
        times = np.arange(self.n_sessions) if self.times_us is None else self.times_us
        first = times.min(initial=np.iinfo(np.int64).max)
        since_first = (times - first).astype(np.float64)
        places: NDArray[np.float64] = since_first / max(since_first.max(initial=0.0), 1.0)
        return places


def sessions_from_lists(lists: Iterable[Sequence[int]]) -> Sessions:
    """Lay lists of item indices end to end.

    Example:
        >>> sessions_from_lists([[3, 1], [], [2]]).starts
        array([0, 2, 2, 3])
    """
    rows = [np.asarray(row, np.int32) for row in lists]
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    items = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    return Sessions(items.astype(np.int32, copy=False), starts)


def select_sessions(sessions: Sessions, chosen: NDArray[np.intp]) -> Sessions:
    """Take some sessions, in the order given.

    Args:
        sessions: Any sessions.
        chosen: Their positions, shape (n,); repeats are allowed.
    """
    lengths = sessions.lengths[chosen]
    starts = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    items = sessions.items[np.repeat(sessions.starts[chosen], lengths) + within]
    return Sessions(items, starts, None if sessions.times_us is None else sessions.times_us[chosen])


def hold_out(
    train: Sessions, held_out: Sessions, min_queries: int, max_share: float = 0.08
) -> tuple[Sessions, Sessions]:
    """Move the newest training sessions to the held-out ones until those ask enough.

    Args:
        train: Oldest session first.
        held_out: Later sessions.
        min_queries: Prefixes with a next item that are wanted.
        max_share: Share of the training sessions that may be moved.
    """
    n_queries = np.maximum(train.lengths - 1, 0)
    missing = min_queries - int(np.maximum(held_out.lengths - 1, 0).sum())
    if missing <= 0:
        return train, held_out
    wanted = int(np.searchsorted(np.cumsum(n_queries[::-1]), missing)) + 1
    n_kept = train.n_sessions - min(wanted, int(max_share * train.n_sessions))
    newest = select_sessions(train, np.arange(n_kept, train.n_sessions))
    times = (newest.times_us, held_out.times_us)
    together = Sessions(
        np.concatenate([newest.items, held_out.items]),
        np.concatenate([newest.starts[:-1], held_out.starts + newest.starts[-1]]),
        None if times[0] is None or times[1] is None else np.concatenate([times[0], times[1]]),
    )
    return select_sessions(train, np.arange(n_kept)), together


def last_items(sessions: Sessions, length: int) -> NDArray[np.int32]:
    """The newest items of every session.

    Returns:
        Shape (n_sessions, length), int32; the newest item in the last column, `PAD` in front.

    Example:
        >>> last_items(sessions_from_lists([[3, 1], [1, 2, 3, 4]]), 3)
        array([[-1,  3,  1],
               [ 2,  3,  4]], dtype=int32)
    """
    if not len(sessions.items):
        return np.full((sessions.n_sessions, length), PAD, np.int32)
    place = sessions.starts[1:, None] - np.arange(length, 0, -1)
    inside = place >= sessions.starts[:-1, None]
    return np.where(inside, sessions.items.take(place, mode="clip"), np.int32(PAD))


def prefixes(sessions: Sessions) -> tuple[Sessions, NDArray[np.int32], NDArray[np.int64]]:
    """Every prefix of every session that has a next item.

    Returns:
        The prefixes, oldest session first and shortest prefix first; the next item of each, shape
        (n,); the session each comes from, shape (n,).

    Example:
        >>> queries, targets, _ = prefixes(sessions_from_lists([[3, 1, 2]]))
        >>> queries.items, targets
        (array([3, 3, 1], dtype=int32), array([1, 2], dtype=int32))
    """
    session = sessions.session_of_step
    place = np.arange(len(sessions.items)) - sessions.starts[:-1][session]
    is_target = place > 0
    session, lengths = session[is_target], place[is_target]
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    items = sessions.items[np.repeat(sessions.starts[session], lengths) + within]
    return Sessions(items, starts), sessions.items[is_target], session


class TrainingWindows:
    """Sessions as rows of `length` + 1 steps, so that every position has a next item.

    Longer sessions give several rows; a row repeats the last item of the row before it, so that
    no pair of neighbors is lost and none is seen twice. Rows are made when they are asked for.

    Args:
        sessions: Any sessions; those of one step give no row.
        length: Steps of an input.

    Example:
        >>> TrainingWindows(sessions_from_lists([[1, 2, 3, 4], [5]]), 2).take(np.arange(2))
        array([[ 1,  2,  3],
               [ 3,  4, -1]], dtype=int32)
    """

    def __init__(self, sessions: Sessions, length: int) -> None:
        self.sessions, self.length = sessions, length
        n_windows = np.maximum(-(-(sessions.lengths - 1) // length), 0)
        self.session = np.repeat(np.arange(sessions.n_sessions), n_windows)
        nth = np.arange(len(self.session)) - (np.cumsum(n_windows) - n_windows)[self.session]
        self._first = sessions.starts[self.session] + nth * length
        self._end = sessions.starts[self.session + 1]

    def __len__(self) -> int:
        return len(self._first)

    def take(self, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
        """Some rows.

        Args:
            chosen: Their positions, shape (n,).

        Returns:
            Shape (n, length + 1), int32, left-aligned with `PAD` behind. Inputs are `[:, :-1]`,
            targets `[:, 1:]`.
        """
        place = self._first[chosen][:, None] + np.arange(self.length + 1)[None, :]
        inside = place < self._end[chosen][:, None]
        return np.where(inside, self.sessions.items[np.where(inside, place, 0)], np.int32(PAD))
