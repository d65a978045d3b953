"""Products as if they were new: the newest are hidden from training, later visits ask for them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, prefixes, select_sessions
from recommender.data.noise import NEVER
from recommender.data.split import between, everything, trimmed, without_items
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary, renumber
from recommender.settings import Settings


class Hidden(NamedTuple):
    """A log without its newest items.

    Attributes:
        log: All of it, without their steps.
        item_ids: The hidden items, the newest last.
    """

    log: SessionLog
    item_ids: list[str]


class ColdQuestions(NamedTuple):
    """Pages of later visits at which something known was seen, and what was clicked next.

    Attributes:
        sessions: What was seen so far, known items only; none is empty.
        known: Row of the next item in the vocabulary, -1 for a cold one, shape (n,).
        cold: Its place among the cold items, -1 for a known one, shape (n,).
        session_of_query: The visit each comes from, shape (n,).
        n_sessions: Number of visits.
        n_unasked: Clicks on cold items before which nothing known was seen: no model is asked.
    """

    sessions: Sessions
    known: NDArray[np.int64]
    cold: NDArray[np.int64]
    session_of_query: NDArray[np.int64]
    n_sessions: int
    n_unasked: int

    def take(self, chosen: NDArray[np.intp]) -> "ColdQuestions":
        """Some of them."""
        return self._replace(
            sessions=select_sessions(self.sessions, chosen),
            known=self.known[chosen],
            cold=self.cold[chosen],
            session_of_query=self.session_of_query[chosen],
        )


def hide_newest(log: SessionLog, known: SessionLog, settings: Settings, share: float) -> Hidden:
    """Hide the newest of the items that a model would learn.

    Args:
        log: From which they are taken out.
        known: The part of it that the model learns from.
        settings: What makes a vocabulary.
        share: Of the vocabulary; at least one item is hidden.

    Raises:
        DataError: If no item is frequent enough to be learned.
    """
    vocabulary, _ = everything(known, settings)
    rows = Vocabulary(known.item_ids).numbers_of(vocabulary.item_ids)
    first_us = first_steps_us(known)[rows]
    newest = rows[np.argsort(first_us, kind="stable")[-max(1, round(share * len(rows))) :]]
    is_hidden = np.zeros(len(log.item_ids), np.bool_)
    is_hidden[newest] = True
    return Hidden(without_items(log, is_hidden), [log.item_ids[row] for row in newest])


def first_steps_us(log: SessionLog) -> NDArray[np.int64]:
    """When each item was first seen, shape (n_items,); `NEVER` for one without a step."""
    first = np.full(len(log.item_ids), NEVER)
    np.minimum.at(first, log.sessions.items, log.times_us)
    return first


def cold_questions(
    log: SessionLog,
    settings: Settings,
    vocabulary: Vocabulary,
    cold_ids: Sequence[str],
    from_us: int,
    until_us: int | None,
) -> ColdQuestions:
    """Every page of the visits of some days at which a known or a cold item came next.

    Args:
        log: With the hidden items in it.
        settings: Lengths of sessions.
        vocabulary: What the model knows.
        cold_ids: Other items that have a vector.
        from_us: Where the days begin, µs since 1970.
        until_us: Where they end; None for the end of the log.
    """
    n_known = len(vocabulary)
    numbers = vocabulary.numbers_of(log.item_ids)
    places = Vocabulary(cold_ids).numbers_of(log.item_ids)
    numbers = np.where((numbers < 0) & (places >= 0), n_known + places, numbers).astype(np.int32)
    later = trimmed(between(log, from_us, until_us).sessions, settings.sessions)
    seen, targets, session = prefixes(renumber(later, numbers))
    only_known = np.arange(n_known + len(cold_ids), dtype=np.int32)
    only_known[n_known:] = -1
    seen = renumber(seen, only_known)
    is_cold = targets >= n_known
    asked = np.flatnonzero(seen.lengths > 0)
    return ColdQuestions(
        seen,
        np.where(is_cold, -1, targets).astype(np.int64),
        np.where(is_cold, targets - n_known, -1).astype(np.int64),
        session,
        later.n_sessions,
        int(np.count_nonzero(is_cold)) - int(np.count_nonzero(is_cold[asked])),
    ).take(asked)
