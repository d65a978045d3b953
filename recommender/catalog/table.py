"""All products of the catalog in this process, so that an answer asks no store."""

import threading
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.cursor import decode_cursor, encode_cursor
from recommender.catalog.filters.columns import ProductColumns
from recommender.catalog.filters.mask import mask_of
from recommender.catalog.filters.tree import Node
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Page
from recommender.data.vocabulary import Vocabulary
from recommender.errors import CatalogError


class ProductTable:
    """The products at one moment; it never changes, a newer one takes its place.

    Attributes:
        ids: Every id, in the catalog's order.
    """

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = {product.id: product for product in products}
        self.ids = tuple(self._products)
        self._places: WeakKeyDictionary[Vocabulary, NDArray[np.int64]] = WeakKeyDictionary()

    @classmethod
    def read(cls, catalog: Catalog) -> Self:
        """Take every product of a catalog.

        Raises:
            CatalogError: If the catalog cannot be read.
        """
        return cls(catalog.scan())

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

    def page(self, node: Node, cursor: str | None, limit: int) -> Page:
        """Up to `limit` of the products that a filter lets through, behind a cursor.

        Raises:
            ValueError: If the cursor is none of a catalog's.
        """
        last_id = "" if cursor is None else decode_cursor(cursor)
        item_ids = self.select(node)
        # In the order of bytes, as SQLite sorts; of code points it is the same one.
        first = bisect_right(item_ids, last_id)
        found = item_ids[first : first + limit]
        more = len(item_ids) > first + limit
        products = [self._products[item_id] for item_id in found]
        return Page(products, encode_cursor(found[-1]) if more else None)

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
        return np.fromiter(map(self.sellable, vocabulary.item_ids), bool, len(vocabulary))


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
        # The version is read first: what changes during the scan shows at the next refresh.
        self._data_version = catalog.data_version()
        self.table = ProductTable.read(catalog)
        self.problem: CatalogError | None = None

    @property
    def stale(self) -> bool:
        """Whether the catalog could not be read when it was last asked."""
        return self.problem is not None

    def refresh_if_changed(self) -> bool:
        """Read the products again if the catalog changed; return whether the table is new.

        A catalog that cannot answer leaves the last table in use and `problem` set. While one
        thread reads, others go on with the present table.
        """
        if not self._refreshing.acquire(blocking=False):
            return False
        try:
            data_version = self._catalog.data_version()
            changed = data_version != self._data_version
            if changed:
                self.table = ProductTable.read(self._catalog)
                self._data_version = data_version
            self.problem = None
            return changed
        except CatalogError as err:
            self.problem = err
            return False
        finally:
            self._refreshing.release()
