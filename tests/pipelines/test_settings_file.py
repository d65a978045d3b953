"""Changing some settings of a file without touching the rest."""

import tomllib
from pathlib import Path

import pytest

from pipelines.settings_file import change_settings
from recommender.errors import DataError

SHARES = {"evaluation.test_share": 0.05, "evaluation.validation_share": 0.1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# ours\n", "# ours\n\n[evaluation]\nvalidation_share = 0.1\ntest_share = 0.05\n"),
        (
            "[evaluation] # how\n# test_share = 0.2\nk = 5 # short\n\n[serve]\nport = 1\n",
            "[evaluation] # how\nvalidation_share = 0.1\ntest_share = 0.05\nk = 5 # short\n\n"
            "[serve]\nport = 1\n",
        ),
        (
            "[serve]\nport = 1\n[evaluation]\n# test_share = 0.3\ntest_share=0.2\n",
            "[serve]\nport = 1\n[evaluation]\nvalidation_share = 0.1\n# test_share = 0.3\n"
            "test_share = 0.05\n",
        ),
    ],
)
def test_lines_are_set_and_others_stay(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "recommender.toml"
    path.write_text(before)
    change_settings(path, SHARES)
    assert path.read_text() == after


def test_a_missing_file_is_made_with_every_setting(tmp_path: Path) -> None:
    path = tmp_path / "recommender.toml"
    change_settings(path, SHARES)
    written = tomllib.loads(path.read_text())
    assert written["evaluation"] == {"test_share": 0.05, "validation_share": 0.1}
    assert "# epochs =" in path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "evaluation = {k = 5}\n",
        "evaluation.k = 5\n",
        'note = """\n[evaluation]\n"""\n',
        "not TOML\n",
    ],
)
def test_a_file_of_another_make_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recommender.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=r"set by hand: evaluation\.test_share = 0\.05"):
        change_settings(path, SHARES)
    assert path.read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["recommender.toml"]
