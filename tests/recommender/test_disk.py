"""Files are replaced whole."""

from pathlib import Path

import pytest

from recommender.disk import write_whole


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
