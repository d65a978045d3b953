"""Rows of products by their category."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.table import ProductTable

CategoryPath = tuple[str, ...]
"""Categories from the widest to the narrowest."""
_NO_ROWS = np.zeros(0, np.int64)


class Categories:
    """Some rows by category, in the order given.

    Args:
        table: Says the category of each product.
        item_ids: Id of every row.
        rows: Those to put in order.
    """

    def __init__(
        self, table: ProductTable, item_ids: Sequence[str], rows: Iterable[int] | None = None
    ) -> None:
        asked = range(len(item_ids)) if rows is None else rows
        in_order: NDArray[np.int64] = np.fromiter(asked, np.int64)
        places: defaultdict[CategoryPath, list[int]] = defaultdict(list)
        for place, row in enumerate(in_order.tolist()):
            places[table.category(item_ids[row])].append(place)
        by_path: defaultdict[CategoryPath, list[int]] = defaultdict(list)
        by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._written: dict[str, str] = {}
        # There are far fewer paths than products.
        for written, found in places.items():
            names = tuple(name.casefold() for name in written)
            self._written.update(zip(names, written, strict=True))
            for depth in range(1, len(names) + 1):
                by_path[names[:depth]] += found
            for name in set(names):
                by_name[name] += found
        self._by_path = {path: _in_order(in_order, found) for path, found in by_path.items()}
        self._by_name = {name: _in_order(in_order, found) for name, found in by_name.items()}

    def rows(self, path: CategoryPath) -> NDArray[np.int64]:
        """The rows at or below a category.

        A single name that is no top category stands for every category of that name. Upper and
        lower case are the same.
        """
        key = tuple(name.casefold() for name in path)
        if len(key) == 1 and key not in self._by_path:
            return self._by_name.get(key[0], _NO_ROWS)
        return self._by_path.get(key, _NO_ROWS)

    def name(self, name: str) -> str:
        """A category's name as the catalog writes it."""
        return self._written.get(name.casefold(), name)


def _in_order(rows: NDArray[np.int64], places: list[int]) -> NDArray[np.int64]:
    return np.asarray(rows[np.sort(places)], np.int64)
