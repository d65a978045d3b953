"""A `recommender.toml` with every setting, its default and its documentation."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from recommender.errors import DataError
from recommender.settings import Settings

_HEAD = """\
# Settings of one shop. A line that begins with "# name =" shows a default; take the "# " away to
# change it. Flags (--set section.key=value) and the environment (RECOMMENDER_SECTION_KEY) win over
# this file.
"""
_EXAMPLES = {
    "import.events": '[{path = "source/events-*.ndjson"}]',
    "import.items": '[{path = "source/products*.tsv"}]',
}


def settings_text(values: Mapping[str, Any] | None = None) -> str:
    """Write a settings file.

    Args:
        values: Settings that are not left at their default, by `section.key`.

    Returns:
        TOML text that `recommender.configuration.load_settings` reads.

    Raises:
        ValueError: If a name is no setting.

    Example:
        >>> print(settings_text({"serve.port": 8080})[-39:], end="")
        port = 8080
        # Processes.
        # workers = 1
    """
    left = dict(values or {})
    lines = [_HEAD]
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            sections += _section(field.alias or name, field, left)
        else:
            always = {"schema_version": field.default}
            lines += _setting(name, name, field, {**always, **left})
            left.pop(name, None)
    if left:
        raise ValueError(f"values: {', '.join(left)} is no setting")
    return "\n".join([*lines, *sections]) + "\n"


def change_settings(path: Path, values: Mapping[str, Any]) -> None:
    """Set some settings in a file and leave every other line of it as it is.

    Args:
        path: A `recommender.toml`; a missing one is made, with every setting.
        values: New values, by `section.key`.

    Raises:
        DataError: If the file cannot be written, or is written in a way that lines cannot be put
            into; then it is left as it was.
    """
    advice = "set by hand: " + ", ".join(f"{name} = {_toml(new)}" for name, new in values.items())
    draft = path.with_name(f".{path.name}.draft")
    try:
        text = path.read_text("utf-8") if path.exists() else settings_text()
        changed = _with_lines(text, values)
        # Dotted keys, inline tables and lists over several lines are TOML too: better look.
        if tomllib.loads(changed) != _merged(tomllib.loads(text), values):
            raise DataError(f"{path} is not written section by section; {advice}")
        draft.write_text(changed, "utf-8")
        draft.replace(path)
    except (OSError, ValueError) as err:
        raise DataError(f"{path} cannot be changed: {err}; {advice}") from err


def _with_lines(text: str, values: Mapping[str, Any]) -> str:
    lines = text.splitlines()
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?")
        if not any(map(header.fullmatch, lines)):
            lines += ["", f"[{section}]"]
        first = next(n for n, line in enumerate(lines, 1) if header.fullmatch(line))
        rest = range(first, len(lines))
        end = next((n for n in rest if lines[n].lstrip().startswith("[")), len(lines))
        own = re.compile(rf"\s*(# ?)?{re.escape(key)}\s*=.*")
        places = [n for n in range(first, end) if own.fullmatch(lines[n])]
        at = places[-1] if places else first
        lines[at : at + len(places[-1:])] = [f"{key} = {_toml(value)}"]
    return "\n".join(lines) + "\n"


def _merged(settings: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        settings.setdefault(section, {})[key] = value
    return settings


def _section(section: str, field: FieldInfo, left: dict[str, Any]) -> list[str]:
    lines = ["", f"# {field.description}", f"[{section}]"]
    for name, inner in type(field.default).model_fields.items():
        place = f"{section}.{inner.alias or name}"
        lines += _setting(place, inner.alias or name, inner, left)
        left.pop(place, None)
    return lines


def _setting(place: str, name: str, field: FieldInfo, values: Mapping[str, Any]) -> list[str]:
    """A setting's documentation and its line, commented out while it has its default."""
    lines = [f"# {line}" for line in (field.description or "").splitlines()]
    if place in values:
        return [*lines, f"{name} = {_toml(values[place])}"]
    if place in _EXAMPLES:
        return [*lines, f"# {name} = {_EXAMPLES[place]}"]
    if field.default is None:
        return [*lines, f"# {name} =  (unset)"]
    return [*lines, f"# {name} = {_toml(field.default)}"]


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # Texts, numbers and truth values are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)
