"""Files are replaced whole."""

from pathlib import Path

import numpy as np
import pytest

from recommender.disk import prove_writable, why_unwritten, write_whole


def test_a_new_body_replaces_the_old_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_whole(path, b"one")
    path.chmod(0o640)
    write_whole(path, "zwölf".encode())
    assert path.read_text("utf-8") == "zwölf"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """The place of the draft is taken by a folder."""
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    (tmp_path / ".run.json.draft").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_folder_is_proven_without_a_trace(tmp_path: Path) -> None:
    prove_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        prove_writable(tmp_path / "file" / "x")


def test_what_numpy_says_of_a_full_disk_is_put_into_words() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError) as caught:
        np.arange(100_000).tofile(full)
    assert why_unwritten(caught.value) == "the disk is full or the file was cut"
    assert why_unwritten(PermissionError(13, "Permission denied")) == "Permission denied"
