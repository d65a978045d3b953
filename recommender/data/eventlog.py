"""The append side of the event log: how the service writes what it accepts.

Every process has its own files, `events/<UTC day of event_time>/<UTC stamp>-<pid>.ndjson`, one
event a line in its wire shape. A line is handed to the operating system before `append` returns
and synced to disk within a second. Readers ignore a last line without its newline.
"""

import json
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.disk import sync
from recommender.errors import DataError

SYNC_AFTER_S = 0.5
"""How long a line may wait for its fsync."""

_MAX_OPEN_FILES = 16
_LOGGER = logging.getLogger(__name__)


@dataclass
class _File:
    """An open file of one day; `size` is where its last whole line ends."""

    descriptor: int
    size: int = 0
    dirty: bool = False


class EventLog:
    """Appends events from any number of threads of one process.

    Args:
        folder: The workspace's `events` folder; made when the first event comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._pid = os.getpid()

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write events, all or none.

        Args:
            events: Checked events; `event_time` starts with the UTC day, `YYYY-MM-DD`.

        Raises:
            DataError: If the disk is full or the folder cannot be written; nothing of this call
                stays in the log.
        """
        lines: dict[str, bytearray] = {}
        for event in events:
            line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            lines.setdefault(event["event_time"][:10], bytearray()).extend(f"{line}\n".encode())
        with self._lock:
            self._write(lines)
            if lines and self._timer is None:
                # No daemon: the interpreter waits for it at exit, so the last lines are synced too.
                self._timer = threading.Timer(SYNC_AFTER_S, self.sync)
                self._timer.start()

    def sync(self) -> None:
        """Force every written line to disk."""
        with self._lock:
            self._timer = None
            dirty = [file for file in self._files.values() if file.dirty]
            # Copies, so that a slow disk holds up neither writers nor a file being closed.
            descriptors = [os.dup(file.descriptor) for file in dirty]
            for file in dirty:
                file.dirty = False
        for descriptor in descriptors:
            try:
                os.fsync(descriptor)
            except OSError:
                _LOGGER.exception("events may be lost: %s could not be synced", self._folder)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Sync and give the files back; a later `append` opens new ones."""
        timer = self._timer
        if timer is not None:
            timer.cancel()
        self.sync()
        with self._lock:
            for day in list(self._files):
                self._drop(day)

    def _write(self, lines: Mapping[str, bytearray]) -> None:
        before: dict[str, int] = {}
        try:
            for day, body in lines.items():
                file = self._file(day)
                before[day] = file.size
                _write_all(file.descriptor, body)
                file.size += len(body)
                file.dirty = True
        except OSError as err:
            for day, size in before.items():
                self._take_back(day, size)
            raise DataError(f"{self._folder} cannot be written: {err.strerror}") from err

    def _file(self, day: str) -> _File:
        if os.getpid() != self._pid:
            # After a fork the files are the parent's; two writers of one file would mix lines.
            self._files, self._timer, self._pid = {}, None, os.getpid()
        file = self._files.get(day)
        if file is not None and os.fstat(file.descriptor).st_nlink:
            return file
        if file is not None:
            # Deleted or replaced behind our back: what is written there would be lost.
            self._drop(day)
        if len(self._files) >= _MAX_OPEN_FILES:
            self._drop(min(self._files))
        self._files[day] = _File(self._create(day))
        return self._files[day]

    def _create(self, day: str) -> int:
        folder = self._folder / day
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        descriptor = os.open(folder / f"{stamp}-{os.getpid()}.ndjson", flags, 0o640)
        # A synced file whose name is not on disk is lost all the same.
        for place in (folder, self._folder):
            sync(place)
        return descriptor

    def _take_back(self, day: str, size: int) -> None:
        """Cut half-written lines off, or never use the file again."""
        file = self._files[day]
        try:
            os.ftruncate(file.descriptor, size)
            file.size = size
        except OSError:
            _LOGGER.exception("a half-written line stays in %s", self._folder / day)
            self._drop(day)

    def _drop(self, day: str) -> None:
        file = self._files.pop(day)
        try:
            if file.dirty:
                os.fsync(file.descriptor)
        finally:
            os.close(file.descriptor)


def _write_all(descriptor: int, body: bytearray) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
