"""The folder that holds everything one shop has."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.errors import BusyError, DataError


@dataclass(frozen=True)
class Workspace:
    """Places inside a workspace; nothing is created until something is written there."""

    root: Path

    @property
    def settings_path(self) -> Path:
        """`recommender.toml`."""
        return self.root / "recommender.toml"

    @property
    def events_dir(self) -> Path:
        """The event log: one folder a UTC day."""
        return self.root / "events"

    @property
    def served_dir(self) -> Path:
        """What was shown, one NDJSON file an hour; no person in it."""
        return self.root / "served"

    @property
    def rejected_dir(self) -> Path:
        """Refused rows with their reasons, one NDJSON file an import."""
        return self.root / "rejected"

    @property
    def catalog_path(self) -> Path:
        """The embedded catalog (SQLite)."""
        return self.root / "catalog.sqlite"

    def catalog_copy_path(self, name: str) -> Path:
        """The copy of a catalog elsewhere (SQLite), from which the service answers."""
        return self.root / f"catalog-copy.{name}.sqlite"

    @property
    def catalog_mark_path(self) -> Path:
        """Tells the processes of a service that one of them changed the catalog."""
        return self.root / ".catalog-mark"

    @property
    def models_dir(self) -> Path:
        """Published models; `current` points at the live one."""
        return self.root / "models"

    @property
    def runs_dir(self) -> Path:
        """What each night did and decided."""
        return self.root / "runs"

    @property
    def tuning_dir(self) -> Path:
        """What `tune` tried, one folder a study."""
        return self.root / "tuning"

    def require(self) -> None:
        """Make sure that a slip in the path does not open an empty shop there.

        Raises:
            DataError: If the folder holds nothing of a workspace.
        """
        places = (self.settings_path, self.events_dir, self.catalog_path, self.models_dir)
        if not any(place.exists() for place in places):
            raise DataError(
                f"{self.root} is no workspace; make one with `recommender init`, or name another "
                "with --workspace"
            )

    @contextmanager
    def lock(self, by: str = "a program") -> Iterator[None]:
        """Hold the workspace against other writing runs; it is free again when the process ends.

        Args:
            by: What holds it, for whoever finds it taken.

        Raises:
            BusyError: If another run holds it.
            DataError: If the workspace cannot be written.
        """
        with self._held(".lock", f"{self.root}", by, wait_s=0):
            yield

    @contextmanager
    def catalog_lock(self, by: str = "a program", *, wait_s: float = 60) -> Iterator[None]:
        """Hold the catalog against other imports and rebuilds, and no training against them.

        Whoever holds the workspace may take it too, never the other way round.

        Args:
            by: What holds it, for whoever finds it taken.
            wait_s: How long to wait for another run; an import takes seconds to minutes.

        Raises:
            BusyError: If another run holds it all that time.
            DataError: If the workspace cannot be written.
        """
        with self._held(".catalog-lock", f"the catalog of {self.root}", by, wait_s=wait_s):
            yield

    @contextmanager
    def _held(self, name: str, what: str, by: str, *, wait_s: float) -> Iterator[None]:
        lock = FileLock(self.root / name, timeout=wait_s)
        note = self.root / f"{name}-holder"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            try:
                note.write_text(json.dumps({"by": by, "pid": os.getpid(), "since": time.time()}))
            except BaseException:
                lock.release()
                raise
        except Timeout as err:
            raise BusyError(
                f"another run holds {what}{_holder(note)}; wait for it to end, then try again"
            ) from err
        except OSError as err:
            raise DataError(f"{self.root} cannot be written: {err.strerror}") from err
        try:
            yield
        finally:
            note.unlink(missing_ok=True)
            lock.release()


def _holder(note: Path) -> str:
    """Who holds a lock and how long; nothing for one that is just being taken."""
    try:
        told = json.loads(note.read_text())
        minutes = max(0, time.time() - told["since"]) / 60
        return f": {told['by']}, process {told['pid']}, for {minutes:.0f} min"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
