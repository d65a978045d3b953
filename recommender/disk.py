"""What must outlast a crash: a write counts once the disk has it."""

import os
from pathlib import Path


def why_unwritten(err: OSError) -> str:
    """Why something could not be written, in words.

    NumPy tells only how many numbers reached the file; that happens on a full disk.
    """
    return err.strerror or "the disk is full or the file was cut"


def prove_writable(folder: Path) -> None:
    """Make a folder and write something into it that is removed again.

    Raises:
        OSError: If that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe-{os.getpid()}"
    probe.write_bytes(b"?")
    probe.unlink()


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, body: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one, never a part."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(body)
    if path.exists():
        draft.chmod(path.stat().st_mode)
    sync(draft)
    draft.replace(path)
    sync(path.parent)
