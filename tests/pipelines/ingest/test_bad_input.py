"""Files that are not in order: a sentence with the next step, and nothing half-written."""

import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest import delimited, events
from pipelines.ingest.reasons import REASONS
from recommender.data.lines import MAX_LINE_BYTES
from recommender.errors import DataError, MappingError, RefusedRowsError

from .conftest import event

HEADER = "event_name,event_time,visitor_id,item_id\n"
ROW = "view_item,2026-11-20T10:00:00Z,v1,A\n"


def rejected(workspace) -> list[dict]:
    (path,) = workspace.rejected_dir.iterdir()
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def run(code: str, *arguments) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("not_utf8", event().encode().replace(b"SKU", b"\xff")),
        ("line_too_long", event(search_term="x" * MAX_LINE_BYTES).encode()),
        ("not_json", b'{"event_name": "view_item"\n'),
        ("not_object", b'["view_item"]\n'),
        ("missing_event_name", event(event_name="  ").encode()),
        ("missing_event_time", event(event_time=None).encode()),
        ("bad_event_time", event(event_time="yesterday").encode()),
        ("bad_event_time", event(event_time="0000-01-01T00:00:00Z").encode()),
        ("naive_event_time", event(event_time="2026-11-20T10:00:00").encode()),
        ("future_event_time", event(event_time="2026-11-22T12:00:01Z").encode()),
        ("too_many_items", event(items=[{"item_id": "A"}] * 201).encode()),
        ("missing_item_id", event(items=[]).encode()),
        ("missing_item_id", event(items="A").encode()),
        ("missing_item_id", event(items=[{"item_id": "A"}, {"item_id": ""}]).encode()),
        ("missing_item_id", event(items=["A"]).encode()),
        ("id_too_long", event(items=[{"item_id": "é" * 129}]).encode()),
        ("id_too_long", event(visitor_id="v" * 257).encode()),
        ("id_too_long", event(session_id="s" * 300).encode()),
        ("missing_visitor", event(visitor_id="").encode()),
    ],
)
def test_every_reason_of_an_event(reason, line, write, take, workspace):
    good = event(1).encode() * 20
    counts = take(write("a.ndjson", good + line + b"\n  \r\n"))

    assert counts.refused == {reason: 1}
    assert (counts.rows, counts.imported) == (21, 20)
    (row,) = rejected(workspace)
    assert (row["row"], row["reason"], row["source"]) == (21, reason, counts.path)
    assert len(row["text"]) <= 1000
    assert row["text"] == line.decode(errors="replace")[:1000]
    assert reason in REASONS


def test_rows_of_a_table_that_are_refused_show_their_columns(write, take, workspace):
    bad = b"view_item,2026-11-20 10:00,v1,A\nview_item,x\nview_item,2026-11-20T10:00:00Z,\xff,A\n"
    counts = take(write("a.csv", HEADER.encode() + ROW.encode() * 97 + bad))

    assert counts.refused == {"column_count": 1, "naive_event_time": 1, "not_utf8": 1}
    rows = {row["reason"]: row for row in rejected(workspace)}
    assert {reason: row["row"] for reason, row in rows.items()} == {
        "naive_event_time": 98,
        "column_count": 99,
        "not_utf8": 100,
    }
    assert json.loads(rows["naive_event_time"]["text"])["event_time"] == "2026-11-20 10:00"
    assert rows["column_count"]["text"] == "view_item,x"


def test_refused_rows_are_kept_once_however_often_the_file_comes(write, take, workspace):
    path = write("a.ndjson", event(1) * 30 + event(0, visitor_id=None))
    for _ in range(3):
        assert take(path).refused == {"missing_visitor": 1}
    assert len(rejected(workspace)) == 1


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "unnamed"])
@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_no_error(name, content, write, take, workspace):
    counts = take(write(name, content))

    assert (counts.rows, counts.imported) == (0, 0)
    assert "empty" in counts.in_words()
    assert not workspace.events_dir.exists()


def test_a_header_alone_is_no_error(write, take, tmp_path):
    assert take(write("a.csv", HEADER)).rows == 0
    table = pa.table({name: pa.array([], pa.string()) for name in HEADER.strip().split(",")})
    pq.write_table(table, tmp_path / "a.parquet")
    assert take(tmp_path / "a.parquet").rows == 0


def test_a_table_without_header_names_its_columns(write, take):
    with pytest.raises(MappingError, match=r"no column event_name; its columns are view_item, "):
        take(write("a.csv", ROW * 3))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.ndjson"])
def test_a_wrong_column_in_map_names_the_columns(name, write, take, tmp_path):
    columns = {"event_name": ["view"], "event_time": ["1"], "visitor_id": ["v"], "product": ["A"]}
    if name == "a.parquet":
        pq.write_table(pa.table(columns), tmp_path / name)
    elif name == "a.csv":
        write(name, ",".join(columns) + "\n" + ",".join(value[0] for value in columns.values()))
    else:
        write(name, json.dumps({key: value[0] for key, value in columns.items()}))

    with pytest.raises(MappingError, match=r"no column 'produkt'.*columns are event_name, .*produ"):
        take(tmp_path / name, "item_id=produkt")


def test_naive_times_name_the_option(write, take, workspace):
    naive = event(event_time="2026-11-20T10:00:00")
    with pytest.raises(RefusedRowsError, match="add --tz"):
        take(write("a.ndjson", naive * 3))
    assert not workspace.events_dir.exists()
    assert [row["reason"] for row in rejected(workspace)] == ["naive_event_time"] * 3

    assert take(write("a.ndjson", naive * 3), tz="Europe/Madrid").imported == 3


def test_naive_timestamps_of_parquet_name_the_option(take, tmp_path):
    table = pa.table(
        {
            "event_name": ["view"],
            "event_time": pa.array([1_795_000_000], pa.timestamp("s")),
            "visitor_id": ["v"],
            "item_id": ["A"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(RefusedRowsError, match="add --tz"):
        take(tmp_path / "a.parquet")
    assert take(tmp_path / "a.parquet", tz="UTC").imported == 1


RUBBISH = random.Random(7).randbytes(300_000)


def test_binary_rubbish_named_ndjson(write, take, workspace):
    with pytest.raises(RefusedRowsError, match="not_utf8"):
        take(write("a.ndjson", RUBBISH))
    assert not workspace.events_dir.exists()
    assert {"not_utf8", "not_json"} >= {row["reason"] for row in rejected(workspace)}


def test_binary_rubbish_with_another_name(write, take):
    with pytest.raises(DataError, match=r"a\.parquet is no readable Parquet"):
        take(write("a.parquet", RUBBISH))
    with pytest.raises(DataError, match=r"b\.parquet is no readable Parquet"):
        take(write("b.parquet", b"PAR1" + RUBBISH))
    with pytest.raises(MappingError, match="its columns are"):
        take(write("a.csv", RUBBISH))


@pytest.mark.parametrize(
    "items",
    [
        pa.array([3], pa.int32()),
        pa.array([None], pa.null()),
        pa.array([["B"]], pa.list_(pa.string())),
        pa.array([{"item_id": "B"}], pa.struct([("item_id", pa.string())])),
        pa.array(["3"], pa.large_string()),
    ],
    ids=lambda items: str(items.type),
)
def test_items_of_parquet_that_are_no_list_count_as_none(items, take, log, tmp_path):
    table = {
        "visitor_id": ["v1"], "event_name": ["view_item"], "event_time": ["2026-11-20T10:00:00Z"],
        "items": items,
    }  # fmt: skip
    pq.write_table(pa.table(table | {"item_id": ["A"]}), tmp_path / "both.parquet")
    pq.write_table(pa.table(table), tmp_path / "a.parquet")

    assert take(tmp_path / "both.parquet").imported == 1
    assert log("item_id") == [("A",)]
    assert take(tmp_path / "a.parquet", settings={"max_refused": 1}).refused == {
        "missing_item_id": 1
    }


def test_half_a_parquet(write, take, tmp_path):
    table = pa.table({"event_name": ["view"] * 1000, "event_time": [str(n) for n in range(1000)]})
    pq.write_table(table, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()

    says = r"no readable Parquet \(.*[a-z]\); write it again"
    with pytest.raises(DataError, match=says):
        take(write("a.parquet", whole[: len(whole) // 2]))


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.csv.gz"])
def test_half_a_gzip(name, write, take, workspace):
    text = HEADER + "".join(ROW.replace("A", str(n)) for n in range(20_000))
    if "ndjson" in name:
        text = "".join(event(n % 3000, event_id=str(n)) for n in range(20_000))
    whole = gzip.compress(text.encode())

    for content in (whole[: len(whole) // 2], whole[:5], whole[:-4] + b"\0\0\0\0"):
        with pytest.raises(DataError, match=r"damaged gzip.*fetch it again"):
            take(write(name, content))
    assert not workspace.events_dir.exists()


def test_a_quotation_mark_that_is_never_closed(monkeypatch, write, take):
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 1 << 12)
    with pytest.raises(DataError, match=r"a\.csv cannot be read as CSV.*quotation mark"):
        take(write("a.csv", HEADER + ROW + 'view_item,"2026\n' + ROW * 1000))


def test_what_is_no_file(take, tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*missing\.csv"):
        take(tmp_path / "missing.csv")
    with pytest.raises(DataError, match="is a folder"):
        take(tmp_path)


def test_utf_16_says_so(write, take):
    with pytest.raises(DataError, match="UTF-16; save it as UTF-8"):
        take(write("a.csv", (HEADER + ROW).encode("utf-16")))


def test_parquet_from_stdin_says_so(take, monkeypatch):
    class Stdin:
        buffer = io.BytesIO(b"PAR1 and more")

    monkeypatch.setattr("sys.stdin", Stdin)
    with pytest.raises(DataError, match="cannot be read from stdin"):
        take("-")


def test_a_workspace_that_cannot_be_written(write, take, workspace):
    # Folders that are files: root may write where permissions forbid it, but not there.
    workspace.root.mkdir()
    workspace.events_dir.write_text("a file")
    with pytest.raises(DataError, match="events cannot be written"):
        take(write("a.ndjson", event()))

    workspace.rejected_dir.write_text("a file")
    with pytest.raises(DataError, match="rejected cannot be written"):
        take(write("a.ndjson", event(visitor_id=None)))
    assert {path.name for path in workspace.root.iterdir()} == {"events", "rejected"}


@pytest.mark.parametrize("limit", [4_000, 40_000])
def test_a_full_disk_is_a_sentence(limit, write, take, workspace):
    """A real process that may not write as much as it needs."""
    rng = random.Random(3)
    lines = (event(n % 3000, visitor_id=rng.randbytes(9).hex()) for n in range(20_000))
    path = write("a.ndjson", "".join(lines))
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from pipelines.ingest.events import import_events\n"
        "from recommender.errors import DataError\n"
        "from recommender.settings import Settings\n"
        "from recommender.workspace import Workspace\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "try:\n"
        "    import_events(Workspace(Path(sys.argv[1])), Settings(), sys.argv[2])\n"
        "except DataError as err:\n"
        "    print(err)\n"
    )
    done = run(code, workspace.root, path, limit)

    assert "has room" in done.stdout, done.stderr
    assert not workspace.events_dir.exists()
    assert not (workspace.root / ".staging").exists()
    assert take(path).imported == 20_000


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_an_import_cut_off_at_any_rename_is_completed_by_the_next(
    place, write, take, log, workspace, monkeypatch
):
    text = "".join(event(0, event_time=f"2026-11-{day:02}T10:00:00Z") * 3 for day in range(1, 8))
    path = write("a.ndjson", text)
    at = {"before": 0, "between": 3, "after": 7}[place]
    replace, done = os.replace, []

    def cut_off(*names) -> None:
        if len(done) == at:
            raise KeyboardInterrupt
        replace(*names)
        done.append(names)
        if len(done) == at == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        take(path)
    monkeypatch.undo()
    assert len(log("event_id")) == 3 * at

    assert take(path).imported == 21 - 3 * at
    assert len(log("event_id")) == 21
    assert take(path).imported == 0


def test_a_run_that_was_killed_leaves_nothing_behind(write, take, log, workspace):
    """A real process, killed while it reads: the log is as before, and the next run is whole."""
    path = write("a.ndjson", "".join(event(n % 3000, event_id=str(n)) for n in range(3000)))
    code = (
        "import sys, time; from pathlib import Path\n"
        "from pipelines.ingest import events, staging\n"
        "from recommender.settings import Settings\n"
        "from recommender.workspace import Workspace\n"
        "def write_days(connection, folder):\n"
        "    staging.write_days(connection, folder); print('ready', flush=True); time.sleep(60)\n"
        "events.write_days = write_days\n"
        "events.import_events(Workspace(Path(sys.argv[1])), Settings(), sys.argv[2])\n"
    )
    command = [sys.executable, "-c", code, str(workspace.root), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert list(workspace.root.glob(".staging/*/days/*/*.parquet"))
    assert log("event_id") == []

    assert take(path).imported == 3000
    assert not (workspace.root / ".staging").exists()


def test_an_interrupted_query_is_an_interrupt(tmp_path):
    code = (
        "import os, signal, sys, threading; from pathlib import Path\n"
        "from pipelines.ingest.staging import run_sql, staging_database\n"
        "query = 'SELECT count(*) FROM range(3000000) WHERE hash(range) = 1'\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with staging_database(Path(sys.argv[1])) as connection:\n"
        "    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    try:\n"
        "        while True:\n"
        "            run_sql(connection, query)\n"
        "    except KeyboardInterrupt:\n"
        "        print('interrupted')\n"
    )
    done = run(code, tmp_path)

    assert done.stdout == "interrupted\n", done.stderr


def test_a_damaged_file_of_the_log_is_named(write, take, workspace):
    take(write("a.ndjson", event()))
    (path,) = workspace.events_dir.glob("*/*.parquet")
    path.write_bytes(b"PAR1 rubbish")

    with pytest.raises(DataError, match=path.name):
        take(write("a.ndjson", event(1)))


def test_reasons_in_words():
    assert (
        events.ImportCounts("a", 3, 0, 0, {"not_json": 2, "not_utf8": 1})
        .in_words()
        .endswith(
            "3 refused: 2 not_json (the line is no JSON); 1 not_utf8 ("
            "the text is not UTF-8: save the file as UTF-8, in a spreadsheet as CSV UTF-8)"
        )
    )
