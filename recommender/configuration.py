"""Settings from four layers: flags over environment over file over defaults."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from recommender.errors import SettingsError
from recommender.settings import Settings

_PREFIX = "RECOMMENDER_"


def load_settings(
    path: Path, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings of a workspace.

    Args:
        path: A TOML file; a missing one counts as empty.
        overrides: `section.key=value` texts, the strongest layer. A value is read as TOML where
            it is TOML, else as text.
        environ: Environment to read `RECOMMENDER_<SECTION>_<KEY>` from; default `os.environ`.

    Raises:
        SettingsError: If the file is no TOML, or a setting is unknown or out of range.
    """
    layers = [
        (str(path), _from_file(path)),
        ("the environment", _from_environment(os.environ if environ is None else environ)),
        ("--set", _from_overrides(overrides)),
    ]
    merged: dict[str, Any] = {}
    for source, layer in layers:
        _check_names(layer, Settings, source)
        _merge(merged, layer)
    try:
        return Settings.model_validate(merged)
    except ValidationError as err:
        first = err.errors()[0]
        words, place = first["msg"].removeprefix("Value error, "), first["loc"]
        if place:
            words = f"{'.'.join(map(str, place))}: {words} (got {first['input']!r})"
        raise SettingsError(words) from err


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as err:
        raise SettingsError(f"{path} cannot be read: {err}") from err


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Names of unknown sections are left alone: container platforms set RECOMMENDER_PORT_…."""
    layer: dict[str, Any] = {}
    sections = {name.upper() for name, _ in _fields(Settings)}
    for variable, text in sorted(environ.items()):
        name = variable.removeprefix(_PREFIX)
        if name != variable and (name in sections or name.partition("_")[0] in sections):
            _put(layer, Settings, name, text)
    return layer


def _put(layer: dict[str, Any], model: type[BaseModel], name: str, text: str) -> None:
    """Put a value where a name like CATALOG_ELASTICSEARCH_HOSTS points."""
    fields = dict(_fields(model))
    if name.lower() not in fields:
        for section, nested in fields.items():
            inner = name.removeprefix(f"{section.upper()}_")
            if nested is None or inner == name:
                continue
            if isinstance(layer.setdefault(section, {}), dict):
                _put(layer[section], nested, inner, text)
            return
    layer[name.lower()] = _value(text)


def _from_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for text in overrides:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"--set {text}: expected section.key=value")
        *parents, key = name.strip().split(".")
        place = layer
        for parent in parents:
            # The later text wins: a section after a value of the same name replaces it.
            if not isinstance(place.setdefault(parent, {}), dict):
                place[parent] = {}
            place = place[parent]
        place[key] = _value(value)
    return layer


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel] | None]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        nested = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        yield field.alias or name, nested


def _check_names(layer: Any, model: type[BaseModel], source: str, prefix: str = "") -> None:
    if not isinstance(layer, dict):
        return
    known = dict(_fields(model))
    for name, value in layer.items():
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise SettingsError(
                f"{source}: {prefix}{name} is no setting; the nearest is {prefix}{nearest[0]}"
            )
        nested = known[name]
        if nested is not None:
            _check_names(value, nested, source, f"{prefix}{name}.")


def _merge(target: dict[str, Any], layer: dict[str, Any]) -> None:
    for name, value in layer.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = value
