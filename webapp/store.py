"""The routes' way to the catalog itself, which may be slow, away, or busy with an import.

A process answers with a few threads. Those that wait for a catalog are limited in number, so that
recommendations, which need none, always find one that is free.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Found, Search
from webapp.live_catalog import LiveCatalog
from webapp.problems import ProblemError

MAX_CALLS = 16
"""At a time, in one process."""

WRITE_WITHIN_S = 15.0
"""Whoever writes waits so long for all that the catalog needs, and until answers count it."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Written(Generic[_Result]):
    """What a write did.

    Attributes:
        result: What the catalog said.
        counts: Whether every process's next answer counts it; else one soon does.
    """

    result: _Result
    counts: bool


class Store:
    """The shop's catalog, for routes that search or change it.

    Args:
        live: The catalog and what is known of it here.
    """

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live
        self._free = threading.BoundedSemaphore(MAX_CALLS)
        self._writers = ThreadPoolExecutor(MAX_CALLS, "write")

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

    def write(
        self, change: Callable[[Catalog], _Result], *, fills: bool = False
    ) -> Written[_Result]:
        """Change the catalog, and wait until every process's next answer counts the change.

        Whatever the catalog does, the caller waits `WRITE_WITHIN_S` at most.

        Args:
            change: Called once, in another thread; what it raises is raised here.
            fills: Whether it brings products, perhaps the first ones of a new catalog.

        Raises:
            CatalogError: As `get`.
            ProblemError: As `get`, and 503 if it takes too long; it may still be done then.
        """
        deadline = time.monotonic() + WRITE_WITHIN_S
        counted, followed = [False], threading.Event()
        catalog = self._live.to_fill() if fills else self._live.catalog
        self._take()
        written = self._writers.submit(change, catalog)

        def follow(_: object) -> None:
            try:
                # Also after an error: a part may have been written.
                counted[0] = self._live.changed()
            finally:
                self._free.release()
                followed.set()

        written.add_done_callback(follow)
        try:
            result = written.result(WRITE_WITHIN_S)
        except TimeoutError as err:
            raise _too_slow() from err
        finally:
            followed.wait(max(0.0, deadline - time.monotonic()))
        return Written(result, counted[0])

    def close(self) -> None:
        """Wait for writes that were begun."""
        self._writers.shutdown()

    def _take(self) -> None:
        if not self._free.acquire(blocking=False):
            raise ProblemError(
                "catalog-unavailable",
                f"{MAX_CALLS} other calls wait for the catalog; try again in a second.",
                headers={"Retry-After": "1"},
            )

    @contextmanager
    def _one_call(self) -> Iterator[None]:
        self._take()
        try:
            yield
        finally:
            self._free.release()


def _too_slow() -> ProblemError:
    return ProblemError(
        "catalog-unavailable",
        f"The catalog took longer than {WRITE_WITHIN_S:g} seconds. It may still do it: send the "
        "same again, that changes nothing twice.",
        headers={"Retry-After": "5"},
    )
