"""A mark that all processes of a service share: who changed the catalog moves it.

A process that answers compares the mark with the one it saw last, at the price of one read of 16
bytes, and so knows of a change by another process before its next answer.
"""

import logging
import os
from pathlib import Path

_N_BYTES = 16
_LOGGER = logging.getLogger(__name__)


class ChangeMark:
    """Sixteen random bytes in a small file; any others mean that something changed.

    Where the file cannot be made, the processes do not hear of each other at once; the log says so.

    Args:
        path: The file; made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._own = b""
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as err:
            _LOGGER.error(
                "%s cannot be written (%s): what one process changes in the catalog the others "
                "see later only",
                path,
                err.strerror,
            )

    def read(self) -> bytes:
        """The mark as it is now."""
        return self._own if self._file is None else os.pread(self._file, _N_BYTES, 0)

    def move(self) -> None:
        """Tell all processes, this one too, that something changed."""
        self._own = os.urandom(_N_BYTES)
        if self._file is not None:
            os.pwrite(self._file, self._own, 0)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
