"""Training sessions laid out for looking up: which sessions hold an item, which items a session."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, select_sessions


class SessionIndex(NamedTuple):
    """Sessions as sets of items, oldest session first; a session of one step tells of no other.

    A place is that of an item's last step in its session, from 0.

    Attributes:
        items: Distinct items of each session laid end to end, shape (n_pairs,), int32.
        places: Place of each, shape (n_pairs,), the smallest unsigned type that holds them.
        starts: Where each session starts, and the end, shape (n_sessions + 1,), int32.
        holders: Sessions that hold each item laid end to end, oldest first, shape (n_pairs,),
            int32.
        holder_places: The item's place there, shape (n_pairs,).
        holder_starts: Where each item's sessions start, and the end, shape (n_items + 1,), int32.
        ages: How long before the end of the period each session began, in periods: from 1 (oldest)
            to 0, shape (n_sessions,), float32.
        rarities: log(n_sessions / steps) of each item, 0 at least, shape (n_items,), float32.
    """

    items: NDArray[np.int32]
    places: NDArray[np.unsignedinteger]
    starts: NDArray[np.int32]
    holders: NDArray[np.int32]
    holder_places: NDArray[np.unsignedinteger]
    holder_starts: NDArray[np.int32]
    ages: NDArray[np.float32]
    rarities: NDArray[np.float32]

    @property
    def n_items(self) -> int:
        """Size of the vocabulary."""
        return len(self.holder_starts) - 1

    @property
    def n_sessions(self) -> int:
        """Sessions that can be neighbors."""
        return len(self.starts) - 1


def build_index(sessions: Sessions, n_items: int) -> SessionIndex:
    """Lay sessions out; those without times count as given oldest first."""
    sessions = _in_order(sessions)
    session, place = sessions.session_of_step, _places(sessions)
    # The last step of an item in its session is the first one from behind.
    code = (session * n_items + sessions.items)[::-1]
    code, first = np.unique(code, return_index=True)
    places: NDArray[np.unsignedinteger] = place[::-1][first].astype(
        np.min_scalar_type(int(place.max(initial=0)))
    )
    session, item = np.divmod(code, max(n_items, 1))
    by_item = np.argsort(item, kind="stable")
    steps = np.bincount(sessions.items, minlength=n_items)
    rarities = np.log(max(sessions.n_sessions, 1) / np.maximum(steps, 1))
    return SessionIndex(
        items=item.astype(np.int32),
        places=places,
        starts=_starts(session, sessions.n_sessions),
        holders=session[by_item].astype(np.int32),
        holder_places=places[by_item],
        holder_starts=_starts(item, n_items),
        ages=(1 - sessions.places_in_period).astype(np.float32),
        rarities=np.maximum(rarities, 0).astype(np.float32),
    )


def _in_order(sessions: Sessions) -> Sessions:
    kept = np.flatnonzero(sessions.lengths >= 2)
    if sessions.times_us is not None:
        kept = kept[np.argsort(sessions.times_us[kept], kind="stable")]
    return select_sessions(sessions, kept)


def _places(sessions: Sessions) -> NDArray[np.int64]:
    first = np.repeat(sessions.starts[:-1], sessions.lengths)
    places: NDArray[np.int64] = np.arange(len(sessions.items)) - first
    return places


def _starts(owners: NDArray[np.int64], n_owners: int) -> NDArray[np.int32]:
    """Where the pairs of each owner start in a list sorted by owner."""
    counts = np.bincount(owners, minlength=n_owners)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
