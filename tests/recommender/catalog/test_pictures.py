"""Only pictures, only of the folder."""

from pathlib import Path

import pytest

from recommender.catalog.pictures import find_picture


def test_a_picture_has_a_place_and_a_type(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "pictures").symlink_to("real")
    found = find_picture(tmp_path / "pictures", "deep/a.JPG")
    assert found == (tmp_path.resolve() / "real" / "deep" / "a.JPG", "image/jpeg")


@pytest.mark.parametrize(
    "name", ["notes.txt", "a", "", "a\0.png", "../a.png", "/etc/a.png", "x/../../a.png", "link.png"]
)
def test_everything_else_is_none(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "elsewhere.png")
    assert find_picture(folder, name) is None
