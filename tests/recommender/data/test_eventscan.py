"""Reading the event log."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.data import lines
from recommender.data.events import LOG_COLUMNS
from recommender.data.eventscan import read_log
from recommender.errors import DataError


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def wire(event_id: str, *item_ids: str, **fields) -> str:
    event = {
        "event_id": event_id,
        "event_name": "view_item",
        "event_time": "2026-11-21T09:12:33.120Z",
        "visitor_id": "v1",
        "items": [{"item_id": item_id} for item_id in item_ids],
    } | fields
    return json.dumps(event, ensure_ascii=False) + "\n"


def write_service_file(events_dir: Path, name: str, text: str | bytes) -> Path:
    path = events_dir / "2026-11-21" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def write_parquet(connection, events_dir: Path, name: str, rows: list[tuple[str, int, str, int]]):
    """Rows of (event_id, item_position, item_id, ordinal)."""
    path = events_dir / "2026-11-21" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {"event_id": 0, "item_position": 1, "item_id": 2, "ordinal": 3}
    values = ", ".join(
        "("
        + ", ".join(
            f"{row[known[column]]!r}::{kind}"
            if column in known
            else "'2026-11-21 10:00:00+00'::TIMESTAMPTZ"
            if column == "event_time"
            else f"NULL::{kind}"
            for column, kind in LOG_COLUMNS.items()
        )
        + ")"
        for row in rows
    )
    connection.execute(
        f"COPY (SELECT * FROM (VALUES {values}) AS t({', '.join(LOG_COLUMNS)})) TO '{path}'"
    ).fetchall()


def rows_of(relation, *columns: str) -> list[tuple]:
    return sorted(relation.select(*columns).fetchall())


def test_an_empty_log_has_the_columns_and_no_rows(connection, tmp_path):
    relation = read_log(connection, tmp_path / "events")

    assert relation.columns == list(LOG_COLUMNS)
    assert [str(kind) for kind in relation.types] == list(LOG_COLUMNS.values())
    assert relation.fetchall() == []


def test_a_service_event_is_one_row_per_item(connection, tmp_path):
    text = wire("e1", "A", "B") + wire("e2", "SKU/ü ☕", value=9.5, site="default")
    write_service_file(tmp_path, "20261121T000000Z-7.ndjson", text)

    relation = read_log(connection, tmp_path)

    assert [str(kind) for kind in relation.types] == list(LOG_COLUMNS.values())
    columns = ("event_id", "item_id", "item_position", "ordinal", "value", "site")
    assert rows_of(relation, *columns) == [
        ("e1", "A", 0, 0, None, None),
        ("e1", "B", 1, 0, None, None),
        ("e2", "SKU/ü ☕", 0, 1, 9.5, "default"),
    ]
    assert rows_of(relation, "epoch_ms(event_time)")[0] == (1795252353120,)


def test_an_event_without_items_is_one_row(connection, tmp_path):
    text = wire("e1", event_name="search") + wire("e2", event_name="refund", items=None)
    write_service_file(tmp_path, "a.ndjson", text)

    relation = read_log(connection, tmp_path)

    assert rows_of(relation, "event_id", "item_id", "item_position") == [
        ("e1", None, 0),
        ("e2", None, 0),
    ]


def test_a_last_line_without_newline_is_ignored(connection, tmp_path):
    write_service_file(tmp_path, "a.ndjson", wire("e1", "A") + wire("e2", "A").rstrip("\n"))
    write_service_file(tmp_path, "b.ndjson", wire("e3", "A") + '{"event_id": "e4", "ev')
    write_service_file(tmp_path, "c.ndjson", '{"event_id": "e5"')

    assert rows_of(read_log(connection, tmp_path), "event_id") == [("e1",), ("e3",)]


def test_lines_that_are_no_event_are_ignored(connection, tmp_path):
    broken = b'{"event_id": \n\xff\xfe\x00\n\n[1]\n"text"\nnull\n{"event_id":"e9"}\n'
    write_service_file(tmp_path, "a.ndjson", broken + wire("e1", "A").encode())

    assert rows_of(read_log(connection, tmp_path), "event_id", "ordinal") == [("e1", 7)]


def test_of_repeated_keys_the_first_file_wins(connection, tmp_path):
    write_parquet(connection, tmp_path, "a.parquet", [("e1", 0, "first", 5), ("e1", 1, "x", 5)])
    write_parquet(connection, tmp_path, "c.parquet", [("e2", 0, "third", 0)])
    write_service_file(tmp_path, "b.ndjson", wire("e1", "late") + wire("e2", "second"))
    write_service_file(tmp_path, "d.ndjson", wire("e2", "last") + wire("e3", "only"))

    rows = rows_of(read_log(connection, tmp_path), "event_id", "item_position", "item_id")

    assert rows == [("e1", 0, "first"), ("e1", 1, "x"), ("e2", 0, "second"), ("e3", 0, "only")]


def test_two_logs_on_one_connection_stay_apart(connection, tmp_path):
    write_service_file(tmp_path / "one", "a.ndjson", wire("e1", "A") + wire("e1", "B"))
    write_service_file(tmp_path / "two", "a.ndjson", wire("e2", "A"))

    one, two = (read_log(connection, tmp_path / name) for name in ("one", "two"))

    assert rows_of(one, "event_id", "item_id") == [("e1", "A")]
    assert rows_of(two, "event_id") == [("e2",)]
    assert rows_of(one, "event_id") == [("e1",)]


def test_what_is_appended_later_is_not_read(connection, tmp_path):
    path = write_service_file(tmp_path, "a.ndjson", wire("e1", "A"))
    relation = read_log(connection, tmp_path)

    with path.open("a") as file:
        file.write(wire("e1", "again") + wire("e2", "A"))

    assert rows_of(relation, "event_id", "item_id") == [("e1", "A")]


def test_a_damaged_parquet_file_is_named(connection, tmp_path):
    write_parquet(connection, tmp_path, "a.parquet", [("e1", 0, "A", 0)])
    (tmp_path / "2026-11-21" / "b.parquet").write_bytes(b"PAR1 rubbish")

    with pytest.raises(DataError, match=r"b\.parquet"):
        read_log(connection, tmp_path).fetchall()


def test_blocks_cut_anywhere_give_the_same_lines(monkeypatch, connection, tmp_path):
    text = "".join(wire(f"e{number}", "é☕" * (number % 7)) for number in range(50))
    write_service_file(tmp_path, "a.ndjson", text)
    expected = rows_of(read_log(connection, tmp_path), "event_id", "item_id", "ordinal")

    for size in (7, 64, 1000):
        monkeypatch.setattr("recommender.data.eventscan.BLOCK_BYTES", size)
        assert rows_of(read_log(connection, tmp_path), "event_id", "item_id", "ordinal") == expected


def test_overlong_and_undecodable_lines_are_reported(monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 8)
    text = b"\xef\xbb\xbfshort\n123456789\n\xff\n\xc3\xa9\n"

    for size in (3, 4, 100):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        table = pa.Table.from_batches(lines.line_batches(blocks), lines.LINE_SCHEMA)
        assert table["problem"].to_pylist() == [None, "line_too_long", "not_utf8", None]
        assert table["ordinal"].to_pylist() == [0, 1, 2, 3]
        assert [line.strip() for line in table["line"].to_pylist()[::3]] == ["short", "é"]


def test_parquet_of_the_log_keeps_its_types(connection, tmp_path):
    write_parquet(connection, tmp_path, "a.parquet", [("e1", 0, "A", 0)])
    (path,) = tmp_path.glob("*/*.parquet")

    assert pq.read_schema(path).names == list(LOG_COLUMNS)
    relation = read_log(connection, tmp_path)
    assert [str(kind) for kind in relation.types] == list(LOG_COLUMNS.values())


def test_a_file_where_the_log_should_be_is_a_sentence(connection, tmp_path):
    (tmp_path / "events").write_text("")
    with pytest.raises(DataError, match="is a file where the event log's folder should be"):
        read_log(connection, tmp_path / "events")
