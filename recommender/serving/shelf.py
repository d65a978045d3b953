"""What may be shown, and what sells best: a model's rows against the catalog of the moment."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.tree import Node
from recommender.catalog.table import ProductTable
from recommender.serving.artifact import Artifact

CategoryPath = tuple[str, ...]
"""Categories from the widest to the narrowest."""


class Shelf:
    """Everything an answer needs that is the same for every visitor.

    Attributes:
        table: The products it was made of.
        sellable: Rows that may be shown, shape (n_items,).
        popular: Those rows, best seller first, shape (n_sellable,).
        shares: Each row's share of all steps in training, shape (n_items,).
    """

    def __init__(self, artifact: Artifact, table: ProductTable) -> None:
        # The artifact itself is not kept: it is the key under which this is remembered.
        self.table = table
        counts = artifact.popularity
        self.sellable = table.sellable_mask(artifact.vocabulary)
        by_count = np.argsort(-counts, kind="stable")
        self.popular: NDArray[np.int64] = by_count[self.sellable[by_count]]
        self.shares = counts / max(1, counts.sum())
        self._vocabulary = artifact.vocabulary
        self._written: dict[str, str] = {}
        self._in_category, self._by_name = self._categories(artifact.vocabulary.item_ids)

    def passing(self, node: Node | None) -> NDArray[np.bool_]:
        """The sellable rows that a filter lets through, shape (n_items,); a new array."""
        if node is None:
            return self.sellable.copy()
        return self.sellable & self.table.passing(node, self._vocabulary)

    def in_category(self, path: CategoryPath) -> NDArray[np.int64]:
        """The sellable rows at or below a category, best seller first.

        A single name that is no top category stands for every category of that name. Upper and
        lower case are the same.
        """
        key = tuple(name.casefold() for name in path)
        if len(key) == 1 and key not in self._in_category:
            return self._by_name.get(key[0], _NO_ROWS)
        return self._in_category.get(key, _NO_ROWS)

    def category_name(self, name: str) -> str:
        """A category's name as the catalog writes it."""
        return self._written.get(name.casefold(), name)

    def _categories(
        self, item_ids: Sequence[str]
    ) -> tuple[dict[CategoryPath, NDArray[np.int64]], dict[str, NDArray[np.int64]]]:
        by_path: defaultdict[CategoryPath, list[int]] = defaultdict(list)
        by_name: defaultdict[str, list[int]] = defaultdict(list)
        for row in self.popular.tolist():
            written = self.table.category(item_ids[row])
            names = tuple(name.casefold() for name in written)
            self._written.update(zip(names, written, strict=True))
            for depth in range(1, len(names) + 1):
                by_path[names[:depth]].append(row)
            for name in set(names):
                by_name[name].append(row)
        return (
            {path: np.asarray(rows, np.int64) for path, rows in by_path.items()},
            {name: np.asarray(rows, np.int64) for name, rows in by_name.items()},
        )


_NO_ROWS = np.zeros(0, np.int64)
_shelves: "WeakKeyDictionary[Artifact, Shelf]" = WeakKeyDictionary()
_making = threading.Lock()


def shelf_of(artifact: Artifact, table: ProductTable) -> Shelf:
    """The shelf of an artifact and a table, made once for the pair."""
    shelf = _shelves.get(artifact)
    if shelf is not None and shelf.table is table:
        return shelf  # without the lock: whoever makes another one holds up nobody
    with _making:
        shelf = _shelves.get(artifact)
        if shelf is None or shelf.table is not table:
            shelf = _shelves[artifact] = Shelf(artifact, table)
        return shelf
