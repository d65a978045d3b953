"""Import of ready-made sessions: lists of items without times become events laid end to end.

The event log is all that training reads, so every step gets a made-up time: one every `STEP_S`
seconds from `BEGIN` on, each session behind the one before it. No border in time cuts a session, no
noise rule takes one for a robot's, and as each has a session id of its own no pause parts or joins
them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.mapping import parse_map
from pipelines.ingest.normalize import RAW_CHARACTERS
from pipelines.ingest.refused import run_name, settle_refused
from pipelines.ingest.session_rows import SessionRow, session_rows
from pipelines.ingest.sources import OnBytes
from pipelines.ingest.staging import (
    Connection,
    pages,
    publish_days,
    run_sql,
    stage,
    staging_database,
    staging_folder,
)
from recommender.data.events import LOG_COLUMNS
from recommender.data.eventscan import literal, log_query
from recommender.errors import MappingError, SettingsError
from recommender.settings import Settings
from recommender.workspace import Workspace

BEGIN = "2000-01-01T00:00:00Z"
"""Time of the first step."""

STEP_S = 2
"""Seconds between steps, within a session and from one to the next."""

_STEP_US = STEP_S * 1_000_000
_PREFIX = "list-"
_KEY_BYTES = 12
_KEY_LENGTH = len(_PREFIX) + 2 * _KEY_BYTES
_ROWS_A_BATCH = 1 << 14
_COLUMNS = "ordinal BIGINT, session_key VARCHAR, item_ids VARCHAR[], reason VARCHAR, raw VARCHAR"
_REFUSED_ROWS = (
    "SELECT ordinal + 1, reason, raw FROM session_rows WHERE reason IS NOT NULL ORDER BY ALL"
)
_SCHEMA = pa.schema(
    {
        "ordinal": pa.int64(),
        "session_key": pa.string(),
        "item_ids": pa.list_(pa.string()),
        "reason": pa.string(),
        "raw": pa.string(),
    }
)


def lists_column(maps: Sequence[str]) -> str | None:
    """The column that `--map items=COLUMN` names.

    Raises:
        MappingError: If it names another field.

    Example:
        >>> lists_column(["items=products"])
        'products'
    """
    columns = dict(parse_map(maps).columns)
    column = columns.pop("items", None)
    if maps and (columns or column is None):
        raise MappingError(f"--map {' '.join(maps)}: sessions have items only: --map items=COLUMN")
    return column


def import_sessions(
    workspace: Workspace,
    settings: Settings,
    source: str | Path,
    *,
    column: str | None = None,
    dry_run: bool = False,
    on_bytes: OnBytes | None = None,
) -> ImportCounts:
    """Import one file of sessions; the caller holds the workspace's lock unless it is a dry run.

    A session is known by its items and by all that stood before it in its file: the same file
    again adds nothing, rows added at its end are new, and so is all of another file. New sessions
    get times behind those that the log has from earlier imports of sessions.

    Args:
        workspace: Where the log is.
        settings: `import.max_refused`, `import.consent` and `sessions.gap_s` count here.
        source: Parquet or lines of JSON; see `session_rows`.
        column: Column or key of the lists; by default `items`, or the only column of lists.
        dry_run: Write nothing; the counts are the same.
        on_bytes: Called with the bytes read since the last call.

    Returns:
        Counts of sessions, and in a dry run the first ones.

    Raises:
        SettingsError: If `sessions.gap_s` would cut between the made-up times.
        MappingError: If there is no such column.
        RefusedRowsError: If more rows are refused than `import.max_refused` allows.
        DataError: If the file cannot be read, or the workspace not be written.
    """
    if settings.sessions.gap_s < STEP_S:
        raise SettingsError(
            f"sessions.gap_s is {settings.sessions.gap_s:g}, and sessions without times get a "
            f"step every {STEP_S} s: each step would be a session of its own; set sessions.gap_s "
            f"to {STEP_S} or more"
        )
    run = run_name()
    with staging_folder(None if dry_run else workspace.root, run) as folder:
        with staging_database(folder) as connection:
            run_sql(connection, f"CREATE TABLE session_rows ({_COLUMNS})")
            for table in _tables(session_rows(str(source), column, on_bytes)):
                stage(connection, table, "SELECT * FROM batch", into="session_rows")
            _find_new(connection, workspace.events_dir)
            counts = settle_refused(
                _counts(connection, str(source)),
                pages(connection, _REFUSED_ROWS),
                folder=workspace.rejected_dir,
                run=run,
                allowed=settings.import_.max_refused,
                dry_run=dry_run,
            )
            if dry_run:
                return replace(counts, preview=_preview(connection))
            if counts.imported:
                _write_days(connection, folder / "days", settings.import_.consent)
        publish_days(folder / "days", workspace.events_dir, run)
    return counts


def _tables(rows: Iterable[SessionRow]) -> Iterator[pa.Table]:
    """Rows in batches, with the key of each session that is in order."""
    key, batch = b"", []
    for ordinal, item_ids, reason, raw in rows:
        if reason is None:
            key = _next_key(key, item_ids)
        session_key = _PREFIX + key.hex() if reason is None else None
        batch.append((ordinal, session_key, item_ids, reason, raw[:RAW_CHARACTERS]))
        if len(batch) == _ROWS_A_BATCH:
            yield _table(batch)
            batch = []
    yield _table(batch)


def _next_key(before: bytes, item_ids: list[str]) -> bytes:
    """A hash of a session and of all before it; no two lists are written alike."""
    text = json.dumps(item_ids).encode()
    return hashlib.blake2b(text, digest_size=_KEY_BYTES, key=before).digest()


def _table(batch: Sequence[tuple[object, ...]]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(_SCHEMA.names, row, strict=True)) for row in batch], _SCHEMA
    )


def _find_new(connection: Connection, events_dir: Path) -> None:
    """Make `new_sessions`: sessions that are not in the log yet, with when each begins.

    Their steps are counted, not the clock's: every new session begins one step behind the last
    step of the one before it.
    """
    log = log_query(connection, events_dir)
    run_sql(
        connection,
        f"""
        CREATE TABLE known AS
        SELECT left(event_id, {_KEY_LENGTH}) AS session_key, max(epoch_us(event_time)) AS last_us
        FROM ({log})
        WHERE event_id LIKE '{_PREFIX}%'
        GROUP BY ALL
        """,
    )
    run_sql(
        connection,
        f"""
        CREATE TABLE new_sessions AS
        SELECT
            ordinal,
            session_key,
            item_ids,
            coalesce(
                (SELECT max(last_us) + {_STEP_US} FROM known),
                epoch_us(TIMESTAMPTZ {literal(BEGIN)})
            ) + {_STEP_US} * (sum(len(item_ids)) OVER (ORDER BY ordinal) - len(item_ids))
                AS start_us
        FROM session_rows ANTI JOIN known USING (session_key)
        WHERE reason IS NULL
        """,
    )


def _counts(connection: Connection, source: str) -> ImportCounts:
    by_reason = dict(run_sql(connection, "SELECT reason, count(*) FROM session_rows GROUP BY ALL"))
    n_accepted = by_reason.pop(None, 0)
    n_new = run_sql(connection, "SELECT count(*) FROM new_sessions")[0][0]
    return ImportCounts(
        path=source,
        rows=n_accepted + sum(by_reason.values()),
        imported=n_new,
        duplicates=n_accepted - n_new,
        refused=dict(sorted(by_reason.items())),
    )


def _preview(connection: Connection) -> list[dict[str, object]]:
    rows = run_sql(
        connection, "SELECT ordinal + 1, item_ids FROM new_sessions ORDER BY ordinal LIMIT 3"
    )
    return [{"row": row, "item_ids": item_ids} for row, item_ids in rows]


def _write_days(connection: Connection, folder: Path, consent: str) -> None:
    """Write the new sessions as Parquet of the log, one row a step, `day=<day>/*.parquet`."""
    values = {
        "event_id": "concat(session_key, '-', place)",
        "event_name": "'view_item'",
        "event_time": "event_time",
        "session_id": "session_key" if consent == "granted" else "NULL",
        "item_id": "item_id",
        "consent": literal(consent),
        "ordinal": "ordinal",
        "item_position": "0",
    }
    columns = ", ".join(
        f"{values.get(name, 'NULL')}::{kind} AS {name}" for name, kind in LOG_COLUMNS.items()
    )
    run_sql(
        connection,
        f"""
        COPY (
            SELECT strftime(event_time, '%Y-%m-%d') AS day, {columns}
            FROM (
                SELECT *, make_timestamptz(start_us::BIGINT + place * {_STEP_US}) AS event_time
                FROM (
                    SELECT
                        *,
                        unnest(item_ids) AS item_id,
                        unnest(range(len(item_ids))) AS place
                    FROM new_sessions
                )
            )
        ) TO {literal(str(folder))}
        (FORMAT parquet, PARTITION_BY (day), COMPRESSION zstd)
        """,
    )
