"""What `--map` says: which column, constant or event name of a file is which of ours."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from recommender.data.events import LOG_COLUMNS
from recommender.errors import MappingError

MAPPED_FIELDS = (
    "items",
    "index",
    *(name for name in LOG_COLUMNS if name not in {"list_index", "ordinal", "item_position"}),
)
"""Fields that `--map` may name: those of an event, and those of its one item."""

_REQUIRED = (
    ("event_name",),
    ("event_time",),
    ("item_id", "items"),
    ("visitor_id", "session_id"),
)
"""Of each group a table needs one."""

_GRAMMAR = (
    "write OURS=COLUMN, OURS==CONSTANT or event_name.THEIRS=OURS, for example "
    "--map visitor_id=customer,item_id=product,event_time=ts"
)


@dataclass(frozen=True)
class FieldMap:
    """A parsed `--map`.

    Attributes:
        columns: Column in the file by field of ours.
        constants: Value of a field in every row.
        event_names: Event name of ours by lower-case name in the file.
    """

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    event_names: dict[str, str] = field(default_factory=dict)


def parse_map(texts: Sequence[str]) -> FieldMap:
    """Parse the values of `--map`.

    Args:
        texts: Each with one or more entries, separated by commas.

    Raises:
        MappingError: If an entry cannot be read, names no field of ours, or contradicts another.

    Example:
        >>> parse_map(["item_id=sku,event_name.KAUF=purchase", "site==de"])
        FieldMap(columns={'item_id': 'sku'}, constants={'site': 'de'}, \
event_names={'kauf': 'purchase'})
    """
    result = FieldMap()
    for entry in (entry.strip() for text in texts for entry in text.split(",")):
        if not entry:
            continue
        if entry.startswith("event_name."):
            # The name of another system may hold an equals sign, ours never does.
            theirs, _, ours = entry.removeprefix("event_name.").rpartition("=")
            _put(result.event_names, theirs.strip().lower(), ours.strip(), entry)
            continue
        name, _, source = entry.partition("=")
        target = result.constants if source.startswith("=") else result.columns
        name, source = name.strip(), source.removeprefix("=").strip()
        if name and source:
            _check_field(name, entry)
        if name in result.columns or name in result.constants:
            raise MappingError(f"--map {entry}: {name} is mapped twice; keep one")
        _put(target, name, source, entry)
    return result


def check_columns(wanted: FieldMap, found: Collection[str], path: str) -> None:
    """Check that every mapped column is in the file.

    Raises:
        MappingError: With the columns of the file, and the nearest one.
    """
    for name, column in wanted.columns.items():
        if column not in found:
            near = difflib.get_close_matches(column, found, n=1)
            advice = f"did you mean --map {name}={near[0]}?" if near else "name one of them"
            raise MappingError(
                f"{path} has no column {column!r} (--map {name}={column}); "
                f"its columns are {listed(found)}; {advice}"
            )


def needed_columns(found: Sequence[str], path: str, wanted: FieldMap) -> dict[str, str]:
    """Which columns of a table to read.

    Args:
        found: The columns of the file.
        path: For messages.
        wanted: What `--map` says; a column that has a name of ours needs no mapping.

    Returns:
        Column in the file by field of ours.

    Raises:
        MappingError: If a mapped or a required column is missing.
    """
    check_columns(wanted, found, path)
    columns = {
        name: wanted.columns.get(name, name)
        for name in MAPPED_FIELDS
        if name not in wanted.constants and wanted.columns.get(name, name) in found
    }
    known = {*columns, *wanted.constants}
    for needed in _REQUIRED:
        if known.isdisjoint(needed):
            raise MappingError(
                f"{path} has no column {' or '.join(needed)}; its columns are {listed(found)}; the "
                f"first line must name the columns; say which one it is: --map {needed[0]}=COLUMN"
            )
    for column in columns.values():
        if found.count(column) > 1:
            raise MappingError(f"{path} has two columns {column!r}; rename one")
    return columns


def listed(columns: Collection[str]) -> str:
    """Names of columns for a message, cut where there are very many or strange ones."""
    shown = [column if column.isprintable() else repr(column) for column in columns]
    text = ", ".join(shown)
    return text if len(text) <= 600 else f"{text[:600]}… ({len(columns)} columns)"


def _check_field(name: str, entry: str) -> None:
    if name not in MAPPED_FIELDS:
        near = difflib.get_close_matches(name, MAPPED_FIELDS, n=1, cutoff=0)[0]
        raise MappingError(
            f"--map {entry}: {name!r} is no field of an event; the nearest is {near}"
        )


def _put(target: dict[str, str], key: str, value: str, entry: str) -> None:
    if not key or not value:
        raise MappingError(f"--map {entry}: cannot be read; {_GRAMMAR}")
    if target.setdefault(key, value) != value:
        raise MappingError(f"--map {entry}: {key} is mapped twice; keep one")
