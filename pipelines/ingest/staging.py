"""The database in which an import sorts out a file, and the way from there into the event log.

The log sees whole Parquet files only: they are written beside it and renamed into it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from pipelines.ingest.normalize import STAGED_COLUMNS
from recommender.data.eventscan import literal, log_query, rows_from_events
from recommender.disk import sync
from recommender.errors import DataError, words_of

Connection: TypeAlias = duckdb.DuckDBPyConnection

MEMORY_LIMIT = "1GB"
"""Of duckdb; what does not fit goes to the staging folder."""

_ROWS_A_PAGE = 10_000


@contextmanager
def staging_folder(root: Path | None, run: str) -> Iterator[Path]:
    """A folder that is gone afterwards, in the workspace or, for a dry run, elsewhere.

    Raises:
        DataError: If it cannot be made.
    """
    if root is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    parent = root / ".staging"
    try:
        # The lock is ours: what lies here was left by a run that was cut off.
        shutil.rmtree(parent, ignore_errors=True)
        (parent / run).mkdir(parents=True)
    except OSError as err:
        raise DataError(f"{root} cannot be written: {err.strerror}") from err
    try:
        yield parent / run
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def staging_database(folder: Path) -> Iterator[Connection]:
    """A database with an empty table `staged` of `STAGED_COLUMNS`."""
    settings = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(folder / "spill"),
        "TimeZone": "UTC",
        "preserve_insertion_order": "false",
        # Where Python has no script, as in a notebook, duckdb would draw a bar on stdout.
        "enable_progress_bar": "false",
        # The database is thrown away in the end: nothing that survives a crash is worth its time.
        "checkpoint_threshold": "1TB",
    }
    columns = ", ".join(f'"{name}" {kind}' for name, kind in STAGED_COLUMNS.items())
    with duckdb.connect() as connection:
        for name, value in settings.items():
            run_sql(connection, f"SET {name} = {literal(value)}")
        place = literal(str(folder / "events.duckdb"))
        run_sql(connection, f"ATTACH {place} AS staging")
        run_sql(connection, "USE staging")
        run_sql(connection, f"CREATE TABLE staged ({columns})")
        yield connection


def run_sql(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    """Run a statement to its end.

    Raises:
        DataError: If it fails: the disk is full, or a file of the log is damaged.
        KeyboardInterrupt: If it was interrupted, which duckdb tells otherwise.
    """
    try:
        rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    except duckdb.Error as err:
        raise DataError(
            f"the import cannot go on: {words_of(err)}; check that the disk of the workspace has "
            "room and that the files of its event log are whole"
        ) from err
    except RuntimeError as err:
        if "interrupted" in str(err):
            raise KeyboardInterrupt from err
        raise
    return rows


def pages(connection: Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, never all in memory."""
    result = connection.execute(query)
    while rows := result.fetchmany(_ROWS_A_PAGE):
        yield from rows


def stage(connection: Connection, table: pa.Table, query: str, into: str = "staged") -> None:
    """Put the rows of a piece of the file into a table.

    Args:
        connection: Of `staging_database`.
        table: The piece.
        query: Makes the columns of `into` of a table `batch`: `STAGED_COLUMNS` for `staged`.
        into: Name of the table.
    """
    try:
        connection.register("batch", table)
    except duckdb.Error as err:
        raise DataError(
            f"the import cannot go on: {words_of(err)}; write the column in a plain type, "
            "such as text"
        ) from err
    run_sql(connection, f"INSERT INTO {into} {query}")
    connection.unregister("batch")


def find_new(connection: Connection, events_dir: Path) -> None:
    """Make `new_events` (`ordinal`, `event_id`, `day`): events that are not in the log yet.

    Keys alone are sorted and compared, hashes of them where that does; the log is read on the
    days of the file only, since an event's day is that of its time.
    """
    anonymous = "reason IS NULL AND event_id IS NULL"
    run_sql(
        connection,
        f"""
        CREATE TABLE nth AS
        SELECT ordinal, row_number() OVER (PARTITION BY content ORDER BY ordinal) - 1 AS n
        FROM staged
        WHERE {anonymous} AND content IN (
            SELECT content FROM staged WHERE {anonymous} GROUP BY content HAVING count(*) > 1
        )
        """,
    )
    run_sql(
        connection,
        """
        CREATE TABLE identified AS
        SELECT
            ordinal,
            coalesce(event_id, content || '-' || coalesce(n, 0)) AS event_id,
            strftime(event_time, '%Y-%m-%d') AS day
        FROM staged LEFT JOIN nth USING (ordinal)
        WHERE reason IS NULL
        """,
    )
    run_sql(
        connection,
        """
        CREATE TABLE again AS
        SELECT ordinal FROM identified
        WHERE hash(event_id) IN (
            SELECT hash(event_id) FROM identified GROUP BY ALL HAVING count(*) > 1
        )
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY ordinal) > 1
        """,
    )
    days = [day for (day,) in run_sql(connection, "SELECT DISTINCT day FROM identified")]
    log = log_query(connection, events_dir, days)
    run_sql(
        connection,
        f"""
        CREATE TABLE new_events AS
        SELECT ordinal, event_id, day
        FROM identified ANTI JOIN again USING (ordinal)
        ANTI JOIN (SELECT event_id FROM ({log})) AS log USING (event_id)
        """,
    )


def write_days(connection: Connection, folder: Path) -> None:
    """Write the new events as Parquet, `day=<day>/*.parquet`; without any there is no folder."""
    if not run_sql(connection, "SELECT count(*) FROM new_events")[0][0]:
        return
    events = """(
        SELECT staged.* EXCLUDE (event_id, reason, raw, content), new_events.event_id, day
        FROM staged JOIN new_events USING (ordinal)
    )"""
    run_sql(
        connection,
        f"""
        COPY ({rows_from_events(events, "day,")}) TO {literal(str(folder))}
        (FORMAT parquet, PARTITION_BY (day), COMPRESSION zstd)
        """,
    )


def publish_days(folder: Path, events_dir: Path, run: str) -> None:
    """Rename what `write_days` wrote into the log, as `<day>/<run>-<n>.parquet`.

    Raises:
        DataError: If the log cannot be written; days already renamed stay, whole.
    """
    try:
        for number, path in enumerate(sorted(folder.glob("day=*/*.parquet"))):
            day = events_dir / path.parent.name.removeprefix("day=")
            day.mkdir(parents=True, exist_ok=True)
            sync(path)
            os.replace(path, day / f"{run}-{number}.parquet")  # noqa: PTH105
            sync(day)
        if events_dir.exists():
            sync(events_dir)
    except OSError as err:
        raise DataError(f"{events_dir} cannot be written: {err.strerror}") from err
