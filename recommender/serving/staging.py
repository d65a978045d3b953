"""How a folder of models is written: under one lock, in a hidden place, complete or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.disk import sync, why_unwritten
from recommender.errors import ArtifactError, BusyError

LOCK_WAIT_S = 120
"""How long a writer waits for another one; a check in a clean process takes a second or two."""

_HIDDEN = ".staging-"


@contextmanager
def models_lock(models_dir: Path) -> Iterator[None]:
    """Hold a folder of models against other writers; it is free again when the process ends.

    Raises:
        BusyError: If another writer does not finish.
        ArtifactError: If the folder cannot be written.
    """
    lock = FileLock(models_dir / ".lock", timeout=LOCK_WAIT_S)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as err:
        raise BusyError(f"another run is writing {models_dir}; wait for it, then repeat") from err
    except OSError as err:
        raise _cannot_write(models_dir, err) from err
    try:
        sweep(models_dir)
        yield
    except OSError as err:
        raise _cannot_write(models_dir, err) from err
    finally:
        lock.release()


@contextmanager
def staging_folder(models_dir: Path) -> Iterator[Path]:
    """Give a hidden folder to build in; what is still there at the end is removed.

    The caller holds `models_lock`: whoever finds a hidden folder under that lock knows that its
    maker is dead.
    """
    folder = models_dir / f"{_HIDDEN}{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(staged: Path, target: Path) -> None:
    """Rename a finished folder to its name, so that it appears complete even after a crash."""
    for path in sorted(staged.rglob("*")):
        sync(path)
    sync(staged)
    staged.rename(target)
    sync(target.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder so that a crash in between leaves nothing that looks like a version."""
    doomed = folder.parent / f"{_HIDDEN}{secrets.token_hex(4)}"
    folder.rename(doomed)
    shutil.rmtree(doomed)


def sweep(models_dir: Path) -> None:
    """Remove what dead writers left."""
    for folder in models_dir.glob(f"{_HIDDEN}*"):
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink()
        else:
            shutil.rmtree(folder)


def hidden_name(models_dir: Path) -> Path:
    """A fresh name that `sweep` removes if its maker dies."""
    return models_dir / f"{_HIDDEN}{secrets.token_hex(4)}"


def _cannot_write(folder: Path, err: OSError) -> ArtifactError:
    return ArtifactError(
        f"{folder} cannot be written: {why_unwritten(err)}; check its owner and free space"
    )
