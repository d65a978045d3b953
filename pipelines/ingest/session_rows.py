"""Files of sessions as rows, one list of items each; memory holds one batch."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.ingest.mapping import listed
from pipelines.ingest.parquet import open_parquet, parquet_batches
from pipelines.ingest.sources import OnBytes, format_of, open_bytes
from recommender.data.events import MAX_ID_BYTES
from recommender.data.lines import BLOCK_BYTES, line_batches
from recommender.errors import DataError, MappingError

ITEMS = "items"
"""The column or key that holds the lists, unless it is named otherwise."""

_ROWS_A_BATCH = 1 << 14


class SessionRow(NamedTuple):
    """One row of a file of sessions.

    Attributes:
        ordinal: Its place in the file, from 0.
        item_ids: Its items, oldest first; empty where it is refused.
        reason: Why it is refused; None for a row that is in order.
        raw: Its text.
    """

    ordinal: int
    item_ids: list[str]
    reason: str | None
    raw: str


def session_rows(
    path: str, column: str | None = None, on_bytes: OnBytes | None = None
) -> Iterator[SessionRow]:
    """Read a file of sessions.

    Args:
        path: Parquet with a column of lists, or lines of JSON, each a list or an object that holds
            one; the lines also gzipped or, for `-`, from stdin.
        column: Column or key of the lists; by default `items`, or the only column of lists.
        on_bytes: Called with the bytes read since the last call.

    Raises:
        MappingError: If there is no such column.
        DataError: If the file cannot be read.
    """
    with open_bytes(path, on_bytes) as stream:
        if not stream.peek(1).removeprefix(codecs.BOM_UTF8).strip():
            return
        kind = format_of(path, stream)
        if kind == "ndjson":
            for batch in line_batches(iter(lambda: stream.read(BLOCK_BYTES), b"")):
                yield from _line_rows(batch, column or ITEMS)
    if kind == "parquet":
        yield from _parquet_rows(path, column, on_bytes)
    elif kind == "csv":
        raise DataError(
            f"{path} is neither Parquet nor lines of JSON; write one list of items a line, "
            'for example ["A", "B"]'
        )


def _line_rows(batch: pa.RecordBatch, key: str) -> Iterator[SessionRow]:
    columns = (batch.column(name).to_pylist() for name in ("ordinal", "line", "problem"))
    for ordinal, line, problem in zip(*columns, strict=True):
        if not line.strip():
            continue
        if problem is not None:
            yield SessionRow(ordinal, [], problem, line)
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield SessionRow(ordinal, [], "not_json", line)
            continue
        yield _row(ordinal, value.get(key) if isinstance(value, dict) else value, line)


def _parquet_rows(path: str, column: str | None, on_bytes: OnBytes | None) -> Iterator[SessionRow]:
    with open_parquet(path) as file:
        name = _column_of_lists(file.schema_arrow, path, column)
        for first, batch in parquet_batches(file, path, [name], _ROWS_A_BATCH, on_bytes):
            for ordinal, value in enumerate(batch.column(0).to_pylist(), first):
                yield _row(ordinal, value, value)


def _column_of_lists(schema: pa.Schema, path: str, wanted: str | None) -> str:
    of_lists = [field.name for field in schema if _is_list(field.type)]
    if wanted is None:
        wanted = of_lists[0] if len(of_lists) == 1 and ITEMS not in schema.names else ITEMS
    if wanted not in of_lists:
        raise MappingError(
            f"{path} has no column {wanted!r} of lists; its columns are {listed(schema.names)}, of "
            f"lists {listed(of_lists) or 'none'}; say which one it is: --map items=COLUMN"
        )
    return wanted


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(kind) for is_kind in tests)


def _row(ordinal: int, value: Any, raw: Any) -> SessionRow:
    """Check one list; the text of what is no text is made only where somebody will read it."""
    item_ids, reason = _checked(value)
    if reason is None:
        return SessionRow(ordinal, item_ids, None, "")
    return SessionRow(ordinal, [], reason, raw if isinstance(raw, str) else repr(raw))


def _checked(value: Any) -> tuple[list[str], str | None]:
    if not isinstance(value, list):
        return [], "not_list"
    if not value:
        return [], "empty_session"
    item_ids = [_item_id(item) for item in value]
    if "" in item_ids:
        return [], "missing_item_id"
    try:
        longest = max(len(item_id.encode()) for item_id in item_ids)
    except UnicodeEncodeError:
        return [], "not_utf8"
    return item_ids, "id_too_long" if longest > MAX_ID_BYTES else None


def _item_id(item: Any) -> str:
    """A text or a number as an id, "" for anything else."""
    if isinstance(item, str):
        return item
    # Integers with gaps reach a file as floats: 123.0 is the id 123. True is no id.
    if isinstance(item, float) and item.is_integer():
        return str(int(item))
    return str(item) if isinstance(item, int) and not isinstance(item, bool) else ""
