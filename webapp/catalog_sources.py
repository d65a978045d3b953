"""Where the products of the service come from.

With the embedded catalog it is the file of the workspace. With Elasticsearch a thread follows the
server and keeps a copy in the workspace: a server that does not answer makes the products old, not
the service unavailable, and a start without it begins with the copy.
"""

import logging
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Protocol

from recommender.catalog.copy import CatalogCopy
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.opening import check_settings, open_catalog
from recommender.catalog.protocol import Catalog
from recommender.errors import CatalogError, MissingCatalogError
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.follower import Follower

FOLLOW_EVERY_S = 0.4
"""How often a catalog elsewhere is asked for changes."""

_START_WITHIN_S = 10.0
"""So long a start waits for a catalog elsewhere; then it goes on with what there is."""

_WRITE_WITHIN_S = 10.0
"""Somebody waits for a write through the service."""

_SEEN_WITHIN_S = 5.0
_LOGGER = logging.getLogger(__name__)


class Source(Protocol):
    """Where the products come from."""

    @property
    def catalog(self) -> Catalog:
        """The shop's catalog itself."""
        ...

    @property
    def problem(self) -> CatalogError | None:
        """Why the products may be old."""
        ...

    def to_fill(self) -> Catalog:
        """The catalog for products that may be its first ones: it is made if nobody has yet."""
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


def source_of(workspace: Workspace, settings: Settings) -> Source:
    """The source that the settings name.

    Args:
        workspace: Where the catalog or its copy lies.
        settings: `catalog` counts here.
    """
    if settings.catalog.adapter == "embedded":
        return _InWorkspace(workspace)
    return _Elsewhere(workspace, settings)


class _InWorkspace:
    """The embedded catalog: the file itself is followed."""

    problem: CatalogError | None = None

    def __init__(self, workspace: Workspace) -> None:
        self._path = workspace.catalog_path
        self.catalog = EmbeddedCatalog(self._path, create=False)
        # Another connection: a long search does not hold up the table.
        self._followed = EmbeddedCatalog(self._path, create=False)
        self._made = False

    def to_fill(self) -> Catalog:
        """The same: `local` makes the file."""
        return self.catalog

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
        # Reading makes no index: one that is not there may be a slip in its name.
        self.catalog, self._first = (
            open_catalog(workspace, settings, create=create, write_within_s=_WRITE_WITHIN_S)
            for create in (False, True)
        )
        self._copy = CatalogCopy(self.catalog, path)
        self._unforeseen: CatalogError | None = None
        self._told: str | None = None
        self._on_change: Callable[[], None] = _do_nothing
        self._follower = Follower(self._follow, FOLLOW_EVERY_S)

    def start(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._follower.start(_START_WITHIN_S)

    @property
    def problem(self) -> CatalogError | None:
        return self._unforeseen or self._copy.problem

    def to_fill(self) -> Catalog:
        # Made once, as above: an index that goes away later is no empty shop.
        return self.catalog if self._copy.complete else self._first

    def local(self) -> EmbeddedCatalog:
        # Where there is no catalog the copy has no products either: that is all there is to know.
        if not self._copy.complete and not isinstance(self.problem, MissingCatalogError):
            raise self.problem or CatalogError(
                "the products are being copied from the catalog for the first time; ask again soon"
            )
        return self._copy.local

    def catch_up(self) -> bool:
        # The thread may be copying the whole catalog; then the change is seen when it has done so.
        return self._follower.wait(_SEEN_WITHIN_S) and self.problem is None

    def close(self) -> None:
        self._follower.end(_SEEN_WITHIN_S)
        self._copy.close()
        self._first.close()

    def _follow(self) -> bool:
        """Copy what changed; whether all that was there when this began is here, or cannot be."""
        done = False
        try:
            done = self._copy.follow()
            # The table here rather than in the next request, which would wait for it.
            self._on_change()
            self._unforeseen = None
        except Exception as err:
            # Whatever it is: else the thread ends, and products grow old without a word.
            problem = f"the catalog cannot be followed ({type(err).__name__}: {err})"
            if str(self._unforeseen) != problem:
                _LOGGER.exception("%s; it is tried again", problem)
            self._unforeseen = CatalogError(problem)
        self._tell()
        # Else another process copies: who waits here waits for that too.
        return done or self.problem is not None

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
        if isinstance(self.problem, MissingCatalogError):
            return "until then ids alone are recommended, whatever their stock"
        return "no products were ever copied, so nothing can be recommended"


def _do_nothing() -> None:
    """Nobody follows yet."""
