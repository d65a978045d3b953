"""A `recommender.toml` with every setting, its default and its documentation."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from recommender.disk import write_whole
from recommender.errors import SettingsError, words_of
from recommender.settings import Settings

_HEAD = """\
# Settings of one shop. A line that begins with "# name =" shows a default; take the "# " away to
# change it, and give a value where it says (unset). Flags (--set section.key=value) and the
# environment (RECOMMENDER_SECTION_KEY) win over this file.
"""
_UNSET = "# {name} =  (unset)"
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
        >>> text = settings_text({"serve.port": 8080})
        >>> print(text[text.index("port =") : text.index("# Where the model gives")], end="")
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


def given_values(settings: Settings) -> dict[str, Any]:
    """The settings that were given when these were read, by `section.key`.

    Example:
        >>> given_values(Settings.model_validate({"serve": {"port": 8080}}))
        {'serve.port': 8080}
    """
    given = settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dict(_by_place(given, Settings))


def _by_place(
    values: Mapping[str, Any], model: type[BaseModel], section: str = ""
) -> Iterator[tuple[str, Any]]:
    sections = {
        field.alias or name: type(field.default)
        for name, field in model.model_fields.items()
        if isinstance(field.default, BaseModel)
    }
    for name, value in values.items():
        if name in sections:
            yield from _by_place(value, sections[name], f"{section}{name}.")
        else:
            yield f"{section}{name}", value


def change_settings(path: Path, values: Mapping[str, Any]) -> None:
    """Change some settings in a file; its comments and other settings stay as they are.

    Args:
        path: A settings file; a missing one is made, with every setting's documentation.
        values: New values by `section.key`; None unsets a setting.

    Raises:
        SettingsError: If the file cannot be read, written or safely changed.
    """
    path = path.resolve()
    try:
        text = path.read_bytes().decode() if path.exists() else settings_text()
        write_whole(path, changed_text(text, values).encode())
    except ValueError as err:
        raise SettingsError(f"{path} is left as it is: {words_of(err)}; change it by hand") from err
    except OSError as err:
        raise SettingsError(f"{path} cannot be written: {err.strerror}") from err


def changed_text(text: str, values: Mapping[str, Any]) -> str:
    r"""The text of a settings file with some values changed.

    Raises:
        ValueError: If it is no TOML or is written in a way that lines cannot change.

    Example:
        >>> changed_text("[serve]  # ours\nport = 80  # low\n", {"serve.port": 81})
        '[serve]  # ours\nport = 81  # low\n'
    """
    line_end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(line_end)
    expected = tomllib.loads(text)
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        _change_line(lines, section, key, value)
        table = expected
        for part in section.split("."):
            table = table.setdefault(part, {})
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    changed = line_end.join(lines)
    if _without_empty(tomllib.loads(changed)) != _without_empty(expected):
        raise ValueError(f"{', '.join(values)} cannot be changed line by line")
    return changed


def _without_empty(tables: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        name: _without_empty(table) if isinstance(table, dict) else table
        for name, table in tables.items()
    }
    return {name: table for name, table in kept.items() if table != {}}


def _change_line(lines: list[str], section: str, key: str, value: Any) -> None:
    """Change, uncomment or add the line of one setting."""
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?")
    begin = next((n for n, line in enumerate(lines) if header.fullmatch(line)), None)
    if begin is None:
        if value is not None:
            at_end = len(lines) - (not lines[-1])
            lines[at_end:] = ["", f"[{section}]", f"{key} = {_toml(value)}", ""]
        return
    after = [n for n in range(begin + 1, len(lines)) if lines[n].lstrip().startswith("[")]
    inside = range(begin + 1, after[0] if after else len(lines))
    active = re.compile(rf"(\s*{re.escape(key)}\s*=\s*)([^#]*?)(\s*(?:#.*)?)")
    shown = re.compile(rf"#\s*{re.escape(key)}\s*=.*")
    for number in inside:
        if found := active.fullmatch(lines[number]):
            left = _UNSET.format(name=key)
            lines[number] = left if value is None else f"{found[1]}{_toml(value)}{found[3]}"
            return
    if value is None:
        return
    place = next((number for number in inside if shown.fullmatch(lines[number])), None)
    if place is None:
        last = max((n for n in inside if lines[n].strip()), default=begin)
        lines.insert(last + 1, f"{key} = {_toml(value)}")
    else:
        lines[place] = f"{key} = {_toml(value)}"


def _section(section: str, field: FieldInfo, left: dict[str, Any]) -> list[str]:
    lines = ["", f"# {field.description}", f"[{section}]"]
    sections: list[str] = []
    for name, inner in type(field.default).model_fields.items():
        place = f"{section}.{inner.alias or name}"
        if isinstance(inner.default, BaseModel):
            sections += _section(place, inner, left)
            continue
        lines += _setting(place, inner.alias or name, inner, left)
        left.pop(place, None)
    return [*lines, *sections]


def _setting(place: str, name: str, field: FieldInfo, values: Mapping[str, Any]) -> list[str]:
    """A setting's documentation and its line, commented out while it has its default."""
    lines = [f"# {line}" for line in (field.description or "").splitlines()]
    if place in values:
        return [*lines, f"{name} = {_toml(values[place])}"]
    if place in _EXAMPLES:
        return [*lines, f"# {name} = {_EXAMPLES[place]}"]
    if field.default is None:
        return [*lines, _UNSET.format(name=name)]
    return [*lines, f"# {name} = {_toml(field.default)}"]


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # Texts, numbers and truth values are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)
