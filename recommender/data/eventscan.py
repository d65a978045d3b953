"""Reading the event log with duckdb: Parquet of imports and NDJSON of the service as one table.

The SQL that makes rows of NDJSON lines stands here too: the import and the log share it.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from recommender.data.events import LOG_COLUMNS
from recommender.data.lines import BLOCK_BYTES, LINE_SCHEMA, line_batches
from recommender.errors import DataError, words_of

ITEM_FIELDS = ("item_id", "item_variant", "quantity", "price", "index")
"""Fields of `items[]` on the wire."""

EVENT_FIELDS = tuple(
    name
    for name in LOG_COLUMNS
    if name not in {*ITEM_FIELDS, "list_index", "ordinal", "item_position"}
)
"""Fields of an event on the wire, without `items`."""

_FILE_SCHEMA = LINE_SCHEMA.append(pa.field("file", pa.string()))
_serial_numbers = itertools.count()


def read_log(connection: duckdb.DuckDBPyConnection, events_dir: Path) -> duckdb.DuckDBPyRelation:
    """All events of the log as it is now, one row per (event, item).

    Of rows with one (`event_id`, `item_position`) the first by (file, ordinal) stays. In files of
    the service, what follows the last newline is ignored, and so is a line that is no event.
    The files are read when the relation is; only the keys of repeated rows are held in memory.

    Args:
        connection: Where the relation lives.
        events_dir: The workspace's `events` folder; it need not exist.

    Returns:
        A relation with the columns of `LOG_COLUMNS`, in no particular order. An event without
        items has a null `item_id`.

    Raises:
        DataError: If a file of the log cannot be read.
    """
    if events_dir.exists() and not events_dir.is_dir():
        raise DataError(f"{events_dir} is a file where the event log's folder should be; move it")
    number = next(_serial_numbers)
    log, repeats = f"event_log_{number}", f"event_log_repeats_{number}"
    try:
        connection.execute(
            f"CREATE TEMP VIEW {log} AS {log_query(connection, events_dir)}"
        ).fetchall()
        connection.execute(f"CREATE TEMP TABLE {repeats} AS {_repeated_rows(log)}").fetchall()
    except duckdb.Error as err:
        raise DataError(f"{events_dir}: the event log cannot be read: {words_of(err)}") from err
    # Hardly ever are there repeats; without them the log is one plain scan.
    n_repeats = connection.execute(f"SELECT count(*) FROM {repeats}").fetchall()[0][0]
    kept = f"{log} ANTI JOIN {repeats} USING (file, place, item_position)" if n_repeats else log
    return connection.sql(f"SELECT {', '.join(LOG_COLUMNS)} FROM {kept}")


def log_query(
    connection: duckdb.DuckDBPyConnection, events_dir: Path, days: Iterable[str] = ("*",)
) -> str:
    """SQL of every row of the log, repeated ones too.

    Args:
        connection: Where the SQL will run.
        events_dir: The workspace's `events` folder.
        days: Names of the folders to read, `YYYY-MM-DD`.

    Returns:
        A query with `file` and `place`, which say where a row stands, and `LOG_COLUMNS`.
    """
    days = list(days)
    parquet = sorted(path for day in days for path in events_dir.glob(f"{day}/*.parquet"))
    service = sorted(path for day in days for path in events_dir.glob(f"{day}/*.ndjson"))
    columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in LOG_COLUMNS.items())
    parts = []
    if parquet:
        paths = ", ".join(literal(str(path)) for path in parquet)
        parts.append(
            f"SELECT filename AS file, file_row_number AS place, {columns} "
            f"FROM read_parquet([{paths}], filename = true, file_row_number = true)"
        )
    if service:
        lines = f"event_log_lines_{next(_serial_numbers)}"
        connection.register(lines, _ServiceLines(service))
        whole = f"(SELECT * FROM {lines} WHERE problem IS NULL)"
        events = f"(SELECT *, ordinal AS place FROM ({events_from_lines(whole)}))"
        parts.append(rows_from_events(events, "file, place,"))
    if not parts:
        empty = ", ".join(f"NULL::{kind} AS {name}" for name, kind in LOG_COLUMNS.items())
        return f"SELECT NULL::VARCHAR AS file, 0::BIGINT AS place, {empty} WHERE false"
    return " UNION ALL ".join(parts)


def events_from_lines(lines: str, fields: Mapping[str, str] | None = None) -> str:
    """SQL that parses lines of NDJSON.

    Args:
        lines: A table with a column `line`.
        fields: Name in the file of each field that is called otherwise there.

    Returns:
        A query: the columns of `lines`, `kind` (JSON type of the line; null where it is no JSON)
        and, all as text, `EVENT_FIELDS`, `ITEM_FIELDS` (of events with one flat item) and `items`.
        What is not in the line is null.
    """
    fields = fields or {}
    structure: dict[str, Any] = dict.fromkeys(
        [fields.get(name, name) for name in (*EVENT_FIELDS, *ITEM_FIELDS)], "VARCHAR"
    )
    structure[fields.get("items", "items")] = [dict.fromkeys(ITEM_FIELDS, "VARCHAR")]
    columns = ", ".join(
        f"event.{identifier(fields.get(name, name))} AS {identifier(name)}"
        for name in (*EVENT_FIELDS, *ITEM_FIELDS, "items")
    )
    parse = f"CASE WHEN random() < 2 THEN from_json(json, {literal(json.dumps(structure))}) END"
    # A line that is no JSON must not reach from_json, which would end the query. random() keeps
    # duckdb from moving a filter on the fields below this: it would parse once per condition.
    return f"""
        SELECT * EXCLUDE (event), {columns}
        FROM (
            SELECT *, json_type(json) AS kind, {parse} AS event
            FROM (SELECT *, CASE WHEN json_valid(line) THEN line END AS json FROM {lines})
        )
    """


def rows_from_events(events: str, extra: str = "") -> str:
    """SQL that lays events out as rows of the log, one per item; none without id, name or time.

    Args:
        events: A table with `ordinal`, `EVENT_FIELDS` and `items`; what is text is cast, and
            becomes null where it cannot be.
        extra: More columns of `events` to keep, each followed by a comma.

    Returns:
        A query with `extra` and the columns of `LOG_COLUMNS`.
    """
    columns = ", ".join(
        f"TRY_CAST({_place_of(name)} AS {kind}) AS {name}" for name, kind in LOG_COLUMNS.items()
    )
    return f"""
        SELECT {extra} {columns}
        FROM (
            SELECT
                * EXCLUDE (items),
                unnest(items) AS item,
                unnest(range(len(items))) AS item_position
            FROM (
                SELECT * REPLACE (
                    CASE
                        WHEN event_id IS NULL OR event_name IS NULL THEN []
                        WHEN TRY_CAST(event_time AS TIMESTAMPTZ) IS NULL THEN []
                        WHEN len(items) > 0 THEN items
                        ELSE [NULL]
                    END AS items
                )
                FROM {events}
            )
        )
    """


def identifier(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _place_of(column: str) -> str:
    if column == "list_index":
        return 'item."index"'
    return f"item.{column}" if column in ITEM_FIELDS else column


def _repeated_rows(log: str) -> str:
    """SQL of the rows that come after another one of the same key.

    Hashes are grouped first: eight bytes a row instead of the key, and seldom one that repeats.
    """
    return f"""
        SELECT file, place, item_position
        FROM {log}
        WHERE hash(event_id, item_position) IN (
            SELECT hash(event_id, item_position) FROM {log} GROUP BY ALL HAVING count(*) > 1
        )
        QUALIFY row_number() OVER (
            PARTITION BY event_id, item_position ORDER BY file, place
        ) > 1
    """


class _ServiceLines:
    """The whole lines of files that the service may still be writing, as an Arrow stream.

    What is appended after this was made is not read: every scan sees the same lines.
    """

    def __init__(self, paths: list[Path]) -> None:
        self._sizes = {path: _whole_size(path) for path in paths}

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Start a new scan."""
        reader = pa.RecordBatchReader.from_batches(_FILE_SCHEMA, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for path, size in self._sizes.items():
            for batch in line_batches(_blocks(path, size)):
                names = pa.repeat(str(path), batch.num_rows)
                yield pa.record_batch([*batch.columns, names], schema=_FILE_SCHEMA)


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(BLOCK_BYTES, size))):
            size -= len(block)
            yield block


def _whole_size(path: Path) -> int:
    """Bytes up to and with the last newline."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > 0:
            start = max(end - BLOCK_BYTES, 0)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
