"""The products that answers are made of, kept as fresh as the shop's catalog is.

Answers come from a table in this process, never from a store. With the embedded catalog the table
follows the file of the workspace. With Elasticsearch a thread follows the server and keeps a copy
in the workspace, and the table follows that copy: a server that does not answer makes the products
old, not the service unavailable, and a start without it begins with the copy.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Protocol, TypeVar

from recommender.catalog.copy import CatalogCopy
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.opening import check_settings, open_catalog
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Found, Search
from recommender.catalog.table import CatalogCache, ProductTable
from recommender.errors import CatalogError
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.live import Watch
from webapp.marks import ChangeMark

FOLLOW_EVERY_S = 0.4
"""How often a catalog elsewhere is asked for changes."""

_START_WITHIN_S = 10.0
"""So long a start waits for a catalog elsewhere; then it goes on with what there is."""

_WRITE_WITHIN_S = 10.0
"""Somebody waits for a write through the service."""

_SEEN_WITHIN_S = 5.0
_LOGGER = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class _Source(Protocol):
    """Where the products come from."""

    @property
    def catalog(self) -> Catalog:
        """The shop's catalog itself."""
        ...

    @property
    def problem(self) -> CatalogError | None:
        """Why the products may be old."""
        ...

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to follow, and say when something may be new."""
        ...

    def local(self) -> EmbeddedCatalog:
        """What the table follows.

        Raises:
            CatalogError: If there is nothing to follow yet.
        """
        ...

    def catch_up(self) -> bool:
        """Take over what was changed before this call; whether that was done in time."""
        ...

    def close(self) -> None:
        """Give the catalog back."""
        ...


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
        if settings.catalog.adapter == "embedded":
            self._source: _Source = _InWorkspace(workspace)
        else:
            self._source = _Elsewhere(workspace, settings)
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


class _InWorkspace:
    """The embedded catalog: the file itself is followed."""

    problem: CatalogError | None = None

    def __init__(self, workspace: Workspace) -> None:
        self._path = workspace.catalog_path
        self.catalog = EmbeddedCatalog(self._path, create=False)
        # Another connection: a long search does not hold up the table.
        self._followed = EmbeddedCatalog(self._path, create=False)
        self._made = False

    def start(self, on_change: Callable[[], None]) -> None:
        """Nothing to do: who asks looks into the file."""

    def local(self) -> EmbeddedCatalog:
        if not self._made:
            # Made once, for a shop that gave no feed; a file that goes away later is no empty shop.
            with closing(EmbeddedCatalog(self._path)) as catalog:
                catalog.count()
            self._made = True
        return self._followed

    def catch_up(self) -> bool:
        """Nothing to do: what was written is there."""
        return True

    def close(self) -> None:
        self.catalog.close()
        self._followed.close()


class _Elsewhere:
    """A catalog on a server: a thread copies it, and the copy is followed."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        check_settings(settings)
        name = settings.catalog.elasticsearch.index
        path = workspace.catalog_copy_path(name)
        # Made once, as above: an index that goes away later is no empty shop.
        self.catalog = open_catalog(
            workspace, settings, create=not path.exists(), write_within_s=_WRITE_WITHIN_S
        )
        self._copy = CatalogCopy(self.catalog, path)
        self._unforeseen: CatalogError | None = None
        self._told: str | None = None
        self._first, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, on_change: Callable[[], None]) -> None:
        self._thread = threading.Thread(
            target=self._follow, args=(on_change,), name="catalog", daemon=True
        )
        self._thread.start()
        self._first.wait(_START_WITHIN_S)

    @property
    def problem(self) -> CatalogError | None:
        return self._unforeseen or self._copy.problem

    def local(self) -> EmbeddedCatalog:
        if not self._copy.complete:
            raise self.problem or CatalogError(
                "the products are being copied from the catalog for the first time; ask again soon"
            )
        return self._copy.local

    def catch_up(self) -> bool:
        deadline = time.monotonic() + _SEEN_WITHIN_S
        # Not at once while another process copies, which may have begun before the change.
        while not self._followed(_do_nothing):
            if self.problem is not None or time.monotonic() > deadline:
                return False
        return True

    def close(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_SEEN_WITHIN_S)
        self._copy.close()

    def _follow(self, on_change: Callable[[], None]) -> None:
        while True:
            # The table here rather than in the next request, which would wait for it.
            done = self._followed(on_change)
            self._tell()
            if done or self.problem is not None:
                # Else another process copies: a start waits for that too.
                self._first.set()
            if self._ended.wait(FOLLOW_EVERY_S):
                return

    def _followed(self, then: Callable[[], None]) -> bool:
        """Copy what changed; whether all that was there when this began is here now."""
        try:
            done = self._copy.follow()
            then()
        except Exception as err:
            # Whatever it is: else the thread ends, and products grow old without a word.
            problem = f"the catalog cannot be followed ({type(err).__name__}: {err})"
            if str(self._unforeseen) != problem:
                _LOGGER.exception("%s; it is tried again", problem)
            self._unforeseen = CatalogError(problem)
            return False
        self._unforeseen = None
        return done

    def _tell(self) -> None:
        """Say once that the catalog is away, and once that it is back."""
        problem = None if self.problem is None else str(self.problem)
        if problem is not None and self._told is None:
            _LOGGER.warning("%s; %s", problem, self._instead())
        if problem is None and self._told is not None:
            _LOGGER.warning("the catalog answers again; products are as it has them")
        self._told = problem

    def _instead(self) -> str:
        with suppress(CatalogError):
            if self._copy.complete:
                return "answering with the products as last copied"
        return "no products were ever copied, so nothing can be recommended"


def _do_nothing() -> None:
    """The table heeds the mark."""
