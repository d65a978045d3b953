"""Settings from flags over environment over file over defaults."""

from pathlib import Path

import pytest

from recommender.configuration import load_settings
from recommender.errors import SettingsError
from recommender.settings import Settings


def settings(text: str, *overrides: str, folder: Path, **environ: str) -> Settings:
    path = folder / "recommender.toml"
    path.write_text(text, "utf-8")
    return load_settings(path, overrides, environ)


def test_flags_over_environment_over_file_over_default(tmp_path: Path) -> None:
    text = "[sessions]\ngap_s = 1\nmin_length = 3\nmax_length = 9\n"
    environ = {"RECOMMENDER_SESSIONS_GAP_S": "2", "RECOMMENDER_SESSIONS_MIN_LENGTH": "4"}
    found = settings(text, "sessions.gap_s=3", folder=tmp_path, **environ).sessions
    assert (found.gap_s, found.min_length, found.max_length) == (3, 4, 9)
    assert found.collapse_repeats


def test_values_are_toml_where_they_are_toml_else_text(tmp_path: Path) -> None:
    found = settings("", 'sessions.events=["purchase"]', "time_zone=Europe/Madrid",
                     "noise.enabled=false", folder=tmp_path)  # fmt: skip
    assert found.sessions.events == ["purchase"]
    assert found.time_zone == "Europe/Madrid"
    assert not found.noise.enabled


def test_other_programs_may_use_the_prefix(tmp_path: Path) -> None:
    assert settings("", folder=tmp_path, RECOMMENDER_PORT_80_TCP="tcp://10.0.0.1") == Settings()


def test_environment_and_flags_reach_a_table_in_a_table(tmp_path: Path) -> None:
    environ = {
        "RECOMMENDER_CATALOG_ADAPTER": "elasticsearch",
        "RECOMMENDER_CATALOG_ELASTICSEARCH_HOSTS": '["https://a:9200", "https://b:9200"]',
        "RECOMMENDER_CATALOG_ELASTICSEARCH_TIMEOUT_S": "3",
    }
    found = settings("", "catalog.elasticsearch.timeout_s=4", folder=tmp_path, **environ).catalog
    assert found.adapter == "elasticsearch"
    assert found.elasticsearch.hosts == ["https://a:9200", "https://b:9200"]
    assert found.elasticsearch.timeout_s == 4
    wrong = {"RECOMMENDER_CATALOG_ELASTICSEARCH_HOST": "x"}
    with pytest.raises(SettingsError, match=r"elasticsearch\.host is no setting"):
        settings("", folder=tmp_path, **wrong)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (['hosts=["localhost"]'], "lacks a part"),
        (['hosts=["http://me:secret@localhost:9200"]'], "a host holds no password"),
        (["hosts=[]"], "at least 1"),
        (["index=Products"], "index"),
        (["user=me"], "user and password_env go together"),
        (["user=me", "password_env=P", "api_key_env=K"], "exclude each other"),
        (["ca_file=ca.pem"], "ca_file is for https hosts"),
        (["timeout_s=0"], "timeout_s"),
    ],
)
def test_mistakes_about_the_server(tmp_path: Path, values: list[str], words: str) -> None:
    overrides = [f"catalog.elasticsearch.{value}" for value in values]
    with pytest.raises(SettingsError, match=words):
        settings("", *overrides, folder=tmp_path)


def test_a_later_flag_wins_even_over_one_that_was_no_section(tmp_path: Path) -> None:
    found = settings("", "model=softmax", "model.name=popularity", folder=tmp_path)
    assert found.model.name == "popularity"


@pytest.mark.parametrize(
    ("text", "override", "words"),
    [
        ("", "sessions.gap=3", "sessions.gap is no setting; the nearest is sessions.gap_s"),
        ("", "sesions.gap_s=3", "sesions is no setting; the nearest is sessions"),
        ("", "gap_s", "expected section.key=value"),
        ("", "sessions.gap_s=0", "sessions.gap_s: Input should be greater"),
        ("", "model=softmax", "^model: "),
        ("", "time_zone=Mars/North", "^time_zone: 'Mars/North' is no IANA time zone"),
        ("", "model.seed=9999999999", "^model.seed: "),
        ("[a", "model.seed=1", "cannot be read"),
    ],
)
def test_mistakes_name_the_place(tmp_path: Path, text: str, override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(text, override, folder=tmp_path)
