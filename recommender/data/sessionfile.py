"""The sessions of a log for people and other programs: counts, and a Parquet file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from recommender.data.eventscan import read_log
from recommender.data.noise import rule_names
from recommender.data.sessions import ROW_ORDER
from recommender.data.steps import open_engine, session_rows
from recommender.errors import DataError
from recommender.settings import Settings

_WRITTEN = (
    "session_id",
    "visitor_id",
    "item_id",
    "event_name",
    "make_timestamptz(time_us) AS event_time",
)
_COUNTED = ("starts_session", "starts_event", "noise", "n_steps")


class SessionCounts(NamedTuple):
    """What a log holds.

    Attributes:
        events: Events that could make sessions, noise included; one of several items counts once.
        sessions: Sessions without noise of at least `sessions.min_length` steps.
        items: Items in them.
        noise: Events left out, by rule.
    """

    events: int
    sessions: int
    items: int
    noise: dict[str, int]


def summarize_sessions(
    events_dir: Path, settings: Settings, out: Path | None = None
) -> SessionCounts:
    """Cut the event log into sessions, count them and write them if asked to.

    Args:
        events_dir: The event log; it may be empty.
        settings: What makes a session.
        out: A Parquet file to write: one row an event and item, repeats included, with the columns
            session_id (ours), visitor_id, item_id, event_name, event_time; sorted by the start of
            the session. What was there before is replaced once all is written.

    Raises:
        DataError: If the log cannot be read or the file not be written.
    """
    with open_engine() as connection, _unfinished(out) as file:
        rows = session_rows(read_log(connection, events_dir), settings)
        if file is None:
            return _count(rows, settings)
        # Cut once, for the counts and for the file: both speak of the same events.
        names = ("visitor_id", "item_id", "event_name", "time_us", "session_id", *ROW_ORDER)
        rows.select(", ".join([*names, *_COUNTED])).create("session_rows")
        rows = connection.table("session_rows")
        kept = rows.filter(_stays(settings)).order(", ".join(ROW_ORDER))
        kept.select(", ".join(_WRITTEN)).write_parquet(str(file), compression="zstd")
        return _count(rows, settings)


@contextmanager
def _unfinished(out: Path | None) -> Iterator[Path | None]:
    """A file beside `out` that takes its place at the end, unless something goes wrong."""
    if out is None:
        yield None
        return
    file = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        file.touch()
        yield file
        file.replace(out)
    except OSError as err:
        raise DataError(f"{out} cannot be written: {err.strerror}") from err
    finally:
        file.unlink(missing_ok=True)


def _stays(settings: Settings) -> str:
    return f"(noise IS NULL AND n_steps >= {settings.sessions.min_length})"


def _count(rows: duckdb.DuckDBPyRelation, settings: Settings) -> SessionCounts:
    stays, rules = _stays(settings), rule_names(settings.noise)
    columns = [
        "count(*) FILTER (starts_event)",
        f"count(*) FILTER (starts_session AND {stays})",
        f"count(DISTINCT item_id) FILTER ({stays})",
        *(f"count(*) FILTER (starts_event AND noise = '{rule}')" for rule in rules),
    ]
    counts: tuple[Any, ...] = rows.aggregate(", ".join(columns)).fetchall()[0]
    noise = dict(zip(rules, counts[3:], strict=True))
    return SessionCounts(counts[0], counts[1], counts[2], noise)
