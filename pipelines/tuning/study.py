"""What was tried: a folder a study, `tuning/<model>-<hash8>/`, bound to its data and settings.

`study.json` says what all its trials have in common, `trials.ndjson` gets a line when a trial
ends, `queries/<number>.npy` holds what the trial did with every query. A last line without its
newline was cut short by a crash and did not happen.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from recommender.disk import why_unwritten, write_whole
from recommender.errors import BusyError, DataError, words_of

SCHEMA_VERSION = 1
_HEAD_NAME, _TRIALS_NAME, _QUERIES_NAME = "study.json", "trials.ndjson", "queries"
State = Literal["complete", "pruned", "failed", "cut"]


@dataclass(frozen=True)
class Trial:
    """One training and what came of it.

    Attributes:
        number: From 0; a study's numbers go on from call to call.
        state: `complete`; `pruned`, given up because others were ahead by then; `failed`, the
            values do not work; `cut`, by Ctrl-C or the time limit.
        values: The tuned settings, by `section.key`.
        value: What is maximized; None unless complete.
        metrics: What it is made of, and `epochs` where the model settles them.
        n_bytes: Of the arrays that serving loads; None unless complete.
        took_s: Seconds.
        checks: What it had reached at each share of its epochs that pruning looks at.
        reason: Why it failed, in words.
        needed_s: Seconds that a cut one would have taken in all, as far as its epochs tell.
    """

    number: int
    state: State
    values: dict[str, Any]
    value: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    n_bytes: int | None = None
    took_s: float = 0.0
    checks: list[float] = field(default_factory=list)
    reason: str | None = None
    needed_s: float | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it came to its end."""
        return self.state == "complete"


class Study:
    """The trials of one model on one set of data, on disk.

    Args:
        folder: Its folder; made when the first trial ends.
        head: What all trials have in common, see `study_head` in `fingerprint.py`.
    """

    def __init__(self, folder: Path, head: Mapping[str, Any]) -> None:
        self.folder, self.head = folder, head
        self.trials = _read_trials(folder / _TRIALS_NAME)

    @property
    def complete(self) -> list[Trial]:
        """The trials that came to their end."""
        return [trial for trial in self.trials if trial.is_complete]

    def add(self, trial: Trial, gains: NDArray[np.float32] | None = None) -> None:
        """Keep a trial.

        Args:
            trial: With the next number.
            gains: What a complete one did with every query, shape (n_queries,).

        Raises:
            DataError: If it cannot be written.
        """
        try:
            (self.folder / _QUERIES_NAME).mkdir(parents=True, exist_ok=True)
            if not self.trials:
                head = json.dumps(self.head, ensure_ascii=False, indent=1)
                write_whole(self.folder / _HEAD_NAME, head.encode())
            if gains is not None:
                np.save(self._queries_path(trial), gains, allow_pickle=False)
            line = json.dumps(asdict(trial), ensure_ascii=False, allow_nan=False)
            _append_line(self.folder / _TRIALS_NAME, line)
        except OSError as err:
            raise DataError(f"{self.folder} cannot be written: {why_unwritten(err)}") from err
        self.trials.append(trial)

    def gains(self, trial: Trial) -> NDArray[np.float32]:
        """What a complete trial did with every query, shape (n_queries,).

        Raises:
            DataError: If the file is missing or damaged.
        """
        path = self._queries_path(trial)
        try:
            gains: NDArray[np.float32] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as err:
            raise DataError(f"{path} cannot be read; {_advice(self.folder)}") from err
        return gains

    def _queries_path(self, trial: Trial) -> Path:
        return self.folder / _QUERIES_NAME / f"{trial.number}.npy"


def open_study(tuning_dir: Path, head: Mapping[str, Any]) -> Study:
    """The study of a head, with what an earlier call tried."""
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()[:8]
    return Study(tuning_dir / f"{head['model']}-{digest}", head)


def latest_other(tuning_dir: Path, study: Study) -> Study | None:
    """The study of the same model that was worked on last, other than this one."""
    folders = [
        (path.stat().st_mtime_ns, path.parent)
        for path in tuning_dir.glob(f"{study.head['model']}-*/{_TRIALS_NAME}")
        if path.parent != study.folder
    ]
    for _, folder in sorted(folders, reverse=True):
        try:
            return Study(folder, json.loads((folder / _HEAD_NAME).read_text("utf-8")))
        except (OSError, ValueError, DataError):
            continue  # It only lends its best settings: a damaged one lends none.
    return None


@contextmanager
def tuning_lock(tuning_dir: Path) -> Iterator[None]:
    """Hold the studies against another `tune`; the workspace stays free for the night.

    Raises:
        BusyError: If another run holds them.
        DataError: If the folder cannot be written.
    """
    lock = FileLock(tuning_dir / ".lock", timeout=0)
    try:
        tuning_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as err:
        raise BusyError(f"another run tunes in {tuning_dir}; wait for it to end") from err
    except OSError as err:
        raise DataError(f"{tuning_dir} cannot be written: {err.strerror}") from err
    try:
        yield
    finally:
        lock.release()


def _read_trials(path: Path) -> list[Trial]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as err:
        raise DataError(f"{path} cannot be read: {words_of(err)}; {_advice(path.parent)}") from err
    whole = text.split("\n")[:-1]
    try:
        return [Trial(**json.loads(line)) for line in whole]
    except (ValueError, TypeError) as err:
        raise DataError(f"{path} is damaged: {words_of(err)}; {_advice(path.parent)}") from err


def _append_line(path: Path, line: str) -> None:
    """Append a line in place of one that a crash cut short."""
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _advice(folder: Path) -> str:
    return f"remove {folder} to begin the study again"
