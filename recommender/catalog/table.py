"""All products of the catalog in this process, so that an answer asks no store."""

import itertools
import threading
from collections.abc import Iterable, Sequence
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
_moments = itertools.count()


class ProductTable:
    """The products at one moment; it never changes, a newer one takes its place.

    Attributes:
        ids: Every id, in the catalog's order.
        emptied: Whether there are no products because all of them were taken out. Without it
            nobody ever gave any: then every id may be shown.
    """

    def __init__(self, products: Iterable[Product], *, emptied: bool = False) -> None:
        found = {product.id: product for product in products}
        self.ids = tuple(sorted(found))
        self.emptied = emptied and not self.ids
        self._products = [found[item_id] for item_id in self.ids]
        self._row_of = _rows_by_id(self.ids)
        self._places: WeakKeyDictionary[Vocabulary, NDArray[np.int64]] = WeakKeyDictionary()
        # When each product came or changed last: a number that no other change has.
        self._stamps = np.full(len(self.ids), next(_moments), np.int64)

    @classmethod
    def read(cls, catalog: Catalog) -> Self:
        """Take every product of a catalog.

        Raises:
            CatalogError: If the catalog cannot be read.
        """
        products = catalog.scan()
        return cls(products, emptied=catalog.had_products())

    def changed(self, products: Iterable[Product], deleted_ids: Iterable[str]) -> "ProductTable":
        """A table with some products added, replaced or taken out.

        What was made of the others is kept: columns move, and only what changed is looked at.
        """
        if not self.ids:
            return ProductTable(products, emptied=self.emptied or bool([*deleted_ids]))
        replaced = {product.id: product for product in products}
        gone = {item_id for item_id in deleted_ids if item_id in self} - replaced.keys()
        new = [item_id for item_id in replaced if item_id not in self]
        table = copy(self)
        if gone or new:
            table.ids = tuple(sorted([*(one for one in self.ids if one not in gone), *new]))
            table._row_of = _rows_by_id(table.ids)
            table.emptied = not table.ids
            table._places = WeakKeyDictionary()
        source = self._rows_in(table)
        fresh = [table._row_of[item_id] for item_id in replaced]
        table._products = [self._products[row] for row in source.tolist()]
        for row, product in zip(fresh, replaced.values(), strict=True):
            table._products[row] = product
        table._stamps = self._stamps[source]
        table._stamps[fresh] = next(_moments)
        if "_columns" in vars(self):
            table._columns = self._columns.moved(table._products, source, fresh)
        return table

    def changed_since(self, older: "ProductTable") -> set[str]:
        """Ids of the products that came, went or changed since an older table."""
        if older is self:
            return set()
        source = older._rows_in(self)
        # -1, a product that came, finds what no product has.
        changed = np.append(older._stamps, -1)[source] != self._stamps
        ids = {self.ids[row] for row in np.flatnonzero(changed).tolist()}
        return ids if older.ids is self.ids else ids | (older._row_of.keys() - self._row_of.keys())

    def _rows_in(self, other: "ProductTable") -> NDArray[np.int64]:
        """The row here of each product of another table, -1 for one that is not here."""
        if other.ids is self.ids:
            return np.arange(len(self))
        row_of = self._row_of
        return np.array([row_of.get(item_id, -1) for item_id in other.ids], np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._row_of

    def get(self, item_id: str) -> Product | None:
        """A product, or None for an unknown id."""
        row = self._row_of.get(item_id)
        return None if row is None else self._products[row]

    def sellable(self, item_id: str) -> bool:
        """Whether a product may be recommended.

        It is in the catalog and not sold out. In a shop that never gave a product every id may:
        only ids come back then.
        """
        if self._knows_none:
            return True
        product = self.get(item_id)
        return product is not None and product.availability != "out_of_stock"

    @property
    def _knows_none(self) -> bool:
        return not self.ids and not self.emptied

    def category(self, item_id: str) -> tuple[str, ...]:
        """A product's categories, widest first; empty if it has none or is unknown."""
        product = self.get(item_id)
        return () if product is None else tuple(product.product_type)

    def passing(self, node: Node, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Which rows of a model a filter lets through, shape (n_items,); never unknown products."""
        mask = np.append(mask_of(node, self._columns), False)
        return np.asarray(mask[self._rows_of(vocabulary)])

    def n_passing(self, node: Node) -> int:
        """How many products a filter lets through."""
        return int(np.count_nonzero(mask_of(node, self._columns)))

    @cached_property
    def _columns(self) -> ProductColumns:
        return ProductColumns(self._products)

    def _rows_of(self, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Place in `ids` of each row of a model, -1 for a product that is not in the catalog."""
        known = self._places.get(vocabulary)
        if known is None:
            row_of = self._row_of
            known = np.array([row_of.get(one, -1) for one in vocabulary.item_ids], np.int64)
            self._places[vocabulary] = known
        return known

    def sellable_mask(self, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Which rows of a model may be shown, shape (n_items,)."""
        if self._knows_none:
            return np.ones(len(vocabulary), np.bool_)
        sold_out = mask_of(_SOLD_OUT, self._columns)
        return np.asarray(np.append(~sold_out, False)[self._rows_of(vocabulary)])


def _rows_by_id(ids: Sequence[str]) -> dict[str, int]:
    return {item_id: row for row, item_id in enumerate(ids)}


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
        # It counts when the scan is done: after one that fails all is read again.
        cursor = self._catalog.change_cursor()
        self.table = ProductTable.read(self._catalog)
        self._cursor = cursor

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
