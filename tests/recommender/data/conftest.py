"""A way to write an event log that holds what a test needs."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from recommender.data.events import LOG_COLUMNS

WriteLog = Callable[..., Path]


@pytest.fixture
def write_log(tmp_path: Path) -> WriteLog:
    """`write_log(row, ...)` writes one Parquet file and returns the folder of the log.

    A row says what matters to the test; `at` is its time, in seconds since 1970 or as a datetime.
    """

    def write(*rows: dict[str, Any], folder: Path = tmp_path / "events") -> Path:
        lines = []
        for number, row in enumerate(rows):
            at = row.get("at", number)
            at = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
            defaults = {
                "event_id": f"e{number}",
                "event_name": "view_item",
                "event_time": at,
                "visitor_id": "v",
                "consent": "granted",
                "ordinal": number,
                "item_position": 0,
            }
            lines.append({name: (defaults | row).get(name) for name in LOG_COLUMNS})
        table = pa.Table.from_pylist(lines, _SCHEMA)
        path = folder / "1970-01-01" / "events.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.from_arrow(table).write_parquet(str(path))
        return folder

    return write


_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
}
_SCHEMA = pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in LOG_COLUMNS.items()])
