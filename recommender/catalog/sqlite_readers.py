"""Connections that only read: one for each read at a time, kept for the next one.

So no read waits for another, and none holds up what a write has to read.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.errors import SlowSearchError

SEARCH_WITHIN_S = 2.0
"""A search of 100,000 products by a few words and conditions takes a tenth of that."""

_KEPT = 4
"""So many connections wait for the next read; each may hold 2 MB of the file."""

_STEPS = 10_000
"""SQLite looks at the time once in so many of its steps, about a millisecond."""


class Readers:
    """Connections to a file that another one may take the place of.

    Args:
        path: The file.
        connect: Opens a connection to it.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._idle: list[sqlite3.Connection] = []

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection for this block alone, to the file that is there now."""
        file = file_of(self._path)
        if file != self._file:
            self.close()
        with self._lock:
            self._file, idle = file, self._idle
            connection = idle.pop() if idle else None
        if connection is None:
            connection = self._connect()
        try:
            yield connection
        finally:
            with self._lock:
                is_kept = idle is self._idle and len(idle) < _KEPT
                if is_kept:
                    idle.append(connection)
            if not is_kept:
                connection.close()

    def close(self) -> None:
        """Close the connections: those in use when their block ends, the others now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def file_of(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None where none has."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def time_limit(connection: sqlite3.Connection) -> Iterator[Callable[[], None]]:
    """What a search asks within the block takes `SEARCH_WITHIN_S` in all.

    Yields:
        A check to make between queries: SQLite looks at the time within long ones only.

    Raises:
        SlowSearchError: If it takes longer.
    """
    deadline = time.monotonic() + SEARCH_WITHIN_S

    def is_over() -> bool:
        return time.monotonic() > deadline

    def check() -> None:
        if is_over():
            raise _too_slow()

    connection.set_progress_handler(is_over, _STEPS)
    try:
        yield check
    except sqlite3.OperationalError as err:
        if err.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise _too_slow() from err
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _too_slow() -> SlowSearchError:
    return SlowSearchError(
        f"the search took longer than {SEARCH_WITHIN_S:g} s; name fewer words or conditions"
    )
