"""Batch size against quality, time and memory: one training a size, each in its own process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from recommender.data.examples import Sessions
from recommender.data.split import Split
from recommender.errors import DataError
from recommender.models.registry import model_class
from recommender.serving.manifest import plain_settings
from recommender.settings import Settings

JOB_NAME = "job.json"


def batch_setting(name: str, settings: Settings) -> int | None:
    """The batch size that a model would be trained with; None if it knows no batches."""
    section = _section(name, settings)
    if section is None:
        return None
    size: int = getattr(settings, section).batch_size
    return size


def measure_batch_sizes(
    name: str,
    split: Split,
    settings: Settings,
    sizes: Sequence[int],
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Train a model from a random start at several batch sizes.

    Args:
        name: The model.
        split: Training days and validation days.
        settings: Of the workspace; everything else stays as set.
        sizes: Batch sizes.
        say: Told each size.

    Returns:
        A record a size: `batch_size`, `epochs` up to the best one, its `validation`, `train_s`,
        and in MB the highest memory of the process and how much of it the training added.

    Raises:
        DataError: If a training fails.
    """
    with _sessions_in_files(split) as folder:
        records = []
        for size in sizes:
            say(f"Training {name} in batches of {size:,}…")
            job = {
                "model": name,
                "n_items": len(split.vocabulary),
                "settings": plain_settings(_with_batch_size(name, settings, size)),
            }
            records.append({"model": name, "batch_size": size, **_in_own_process(folder, job)})
    return records


def save_sessions(folder: Path, name: str, sessions: Sessions) -> None:
    """Write sessions as arrays."""
    for part, array in sessions._asdict().items():
        if array is not None:
            np.save(folder / f"{name}-{part}.npy", array, allow_pickle=False)


def load_sessions(folder: Path, name: str) -> Sessions:
    """Read what `save_sessions` wrote."""
    arrays = {
        part: np.load(path, allow_pickle=False)
        for part in Sessions._fields
        if (path := folder / f"{name}-{part}.npy").exists()
    }
    return Sessions(**arrays)


@contextmanager
def _sessions_in_files(split: Split) -> Iterator[Path]:
    with TemporaryDirectory(prefix="recommender-") as name:
        folder = Path(name)
        save_sessions(folder, "train", split.train)
        save_sessions(folder, "held_out", split.held_out)
        yield folder


def _section(name: str, settings: Settings) -> str | None:
    """The section that has a model's batch size: its own, or that of the kind it extends."""
    names = (getattr(kind, "name", "") for kind in model_class(name).__mro__)
    return next((one for one in names if hasattr(getattr(settings, one, None), "batch_size")), None)


def _with_batch_size(name: str, settings: Settings, size: int) -> Settings:
    section = _section(name, settings)
    if section is None:
        raise ValueError(f"{name} is not trained in batches")
    sized = getattr(settings, section).model_copy(update={"batch_size": size})
    model = settings.model.model_copy(update={"start": "random"})
    return settings.model_copy(update={section: sized, "model": model})


def _in_own_process(folder: Path, job: Mapping[str, Any]) -> dict[str, Any]:
    (folder / JOB_NAME).write_text(json.dumps(job), "utf-8")
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-P", "-m", "pipelines.batch_trial", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DataError(f"a training for --batch-sizes ended with {done.returncode}: {reason}")
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record
