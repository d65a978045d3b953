"""Files of events as batches of columns, whatever their format; memory holds one batch.

Every reader yields pairs: an Arrow table to be registered as `batch`, and the SQL that makes event
fields of it.
"""

import codecs
import io
import itertools
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.ingest.delimited import csv_batches, csv_header, with_texts
from pipelines.ingest.mapping import FieldMap, check_columns, needed_columns
from pipelines.ingest.parquet import open_parquet, parquet_batches
from pipelines.ingest.sources import OnBytes, format_of, open_bytes
from pipelines.ingest.wire import wire_from_columns, wire_from_lines
from recommender.data.lines import LINE_SCHEMA, line_batches

_BLOCK_BYTES = 1 << 24
_ROWS_A_BATCH = 1 << 16
_ROWS_A_CHUNK = 1 << 14
"""duckdb reads the chunks of a table in parallel."""

_LINES_WITH_KEYS = 10_000


def event_tables(
    path: str,
    field_map: FieldMap,
    *,
    tz: str | None = None,
    file_format: str | None = None,
    on_bytes: OnBytes | None = None,
) -> Iterator[tuple[pa.Table, str]]:
    """Read a file of events piece by piece.

    Args:
        path: A file, or `-` for stdin.
        field_map: What `--map` says.
        tz: Time zone of times that name none.
        file_format: `ndjson`, `csv` or `parquet`; by default told by the file's first bytes.
        on_bytes: Called with the bytes read since the last call.

    Raises:
        MappingError: If a column is missing.
        DataError: If the file cannot be read.
    """
    with open_bytes(path, on_bytes) as stream:
        if not stream.peek(1).removeprefix(codecs.BOM_UTF8).strip():
            return
        kind = file_format or format_of(path, stream)
        if kind == "ndjson":
            yield from _ndjson_tables(stream, path, field_map, tz)
        elif kind == "csv":
            yield from _csv_tables(stream, path, field_map, tz)
    if kind == "parquet":
        yield from _parquet_tables(path, field_map, tz, on_bytes)


def _ndjson_tables(
    stream: io.BufferedReader, path: str, field_map: FieldMap, tz: str | None
) -> Iterator[tuple[pa.Table, str]]:
    sql = wire_from_lines(field_map, tz)
    for number, batch in enumerate(line_batches(iter(lambda: stream.read(_BLOCK_BYTES), b""))):
        if number == 0 and field_map.columns:
            _check_keys(batch, path, field_map)
        chunks = range(0, batch.num_rows, _ROWS_A_CHUNK)
        yield pa.Table.from_batches([batch.slice(at, _ROWS_A_CHUNK) for at in chunks]), sql


def _check_keys(batch: pa.RecordBatch, path: str, field_map: FieldMap) -> None:
    """The columns of NDJSON are the keys of its first lines."""
    keys: dict[str, None] = {}
    for line in itertools.islice(batch.column("line"), _LINES_WITH_KEYS):
        try:
            event = json.loads(line.as_py())
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            keys.update(dict.fromkeys(event))
    if keys:
        check_columns(field_map, list(keys), path)


def _csv_tables(
    stream: io.BufferedReader, path: str, field_map: FieldMap, tz: str | None
) -> Iterator[tuple[pa.Table, str]]:
    header = csv_header(stream)
    columns = needed_columns(header.names, path, field_map)
    for batch in csv_batches(stream, path, header, columns):
        if batch.schema.equals(LINE_SCHEMA):
            sql = wire_from_lines(FieldMap(), None)
        else:
            sql = wire_from_columns(batch.schema, columns, field_map.constants, tz)
        yield pa.Table.from_batches([batch]), sql


def _parquet_tables(
    path: str, field_map: FieldMap, tz: str | None, on_bytes: OnBytes | None
) -> Iterator[tuple[pa.Table, str]]:
    with open_parquet(path) as file:
        columns = needed_columns(file.schema_arrow.names, path, field_map)
        wanted = list(set(columns.values()))
        for first, batch in parquet_batches(file, path, wanted, _ROWS_A_BATCH, on_bytes):
            ordinals = np.arange(first, first + batch.num_rows)
            chosen = [_plain(batch.column(column)) for column in columns.values()]
            ready = with_texts(ordinals, chosen, list(columns))
            sql = wire_from_columns(ready.schema, columns, field_map.constants, tz)
            yield pa.Table.from_batches([ready]), sql


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
