"""The products a model knows: the shop's ids and their row numbers."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, sessions_from_lists


class Vocabulary:
    """Item ids in row order; row i of every model array belongs to `item_ids[i]`."""

    def __init__(self, item_ids: Sequence[str]) -> None:
        self.item_ids = list(item_ids)
        self._index = {item_id: index for index, item_id in enumerate(self.item_ids)}

    def __len__(self) -> int:
        return len(self.item_ids)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._index

    def index(self, item_id: str) -> int | None:
        """The row of an item, or None for an unknown one."""
        return self._index.get(item_id)

    def numbers_of(self, item_ids: Iterable[str]) -> NDArray[np.int32]:
        """The rows of many items, -1 for the unknown ones; shape (n,)."""
        return np.array([self._index.get(item_id, -1) for item_id in item_ids], np.int32)

    def encode(self, sessions: Iterable[Sequence[str]]) -> Sessions:
        """Sessions of ids as sessions of rows; unknown items are taken out."""
        index = self._index
        return sessions_from_lists(
            [[index[item] for item in session if item in index] for session in sessions]
        )

    def decode(self, item_indices: Iterable[int]) -> list[str]:
        """The ids of some rows."""
        return [self.item_ids[index] for index in item_indices]

    def save(self, path: Path) -> None:
        """Write the ids as JSON."""
        path.write_text(json.dumps(self.item_ids, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote."""
        return cls(json.loads(path.read_text("utf-8")))


def frequent_items(sessions: Sessions, n_items: int, min_count: int) -> NDArray[np.int64]:
    """The items with at least `min_count` steps, in ascending order."""
    return np.flatnonzero(np.bincount(sessions.items, minlength=n_items) >= min_count)


def keep_items(sessions: Sessions, kept: NDArray[np.int64], n_items: int) -> Sessions:
    """Take out every other item and number the kept ones 0..len(kept)-1.

    Sessions stay in place, so that a session may become empty.

    Args:
        sessions: Item indices below `n_items`.
        kept: Item indices in ascending order, shape (n_kept,).
        n_items: Size of the numbering that `sessions` uses.
    """
    numbers = np.full(n_items, -1, np.int32)
    numbers[kept] = np.arange(len(kept), dtype=np.int32)
    return renumber(sessions, numbers)


def renumber(sessions: Sessions, numbers: NDArray[np.int32]) -> Sessions:
    """Give every item its new number; those numbered -1 are taken out.

    Sessions stay in place, so that a session may become empty.

    Args:
        sessions: Any sessions.
        numbers: New number of every item, shape (n_items,).
    """
    items = numbers[sessions.items]
    known = items >= 0
    starts = np.concatenate([[0], np.cumsum(known)])[sessions.starts]
    return Sessions(items[known], starts.astype(np.int64), sessions.times_us)
