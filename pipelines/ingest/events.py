"""Import of a click log: read, refuse, tell new events from known ones, write, publish by rename.

A file goes through a staging database of its own, so that memory holds one batch of it however
large it is, and the event log sees whole Parquet files only.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.mapping import FieldMap
from pipelines.ingest.normalize import normalized_events
from pipelines.ingest.refused import run_name, settle_refused
from pipelines.ingest.sources import OnBytes
from pipelines.ingest.staging import (
    Connection,
    find_new,
    pages,
    publish_days,
    run_sql,
    stage,
    staging_database,
    staging_folder,
    write_days,
)
from pipelines.ingest.tables import event_tables
from pipelines.ingest.times import check_zone
from recommender.data.events import EVENT_NAMES, MAX_FUTURE_S
from recommender.data.eventscan import literal
from recommender.settings import Settings
from recommender.workspace import Workspace


def import_events(
    workspace: Workspace,
    settings: Settings,
    source: str | Path,
    *,
    field_map: FieldMap | None = None,
    tz: str | None = None,
    file_format: str | None = None,
    dry_run: bool = False,
    on_bytes: OnBytes | None = None,
    now: datetime | None = None,
) -> ImportCounts:
    """Import one file of events; the caller holds the workspace's lock unless it is a dry run.

    What is in the log already is left out: by `event_id`, or without one by a hash of the event
    and of how often it came before in the file. An import that is cut off leaves whole days
    behind, and the next one brings the rest.

    Args:
        workspace: Where the log is.
        settings: `import.max_refused` and `import.consent` count here.
        source: NDJSON, CSV or Parquet, the first two also gzipped; `-` is stdin.
        field_map: What `--map` says.
        tz: Time zone of times that name none.
        file_format: `ndjson`, `csv` or `parquet`; by default told by the file.
        dry_run: Write nothing; the counts are the same.
        on_bytes: Called with the bytes read since the last call.
        now: The present moment, in UTC.

    Raises:
        MappingError: If a column is missing or the time zone is unknown.
        RefusedRowsError: If more rows are refused than `import.max_refused` allows.
        DataError: If the file cannot be read, or the workspace not be written.
    """
    check_zone(tz)
    field_map = field_map or FieldMap()
    latest = (now or datetime.now(UTC)) + timedelta(seconds=MAX_FUTURE_S)
    run = run_name()
    with staging_folder(None if dry_run else workspace.root, run) as folder:
        with staging_database(folder) as connection:
            for table, wire in event_tables(
                str(source), field_map, tz=tz, file_format=file_format, on_bytes=on_bytes
            ):
                stage(
                    connection,
                    table,
                    normalized_events(wire, field_map, settings.import_.consent, latest),
                )
            find_new(connection, workspace.events_dir)
            counts = settle_refused(
                _counts(connection, str(source), settings),
                pages(connection, _REFUSED_ROWS),
                folder=workspace.rejected_dir,
                run=run,
                allowed=settings.import_.max_refused,
                dry_run=dry_run,
            )
            if dry_run:
                return replace(counts, preview=_preview(connection))
            write_days(connection, folder / "days")
        publish_days(folder / "days", workspace.events_dir, run)
    return counts


_REFUSED_ROWS = "SELECT ordinal + 1, reason, raw FROM staged WHERE reason IS NOT NULL ORDER BY ALL"

_PREVIEW = """
    SELECT
        ordinal + 1 AS row,
        event_name,
        strftime(event_time, '%Y-%m-%dT%H:%M:%S.%gZ') AS event_time,
        visitor_id,
        session_id,
        list_transform(items, lambda item: item.item_id) AS item_ids
    FROM staged
    WHERE reason IS NULL
    ORDER BY ordinal
    LIMIT 3
"""


def _counts(connection: Connection, source: str, settings: Settings) -> ImportCounts:
    trained_on = ", ".join(literal(name) for name in {*EVENT_NAMES, *settings.sessions.events})
    by_reason = dict(run_sql(connection, "SELECT reason, count(*) FROM staged GROUP BY ALL"))
    n_accepted = by_reason.pop(None, 0)
    unknown = run_sql(
        connection,
        f"""
        SELECT event_name, count(*) FROM staged
        WHERE reason IS NULL AND event_name NOT IN ({trained_on})
        GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 10
        """,
    )
    n_new = run_sql(connection, "SELECT count(*) FROM new_events")[0][0]
    return ImportCounts(
        path=source,
        rows=n_accepted + sum(by_reason.values()),
        imported=n_new,
        duplicates=n_accepted - n_new,
        refused=dict(sorted(by_reason.items())),
        unknown_names=dict(unknown),
    )


def _preview(connection: Connection) -> list[dict[str, Any]]:
    names = ("row", "event_name", "event_time", "visitor_id", "session_id", "item_ids")
    return [dict(zip(names, row, strict=True)) for row in run_sql(connection, _PREVIEW)]
