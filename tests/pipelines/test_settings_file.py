"""Settings are changed in a file without touching anything else in it."""

import tomllib
from pathlib import Path

import pytest

from pipelines.settings_file import change_settings, changed_text, settings_text
from recommender.configuration import load_settings
from recommender.errors import SettingsError

OURS = """\
# our shop
time_zone = "Europe/Madrid"

[softmax]  # the network
dim = 100          # as long as word2vec's
# epochs =  (unset)
  hidden=50
[serve]
# dim = 3
port = 8080
"""


def test_only_the_named_lines_change() -> None:
    text = changed_text(OURS, {"softmax.dim": 64, "softmax.hidden": 128, "softmax.epochs": 7})
    assert text == OURS.replace("dim = 100 ", "dim = 64 ").replace(
        "hidden=50", "hidden=128"
    ).replace("# epochs =  (unset)", "epochs = 7")


def test_none_unsets_a_setting() -> None:
    seven = changed_text(OURS, {"softmax.epochs": 7})
    assert changed_text(seven, {"softmax.epochs": None}) == OURS
    assert changed_text(OURS, {"softmax.epochs": None, "word2vec.dim": None}) == OURS


def test_what_is_not_there_is_added() -> None:
    text = changed_text(OURS, {"softmax.window": 5, "word2vec.dim": 64, "word2vec.sample": 0.1})
    assert text.startswith('# our shop\ntime_zone = "Europe/Madrid"\n')
    loaded = tomllib.loads(text)
    assert loaded["softmax"] == {"dim": 100, "hidden": 50, "window": 5}
    assert loaded["word2vec"] == {"dim": 64, "sample": 0.1}
    assert text.index("hidden=50") < text.index("window = 5") < text.index("[serve]")
    assert loaded["serve"] == {"port": 8080}


def test_line_ends_stay() -> None:
    text = changed_text(OURS.replace("\n", "\r\n"), {"softmax.dim": 64, "word2vec.dim": 64})
    assert text.replace("\r\n", "").count("\n") == 0
    assert tomllib.loads(text)["word2vec"] == {"dim": 64}


def test_a_file_of_init_says_what_was_written(tmp_path: Path) -> None:
    values = {"softmax.dim": 64, "softmax.dropout": 0.25, "word2vec.ns_exponent": -0.5}
    written = tmp_path / "recommender.toml"
    written.write_text(settings_text())
    for path in (tmp_path / "missing.toml", written):
        change_settings(path, values)
        loaded = load_settings(path, environ={})
        assert (loaded.softmax.dim, loaded.softmax.dropout) == (64, 0.25)
        assert loaded.word2vec.ns_exponent == -0.5
        before, after = settings_text().splitlines(), path.read_text("utf-8").splitlines()
        differ = [line for line, was in zip(after, before, strict=True) if line != was]
        assert differ == ["dim = 64", "dropout = 0.25", "ns_exponent = -0.5"]


def test_a_section_inside_a_section(tmp_path: Path) -> None:
    values = {"catalog.adapter": "elasticsearch", "catalog.elasticsearch.hosts": ["http://es:1"]}
    written = tmp_path / "recommender.toml"
    written.write_text(settings_text())
    assert load_settings(written, environ={}) == load_settings(tmp_path / "none", environ={})
    for path in (tmp_path / "missing.toml", written):
        change_settings(path, values)
        catalog = load_settings(path, environ={}).catalog
        assert catalog.adapter == "elasticsearch"
        assert catalog.elasticsearch.hosts == ["http://es:1"]
        lines = path.read_text("utf-8").splitlines()
        assert lines.count("[catalog.elasticsearch]") == lines.count("[catalog]") == 1
        change_settings(path, dict.fromkeys(values))
        assert path.read_text("utf-8").count("(unset)") > 1
    assert settings_text(values).count('hosts = ["http://es:1"]') == 1
    assert changed_text(OURS, values).endswith('[catalog.elasticsearch]\nhosts = ["http://es:1"]\n')


def test_a_link_and_the_mode_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(OURS)
    real.chmod(0o640)
    link = tmp_path / "recommender.toml"
    link.symlink_to(real)
    change_settings(link, {"softmax.dim": 64})
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "dim = 64" in real.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["real.toml", "recommender.toml"]


@pytest.mark.parametrize(
    "text",
    ["softmax = {dim = 100}\n", "softmax.dim = 100\n", "[softmax]\ndim = \\\n", "[softmax\n",
     '[softmax]\n"dim" = 100\n', '[import]\ntext = """\n[softmax]\ndim = 1\n"""\n'],
    ids=["inline", "dotted", "no value", "no TOML", "quoted", "in a text"],
)  # fmt: skip
def test_a_file_that_lines_cannot_change_is_left(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recommender.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"is left as it is: .*; change it by hand"):
        change_settings(path, {"softmax.dim": 64})
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        change_settings(tmp_path / "file" / "recommender.toml", {"softmax.dim": 64})
