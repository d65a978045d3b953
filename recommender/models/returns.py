"""Returns to items that a session has seen."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions

MAX_EARLIER = 4
"""More earlier occurrences count as this many."""


class Occurrences(NamedTuple):
    """Where the items of windows occur again.

    Attributes:
        next_seen: The next place of the same item in the row, shape (n, length), int32; `length`
            where there is none.
        earlier: How often the item stood before in the row, at most `MAX_EARLIER`, same shape,
            int32.
    """

    next_seen: NDArray[np.int32]
    earlier: NDArray[np.int32]


def first_views(sessions: Sessions) -> NDArray[np.bool_]:
    """Which steps show an item for the first time in their session, shape (n_steps,).

    Example:
        >>> from recommender.data.examples import sessions_from_lists
        >>> first_views(sessions_from_lists([[7, 8, 7], [7]]))
        array([ True,  True, False,  True])
    """
    item_of_session = sessions.session_of_step * (sessions.items.max(initial=0) + 1)
    _, firsts = np.unique(item_of_session + sessions.items, return_index=True)
    is_first = np.zeros(len(sessions.items), np.bool_)
    is_first[firsts] = True
    return is_first


def new_targets(sessions: Sessions) -> NDArray[np.bool_]:
    """Which next items of `prefixes(sessions)` their session has not seen, shape (n,)."""
    is_target = np.ones(len(sessions.items), np.bool_)
    is_target[sessions.starts[:-1][sessions.lengths > 0]] = False
    return first_views(sessions)[is_target]


def occurrences(windows: NDArray[np.int32]) -> Occurrences:
    """Find the items of windows that occur several times.

    Args:
        windows: Item indices, shape (n, length), `PAD` where there is none.

    Example:
        >>> occurrences(np.int32([[7, 8, 7, PAD]])).next_seen
        array([[2, 4, 4, 4]], dtype=int32)
    """
    length = windows.shape[1]
    same = (windows[:, :, None] == windows[:, None, :]) & (windows != PAD)[:, :, None]
    before = np.tri(length, k=-1, dtype=np.bool_)
    places = np.where(same & before.T, np.arange(length, dtype=np.int32), np.int32(length))
    earlier = (same & before).sum(axis=2, dtype=np.int32)
    return Occurrences(places.min(axis=2), np.minimum(earlier, np.int32(MAX_EARLIER)))
