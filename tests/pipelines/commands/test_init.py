"""`recommender init` writes a settings file that documents itself."""

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

from pipelines.commands.init import init
from pipelines.settings_file import settings_text
from recommender.cli import cli
from recommender.configuration import load_settings
from recommender.settings import Settings


def run(*arguments: str) -> Result:
    cli.add_command(init)
    return CliRunner().invoke(cli, list(arguments))


def test_file_means_the_defaults(tmp_path: Path) -> None:
    folder = tmp_path / "new/shop"
    result = run("init", str(folder))
    assert result.exit_code == 0
    assert "recommender nightly" in result.stderr
    assert load_settings(folder / "recommender.toml", environ={}) == Settings()


def test_workspace_option_names_the_folder(tmp_path: Path) -> None:
    result = run("--json", "-w", str(tmp_path), "init")
    assert result.exit_code == 0
    assert (tmp_path / "recommender.toml").exists()


def test_settings_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_SERVE_PORT", "8123")
    overrides = [
        "time_zone=Europe/Madrid",
        "serve.max_cold=0",
        "sessions.events=['view_item']",
        "catalog={adapter='elasticsearch', elasticsearch={index='oak'}}",
        'import.items=[{path="feeds/*.tsv"}]',
        'import.events=[{path="a.csv", map=["item_id=product"]}]',
    ]
    texts = [part for override in overrides for part in ("--set", override)]
    assert run("-w", str(tmp_path), "init", *texts).exit_code == 0

    path = tmp_path / "recommender.toml"
    written = load_settings(path, environ={})
    assert written == load_settings(tmp_path / "none.toml", overrides, environ={})
    assert written.serve.port == Settings().serve.port, "of this machine, not of the shop"
    assert "# index = " not in path.read_text()


@pytest.mark.parametrize("override", ["serve.prot=1", "serve.max_cold=-1", "serve"])
def test_a_wrong_setting_writes_nothing(override: str, tmp_path: Path) -> None:
    result = run("init", str(tmp_path / "shop"), "--set", override)
    assert result.exit_code == 2
    assert not (tmp_path / "shop").exists()


def test_existing_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "recommender.toml"
    path.write_text('time_zone = "Europe/Madrid"\n')
    result = run("init", str(tmp_path))
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert path.read_text() == 'time_zone = "Europe/Madrid"\n'


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("init", str(tmp_path / "file/shop"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_every_default_is_written_as_it_would_be_set() -> None:
    """Uncommented, the shown defaults are the defaults."""
    text = settings_text({"import.events": [], "import.items": []})
    shown = re.sub(r"(?m)^# (\w+ = )(?!.*\(unset\))", r"\1", text)
    shown = re.sub(r"(?m)^# \w+ =  \(unset\)$", "", shown)
    assert Settings.model_validate(tomllib.loads(shown)) == Settings()
    n_settings = len(re.findall(r"(?m)^(?:# )?\w+ = ", text))
    assert n_settings == count_settings(Settings)


def count_settings(section: type[BaseModel]) -> int:
    """Of a section and those inside it."""
    defaults = (field.default for field in section.model_fields.values())
    return sum(count_settings(type(d)) if isinstance(d, BaseModel) else 1 for d in defaults)


def test_values_are_set_and_documented() -> None:
    text = settings_text(
        {"import.events": [{"path": "a b/*.ndjson"}], "time_zone": "Europe/Madrid"}
    )
    loaded = tomllib.loads(text)
    assert loaded["import"]["events"] == [{"path": "a b/*.ndjson"}]
    assert loaded["time_zone"] == "Europe/Madrid"
    assert (
        "# Steps in training sessions; rarer items are taken out of them.\n# min_count = 5" in text
    )


def test_unknown_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"serve\.prot is no setting"):
        settings_text({"serve.prot": 1})
