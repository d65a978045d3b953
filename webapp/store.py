"""The routes' way to the catalog itself, which may be slow, away, or busy with an import.

A process answers with a few threads. Those that wait for a catalog are limited in number, so that
recommendations, which need none, always find one that is free.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Found, Search
from webapp.live_catalog import LiveCatalog
from webapp.problems import ProblemError

MAX_CALLS = 16
"""At a time, in one process."""


class Store:
    """The shop's catalog, for routes that search or change it.

    Args:
        live: The catalog and what is known of it here.
    """

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live
        self._free = threading.BoundedSemaphore(MAX_CALLS)

    def get(self, item_id: str) -> Product | None:
        """A product as it is in the catalog, or None.

        Raises:
            CatalogError: If it cannot be asked.
            ProblemError: 503 `catalog-unavailable` if too many wait for it already.
        """
        with self._one_call():
            return self._live.get(item_id)

    def search(self, search: Search) -> Found:
        """Products by words and filter.

        Raises:
            ValueError: See `Catalog.search`.
            CatalogError, ProblemError: As `get`.
        """
        with self._one_call():
            return self._live.search(search)

    @contextmanager
    def writing(self) -> Iterator[Catalog]:
        """The catalog, to change; what was changed counts in every process's next answer.

        Raises:
            CatalogError, ProblemError: As `get`.
        """
        with self._one_call():
            try:
                yield self._live.catalog
            finally:
                # Also after an error: a part may have been written.
                self._live.changed()

    @contextmanager
    def _one_call(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise ProblemError(
                "catalog-unavailable",
                f"{MAX_CALLS} other calls wait for the catalog; try again in a second.",
                headers={"Retry-After": "1"},
            )
        try:
            yield
        finally:
            self._free.release()
