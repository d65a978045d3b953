"""Who writes to a file takes turns.

SQLite lets one write at a time; the others look again now and then, and whoever writes in a loop
is always there before them. Here those who wait come next: threads of a process queue for its
place, processes for the file.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.errors import CatalogError

TURN_WITHIN_S = 10.0
"""A turn takes a fraction of a second; who waits longer is told that something is wrong."""

_LOOK_EVERY_S = 0.005


class Turns:
    """The turns of one file's writers.

    Args:
        path: The file; two locks lie beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            CatalogError: If others hold the file for too long, or the locks cannot be made.
        """
        deadline = time.monotonic() + TURN_WITHIN_S
        if not self._threads.acquire(timeout=TURN_WITHIN_S):
            raise held_too_long(self._path)
        try:
            lock = self._locked("turn", self._locked("next", None, deadline), deadline)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._threads.release()

    def _locked(self, name: str, before: FileLock | None, deadline: float) -> FileLock:
        """Take a lock and give back the one before: the one that waits for a turn is alone there.

        So the process that ends a turn cannot begin the next one before it.
        """
        lock = FileLock(self._path.with_name(f".{self._path.name}.{name}"), thread_local=False)
        left_s = max(deadline - time.monotonic(), _LOOK_EVERY_S)
        try:
            lock.acquire(timeout=left_s, poll_interval=_LOOK_EVERY_S)
        except Timeout as err:
            raise held_too_long(self._path) from err
        except OSError as err:
            raise CatalogError(
                f"{lock.lock_file} cannot be written ({err.strerror}); it says whose turn it is to "
                "write the catalog beside it"
            ) from err
        finally:
            if before is not None:
                before.release()
        return lock


def held_too_long(path: Path) -> CatalogError:
    """What is wrong where others write without end."""
    return CatalogError(
        f"the catalog {path} is held by another program that writes to it for more than "
        f"{TURN_WITHIN_S:g} s; wait for it to end, then try again"
    )
