"""Counts of sessions, and the file with one row an event."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.data.sessionfile import SessionCounts, summarize_sessions
from recommender.errors import DataError
from recommender.settings import Settings

VISITS = (
    {"at": 100, "visitor_id": "w", "item_id": "b"},
    {"at": 10, "visitor_id": "v", "item_id": "c"},
    {"at": 60, "visitor_id": "v", "item_id": "a"},
    {"at": 61, "visitor_id": "v", "item_id": "a", "event_name": "purchase"},
    {"at": 20, "visitor_id": None, "session_id": "s", "item_id": "a"},
    {"at": 21, "visitor_id": None, "session_id": "s", "item_id": "d", "event_id": "o",
     "ordinal": 9, "item_position": 1},
    {"at": 21, "visitor_id": None, "session_id": "s", "item_id": "b", "event_id": "o",
     "ordinal": 9, "item_position": 0},
)  # fmt: skip


def test_one_row_an_event_and_item_with_repeats(write_log, tmp_path: Path) -> None:
    out = tmp_path / "sessions.parquet"
    counts = summarize_sessions(write_log(*VISITS), Settings(), out)
    assert counts == SessionCounts(6, 2, 4, {"impossible_rate": 0})
    table = pq.read_table(out)
    assert table.column_names == ["session_id", "visitor_id", "item_id", "event_name", "event_time"]
    assert table.schema.field("event_time").type == pa.timestamp("us", "UTC")
    rows = [(*list(row.values())[:4], row["event_time"].timestamp()) for row in table.to_pylist()]
    assert rows == [
        ("v||10000", "v", "c", "view_item", 10),
        ("v||10000", "v", "a", "view_item", 60),
        ("v||10000", "v", "a", "purchase", 61),
        ("s|s|20000", None, "a", "view_item", 20),
        ("s|s|20000", None, "b", "view_item", 21),
        ("s|s|20000", None, "d", "view_item", 21),
    ]


def test_counts_are_the_same_without_a_file(write_log, tmp_path: Path) -> None:
    robot = [{"at": 0, "visitor_id": "robot", "item_id": "r"} for _ in range(61)]
    events_dir = write_log(*VISITS, *robot)
    settings = Settings.model_validate({"sessions": {"min_length": 1}})
    counts = summarize_sessions(events_dir, settings)
    assert counts == SessionCounts(67, 3, 4, {"impossible_rate": 61})
    assert summarize_sessions(events_dir, settings, tmp_path / "out.parquet") == counts


def test_an_empty_log_gives_an_empty_file(tmp_path: Path) -> None:
    out = tmp_path / "sessions.parquet"
    counts = summarize_sessions(tmp_path / "events", Settings(), out)
    assert counts == SessionCounts(0, 0, 0, {"impossible_rate": 0})
    assert pq.read_table(out).num_rows == 0


def test_what_was_there_stays_when_writing_fails(write_log, tmp_path: Path) -> None:
    events_dir = write_log(*VISITS)
    out = tmp_path / "out" / "sessions.parquet"
    with pytest.raises(DataError, match=r"sessions\.parquet cannot be written: No such file"):
        summarize_sessions(events_dir, Settings(), out)
    out.parent.mkdir()
    out.write_text("yesterday's")
    log_file = next(events_dir.glob("*/*.parquet"))
    log_file.write_bytes(log_file.read_bytes()[:50])
    with pytest.raises(DataError):
        summarize_sessions(events_dir, Settings(), out)
    assert [path.read_text() for path in out.parent.iterdir()] == ["yesterday's"]
