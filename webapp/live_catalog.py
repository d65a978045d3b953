"""The products that answers are made of, kept as fresh as the shop's catalog is.

Answers come from a table in this process, never from a store. The table follows a file in the
workspace: the embedded catalog itself, or the copy of one elsewhere (`catalog_sources.py`).
"""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Found, Search
from recommender.catalog.table import CatalogCache, ProductTable
from recommender.errors import CatalogError, SlowSearchError
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.catalog_sources import source_of
from webapp.live import Watch
from webapp.marks import ChangeMark

_LOGGER = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class LiveCatalog:
    """The products: read at the start, and again when anybody changed the catalog.

    Args:
        workspace: Where the catalog or its copy lies.
        settings: `catalog` counts here.
        mark: Of all processes that answer; moved when one of them changed the catalog.

    Attributes:
        catalog: The shop's catalog itself, to change it.
    """

    def __init__(self, workspace: Workspace, settings: Settings, mark: ChangeMark) -> None:
        self._mark, self._seen = mark, mark.read()
        self._heeding = threading.Lock()
        self._source = source_of(workspace, settings)
        self.catalog = self._source.catalog
        self._cache: CatalogCache | None = None
        self._problem: CatalogError | None = None
        self._watch = Watch(self._look)
        self._source.start(self._refresh)
        self._watch.look_if_due()

    @property
    def problem(self) -> str | None:
        """Why the products may be old or missing; None when they are as in the catalog."""
        cached = self._problem if self._cache is None else self._cache.problem
        problem = self._source.problem or cached
        return None if problem is None else str(problem)

    def to_fill(self) -> Catalog:
        """The catalog for products that may be its first ones: it is made if nobody has yet.

        Raises:
            CatalogError: If its copy cannot be read.
        """
        return self._source.to_fill()

    def table(self) -> ProductTable:
        """Every product, as last read.

        Raises:
            CatalogError: If they could never be read: then nobody knows what is sold out.
        """
        self._watch.look_if_due()
        self._heed_mark()
        return self._read().table

    def get(self, item_id: str) -> Product | None:
        """A product, by the catalog itself; by its copy while it is away.

        Raises:
            CatalogError: If neither can be asked.
        """
        found = self._asked(lambda catalog: catalog.get([item_id]))
        return found[0] if found else None

    def search(self, search: Search) -> Found:
        """Products by words and filter, by the catalog itself; by its copy while it is away.

        Raises:
            ValueError: See `Catalog.search`.
            CatalogError: If neither can be asked.
        """
        return self._asked(lambda catalog: catalog.search(search))

    def changed(self) -> bool:
        """Let what was changed before this call count in every later answer of every process.

        Returns:
            Whether it does. If not, it does as soon as the changes can be read.
        """
        caught_up = self._source.catch_up()
        self._mark.move()
        self._heed_mark()
        return caught_up and self._cache is not None and self.problem is None

    def close(self) -> None:
        """Give the catalog back."""
        self._source.close()

    def _asked(self, ask: Callable[[Catalog], _Answer]) -> _Answer:
        self.table()
        if self._source.problem is None:
            try:
                return ask(self.catalog)
            except SlowSearchError:
                # The catalog is there.
                raise
            except CatalogError as err:
                _LOGGER.warning("the catalog is away, its copy is asked: %s", err)
        return ask(self._source.local())

    def _heed_mark(self) -> None:
        """Read what a process of this service changed; all threads wait for the one that reads."""
        if self._mark.read() == self._seen:
            return
        with self._heeding:
            mark = self._mark.read()
            if mark != self._seen and self._cache is not None:
                # If that fails, it is tried again when it is time to look, not by every request.
                self._cache.refresh()
                self._seen = mark

    def _read(self) -> CatalogCache:
        if self._cache is None:
            raise self._problem or CatalogError("the products are being read; ask again soon")
        return self._cache

    def _refresh(self) -> None:
        if self._cache is not None:
            self._cache.refresh_if_changed()

    def _look(self) -> None:
        try:
            local = self._source.local()
            if self._cache is None:
                self._cache = CatalogCache(local)
            else:
                self._cache.refresh_if_changed()
        except CatalogError as err:
            if self._problem is None:
                _LOGGER.error("no products: %s", err)
            self._problem = err
