"""A `recommender.toml` with every setting, its default and its documentation."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

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
        return [*lines, f"# {name} =  (chosen from the data)"]
    return [*lines, f"# {name} = {_toml(field.default)}"]


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # Texts, numbers and truth values are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)
