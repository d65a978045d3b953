"""All products of the catalog in this process, so that an answer asks no store."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from copy import copy
from functools import cached_property
from typing import Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.columns import ProductColumns
from recommender.catalog.filters.mask import mask_of
from recommender.catalog.filters.tree import AnyOf, Node
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog
from recommender.data.vocabulary import Vocabulary
from recommender.errors import CatalogError, CursorExpiredError

_SOLD_OUT = AnyOf("availability", ("out_of_stock",))


class ProductTable:
    """The products at one moment; it never changes, a newer one takes its place.

    Attributes:
        ids: Every id, in the catalog's order.
        order: The same object for tables with the same products in the same categories.
    """

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = {product.id: product for product in products}
        self.ids = tuple(self._products)
        self.order = object()
        self._places: WeakKeyDictionary[Vocabulary, NDArray[np.int64]] = WeakKeyDictionary()

    @classmethod
    def read(cls, catalog: Catalog) -> Self:
        """Take every product of a catalog.

        Raises:
            CatalogError: If the catalog cannot be read.
        """
        return cls(catalog.scan())

    def changed(self, products: Iterable[Product], deleted_ids: Iterable[str]) -> "ProductTable":
        """A table with some products added, replaced or taken out.

        Where no id comes or goes, as with a new price, what was made of the others is kept.
        """
        there = dict(self._products)
        for item_id in deleted_ids:
            there.pop(item_id, None)
        replaced = {product.id: product for product in products}
        if len(there) == len(self._products) and replaced.keys() <= there.keys():
            return self._with(replaced)
        there.update(replaced)
        return ProductTable(there[item_id] for item_id in sorted(there))

    def _with(self, replaced: Mapping[str, Product]) -> "ProductTable":
        """The same ids in the same places."""
        table = copy(self)
        table._products = {**self._products, **replaced}
        if any(self.category(item_id) != table.category(item_id) for item_id in replaced):
            table.order = object()
        if "_columns" in vars(self):
            rows = {item_id: bisect_left(self.ids, item_id) for item_id in replaced}
            if all(self.ids[row : row + 1] == (item_id,) for item_id, row in rows.items()):
                products = list(table._products.values())
                table._columns = self._columns.replaced(products, list(rows.values()))
            else:  # the ids are in another order
                del table._columns
        return table

    def __len__(self) -> int:
        return len(self._products)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._products

    def get(self, item_id: str) -> Product | None:
        """A product, or None for an unknown id."""
        return self._products.get(item_id)

    def sellable(self, item_id: str) -> bool:
        """Whether a product may be recommended.

        It is in the catalog and not sold out. Without any product (a shop that gave no feed)
        every id may: only ids come back then.
        """
        if not self._products:
            return True
        product = self._products.get(item_id)
        return product is not None and product.availability != "out_of_stock"

    def category(self, item_id: str) -> tuple[str, ...]:
        """A product's categories, widest first; empty if it has none or is unknown."""
        product = self._products.get(item_id)
        return () if product is None else tuple(product.product_type)

    def passing(self, node: Node, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Which rows of a model a filter lets through, shape (n_items,); never unknown products."""
        mask = np.append(mask_of(node, self._columns), False)
        return np.asarray(mask[self._rows_of(vocabulary)])

    def select(self, node: Node) -> list[str]:
        """Ids of all products that a filter lets through, in the catalog's order."""
        rows = np.flatnonzero(mask_of(node, self._columns))
        return [self.ids[row] for row in rows.tolist()]

    @cached_property
    def _columns(self) -> ProductColumns:
        return ProductColumns(list(self._products.values()))

    def _rows_of(self, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Place in `ids` of each row of a model, -1 for a product that is not in the catalog."""
        known = self._places.get(vocabulary)
        if known is None:
            place_of = {item_id: place for place, item_id in enumerate(self.ids)}
            known = np.array(
                [place_of.get(item_id, -1) for item_id in vocabulary.item_ids], np.int64
            )
            self._places[vocabulary] = known
        return known

    def sellable_mask(self, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Which rows of a model may be shown, shape (n_items,)."""
        if not self._products:
            return np.ones(len(vocabulary), np.bool_)
        sold_out = mask_of(_SOLD_OUT, self._columns)
        return np.asarray(np.append(~sold_out, False)[self._rows_of(vocabulary)])


class CatalogCache:
    """The present `ProductTable` of a catalog that others change.

    Threads read `table` freely; a refresh swaps it in one step.

    Attributes:
        table: The products as last read.
        problem: Why the last refresh failed, None when the table is fresh.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Read every product.

        Raises:
            CatalogError: If the catalog cannot be read; there is no older table to serve.
        """
        self._catalog = catalog
        self._refreshing = threading.Lock()
        self._read()
        self.problem: CatalogError | None = None

    def _read(self) -> None:
        # The cursor is taken first: what changes during the scan is told at the next refresh.
        self._cursor = self._catalog.change_cursor()
        self.table = ProductTable.read(self._catalog)

    @property
    def stale(self) -> bool:
        """Whether the catalog could not be read when it was last asked."""
        return self.problem is not None

    def refresh(self) -> bool:
        """As `refresh_if_changed`, but what was changed before this call is in the table after it.

        Where another thread reads, this one waits for it and reads once more.
        """
        with self._refreshing:
            return self._refreshed()

    def refresh_if_changed(self) -> bool:
        """Read what changed, if anything did; return whether the table is new.

        A catalog that cannot answer leaves the last table in use and `problem` set. While one
        thread reads, others go on with the present table.
        """
        if not self._refreshing.acquire(blocking=False):
            return False
        try:
            return self._refreshed()
        finally:
            self._refreshing.release()

    def _refreshed(self) -> bool:
        before = self.table
        try:
            try:
                self._read_changes()
            except CursorExpiredError:
                self._read()
        except CatalogError as err:
            self.problem = err
            return False
        self.problem = None
        return self.table is not before

    def _read_changes(self) -> None:
        products: dict[str, Product] = {}
        deleted: set[str] = set()
        cursor, more = self._cursor, True
        while more:
            changes = self._catalog.changes_since(cursor)
            cursor, more = changes.cursor, changes.more
            # Of a product that changes while we read, the newest telling counts.
            deleted.difference_update(product.id for product in changes.products)
            products.update((product.id, product) for product in changes.products)
            deleted.update(changes.deleted_ids)
            for item_id in changes.deleted_ids:
                products.pop(item_id, None)
        if products or deleted:
            self.table = self.table.changed(products.values(), deleted)
        self._cursor = cursor
