"""What may be shown, and what sells best: a model's rows against the catalog of the moment."""

import threading
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.tree import Node
from recommender.catalog.table import ProductTable
from recommender.serving.artifact import Artifact
from recommender.serving.categories import Categories, CategoryPath
from recommender.serving.newcomers import Newcomers


class Shelf:
    """Everything an answer needs that is the same for every visitor.

    Attributes:
        table: The products it was made of.
        sellable: Rows that may be shown, shape (n_items,).
        popular: Those rows, best seller first, shape (n_sellable,).
        shares: Each row's share of all steps in training, shape (n_items,).
        newcomers: Products that may be shown and that the model does not know.
    """

    def __init__(
        self, artifact: Artifact, table: ProductTable, before: "Shelf | None" = None
    ) -> None:
        # The artifact itself is not kept: it is the key under which this is remembered.
        self.table = table
        counts = artifact.popularity
        self.sellable = table.sellable_mask(artifact.vocabulary)
        by_count = np.argsort(-counts, kind="stable") if before is None else before._by_count
        self._by_count: NDArray[np.int64] = by_count
        self.popular: NDArray[np.int64] = by_count[self.sellable[by_count]]
        self.shares = counts / max(1, counts.sum())
        self._vocabulary = artifact.vocabulary
        if before is None:
            self.newcomers = Newcomers.of(artifact, table)
            self._categories = self._by_category()
            return
        changed = table.changed_since(before.table)
        self.newcomers = before.newcomers.after(artifact, table, changed)
        # Every row, sold out or not: stock changes more often than categories do.
        known = (item_id for item_id in changed if item_id in artifact.vocabulary)
        moved = any(table.category(one) != before.table.category(one) for one in known)
        self._categories = self._by_category() if moved else before._categories

    def _by_category(self) -> Categories:
        return Categories(self.table, self._vocabulary.item_ids, self._by_count.tolist())

    def passing(self, node: Node | None) -> NDArray[np.bool_]:
        """The sellable rows that a filter lets through, shape (n_items,); a new array."""
        if node is None:
            return self.sellable.copy()
        return self.sellable & self.table.passing(node, self._vocabulary)

    def in_category(self, path: CategoryPath) -> NDArray[np.int64]:
        """The sellable rows at or below a category, best seller first; see `Categories.rows`."""
        rows = self._categories.rows(path)
        return rows[self.sellable[rows]]

    def category_name(self, name: str) -> str:
        """A category's name as the catalog writes it."""
        return self._categories.name(name)


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
            shelf = _shelves[artifact] = Shelf(artifact, table, shelf)
        return shelf
