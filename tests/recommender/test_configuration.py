"""Settings from flags, environment, file and defaults."""

import pytest

from recommender.configuration import load_settings
from recommender.errors import SettingsError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "recommender.toml"
    path.write_text("[serve]\nport = 8001\nworkers = 2\n[import]\nmax_refused = 0.1\n")
    return path


def test_flags_win_over_environment_over_file_over_defaults(path):
    environ = {"RECOMMENDER_SERVE_PORT": "8002", "RECOMMENDER_IMPORT_MAX_REFUSED": "0.2"}

    settings = load_settings(path, ["serve.port=8003"], environ)

    assert settings.serve.port == 8003
    assert settings.import_.max_refused == 0.2
    assert settings.serve.workers == 2
    assert settings.serve.host == "127.0.0.1"


def test_a_missing_file_counts_as_empty(tmp_path):
    assert load_settings(tmp_path / "none.toml", environ={}) == load_settings(
        tmp_path / "none.toml", ["time_zone=UTC"], {}
    )


def test_the_environment_of_a_container_platform_is_left_alone(path):
    environ = {"RECOMMENDER_PORT_8000_TCP": "tcp://10.0.0.1:8000", "RECOMMENDER_TIME_ZONE": "UTC"}

    assert load_settings(path, environ=environ).time_zone == "UTC"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["serve.prot=1"], "serve.prot is no setting; the nearest is serve.port"),
        (["sevre.port=1"], "sevre is no setting; the nearest is serve"),
        (["serve.port"], "expected section.key=value"),
        (["serve.port=0"], "serve.port: "),
        (["serve=1"], "serve: "),
        (["serve=1", "serve.port=2"], "serve was set to a single value before"),
        (["time_zone=Mars"], "no IANA time zone"),
    ],
)
def test_a_wrong_setting_is_a_sentence(overrides, says, path):
    with pytest.raises(SettingsError, match=says):
        load_settings(path, overrides, {})


def test_a_file_that_is_no_toml_is_a_sentence(path):
    path.write_text("serve = [")

    with pytest.raises(SettingsError, match=r"recommender\.toml cannot be read"):
        load_settings(path, environ={})
