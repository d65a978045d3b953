"""Pictures as data URIs: only files of the folder, only small ones, nothing fetched."""

import base64
from pathlib import Path

import pytest

from recommender.evaluation import pictures
from recommender.evaluation.pictures import Pictures

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    (folder / "a b.svg").write_text(SVG)
    (folder / "deep" / "c.PNG").write_bytes(b"png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "huge.jpg").write_bytes(b"x" * (pictures.MAX_BYTES + 1))
    (tmp_path / "secret.svg").write_text("secret")
    (folder / "link.svg").symlink_to(tmp_path / "secret.svg")
    return folder


def test_files_of_the_folder_are_embedded(folder: Path) -> None:
    uri = Pictures(folder).data_uri("/pictures/a%20b.svg?v=3")
    assert uri == f"data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()}"
    assert Pictures(folder).data_uri("/pictures/deep/c.PNG") == "data:image/png;base64,cG5n"


@pytest.mark.parametrize(
    "link",
    [
        None, "", "https://shop.example/a.svg", "//shop.example/pictures/a.svg", "/other/a b.svg",
        "/pictures/missing.svg", "/pictures/notes.txt", "/pictures/huge.jpg", "/pictures/",
        "/pictures/../secret.svg", "/pictures/%2e%2e/secret.svg", "/pictures/link.svg",
        "/pictures//etc/passwd.svg", "/pictures/a\0.svg", "/pictures/deep",
    ],
)  # fmt: skip
def test_everything_else_is_left_out(folder: Path, link: str | None) -> None:
    assert Pictures(folder).data_uri(link) is None


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert Pictures().data_uri("/pictures/a.svg") is None
    assert Pictures(tmp_path / "none").data_uri("/pictures/a.svg") is None


def test_all_pictures_together_stay_below_the_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len(Pictures(folder).data_uri("/pictures/a%20b.svg") or "")
    monkeypatch.setattr(pictures, "MAX_TOTAL_BYTES", 2 * one + 3)
    few = Pictures(folder)
    found = [few.data_uri("/pictures/a%20b.svg") for _ in range(4)]
    assert [uri is not None for uri in found] == [True, True, False, False]
