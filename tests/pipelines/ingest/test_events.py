"""Import of click logs that are in order."""

import csv
import gzip
import io
import json
from collections import Counter

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.ingest import tables
from pipelines.ingest.events import import_events
from recommender.data.events import LOG_COLUMNS, PERSONAL_FIELDS
from recommender.errors import RefusedRowsError
from recommender.settings import Settings
from recommender.workspace import Workspace

from .conftest import NOW, event

ROWS = [
    {"customer": "c1", "sku": "a/b", "ts": "1763632800", "kind": "KAUF", "eur": "9.5"},
    {"customer": "c1", "sku": "a/b", "ts": "1763632800", "kind": "KAUF", "eur": "9.5"},
    {"customer": "c 2", "sku": "ü ☕", "ts": "1763719200", "kind": "view", "eur": ""},
    {"customer": "3", "sku": 'x",y', "ts": "1763719201", "kind": "odd", "eur": "1"},
]
MAP = (
    "visitor_id=customer,item_id=sku,event_time=ts,event_name=kind,price=eur,"
    "event_name.KAUF=purchase"
)


def as_csv(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_ndjson(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, str]]) -> bytes:
    """With the types that a warehouse would give."""
    table = pa.table(
        {
            "eur": pa.array(
                [float(row["eur"]) if row["eur"] else None for row in rows], pa.float32()
            ),
            "customer": pa.array([row["customer"] for row in rows]).dictionary_encode(),
            "ts": pa.array([int(row["ts"]) for row in rows], pa.timestamp("s", "UTC")),
            "sku": pa.array([row["sku"].encode() for row in rows], pa.binary()),
            "kind": [row["kind"] for row in rows],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_an_event_of_our_own_shape(write, take, log):
    line = event(
        event_id="e-1",
        items=[
            {"item_id": "A", "item_variant": "M", "quantity": 2, "price": 9.99, "index": 4},
            {"item_id": 17, "price": "x"},
        ],
        currency="EUR",
        value="19.98",
        user_id=5,
        page_location="https://shop.example/p?token=secret#part",
        page_referrer="https://shop.example/#?x",
        something_else=[1, 2],
    )
    counts = take(write("a.ndjson", line))

    assert (counts.rows, counts.imported, counts.refused) == (1, 1, {})
    columns = ("item_id", "item_variant", "quantity", "price", "list_index", "item_position")
    assert log(*columns) == [("17", None, None, None, None, 1), ("A", "M", 2.0, 9.99, 4, 0)]
    assert set(log("event_id", "event_name", "user_id", "value", "consent", "ordinal")) == {
        ("e-1", "view_item", "5", 19.98, "granted", 0)
    }
    assert set(log("page_location", "page_referrer")) == {
        ("https://shop.example/p", "https://shop.example/")
    }


def test_the_log_s_files_have_exactly_its_columns(write, take, workspace):
    take(write("a.ndjson", event(0) + event(1, event_time="2026-11-19T23:59:59.999Z")))

    paths = sorted(workspace.events_dir.glob("*/*"))
    assert [path.parent.name for path in paths] == ["2026-11-19", "2026-11-20"]
    for path in paths:
        with duckdb.connect() as connection:
            described = connection.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
        assert {name: kind for name, kind, *_ in described} == LOG_COLUMNS
        assert [name for name, *_ in described] == list(LOG_COLUMNS)
    assert not (workspace.root / ".staging").exists()


@pytest.mark.parametrize("to_bytes", [as_csv, as_ndjson, as_parquet])
def test_every_format_gives_the_same_events(to_bytes, write, take, log):
    name = {as_csv: "a.csv", as_ndjson: "a.ndjson", as_parquet: "a.parquet"}[to_bytes]
    counts = take(write(name, to_bytes(ROWS)), MAP)

    assert (counts.rows, counts.imported) == (4, 4)
    assert counts.unknown_names == {"odd": 1}
    columns = ("ordinal", "event_name", "visitor_id", "item_id", "price", "epoch(event_time)::INT")
    assert log(*columns) == [
        (0, "purchase", "c1", "a/b", 9.5, 1763632800),
        (1, "purchase", "c1", "a/b", 9.5, 1763632800),
        (2, "view_item", "c 2", "ü ☕", None, 1763719200),
        (3, "odd", "3", 'x",y', 1.0, 1763719201),
    ]


@pytest.mark.parametrize("first", [as_csv, as_ndjson, as_parquet])
def test_the_same_events_again_add_nothing_whatever_their_format(first, write, take, log):
    assert take(write("first", first(ROWS)), MAP).imported == 4

    for to_bytes in (as_csv, as_ndjson, as_parquet):
        again = take(write("again", to_bytes(ROWS)), MAP)
        assert (again.imported, again.duplicates) == (0, 4)
    assert len(log("event_id")) == 4


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_csv_of_any_delimiter_with_a_byte_order_mark(delimiter, write, take, log):
    content = b"\xef\xbb\xbf" + as_csv(ROWS, delimiter).replace(b"\r\n", b"\n")

    assert take(write("a.csv", content), MAP).imported == 4
    assert ('x",y',) in log("item_id")


@pytest.mark.parametrize("to_bytes", [as_csv, as_ndjson])
def test_gzip_is_told_by_its_bytes(to_bytes, write, take):
    assert take(write("without_the_ending", gzip.compress(to_bytes(ROWS))), MAP).imported == 4


@pytest.mark.parametrize("to_bytes", [as_csv, as_ndjson])
def test_stdin(to_bytes, take, monkeypatch):
    class Stdin:
        buffer = io.BytesIO(to_bytes(ROWS))

    monkeypatch.setattr("sys.stdin", Stdin)
    assert take("-", MAP).imported == 4


def test_items_as_a_list_of_structs_in_parquet(tmp_path, take, log):
    table = pa.table(
        {
            "event_name": ["purchase", "search"],
            "event_time": ["2026-11-20T10:00:00Z"] * 2,
            "session_id": pa.array([1.0, 2.0]),
            "items": [[{"item_id": 7, "price": 2.5}, {"item_id": 8, "price": None}], None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")

    assert take(tmp_path / "a.parquet").imported == 2
    assert log("session_id", "item_id", "price", "item_position") == [
        ("1", "7", 2.5, 0),
        ("1", "8", None, 1),
        ("2", None, None, 0),
    ]


def test_items_as_json_in_csv(write, take, log):
    head = "event_name,event_time,visitor_id,items\n"
    row = 'view_item,2026-11-20T10:00:00Z,v1,"[{""item_id"": ""A""}, {""item_id"": ""B""}]"\n'

    take(write("a.csv", head + row))
    assert log("item_id", "item_position") == [("A", 0), ("B", 1)]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("addtocart", "add_to_cart"),
        ("Transaction", "purchase"),
        (" PURCHASE ", "purchase"),
        ("detail-page-view", "view_item"),
        ("wishlist_opened", "wishlist_opened"),
    ],
)
def test_names_of_events(theirs, ours, write, take, log):
    take(write("a.ndjson", event(event_name=theirs)))
    assert log("event_name") == [(ours,)]


def test_a_mapped_name_wins_over_a_synonym(write, take, log):
    take(write("a.ndjson", event(event_name="view")), "event_name.view=select_item")
    assert log("event_name") == [("select_item",)]


def test_a_constant_fills_a_field_of_every_row(write, take, log):
    line = event(event_name=None, visitor_id=None, event_time=None, items=None, item_id="A")
    maps = "event_name==view,site==de,session_id==s 1,event_time==2026-11-20T10:00:00Z"

    take(write("a.ndjson", line), maps)
    assert log("event_name", "site", "session_id", "item_id", "epoch(event_time)::INT") == [
        ("view_item", "de", "s 1", "A", 1795168800)
    ]


def test_real_doubles_stay_and_ids_tell_false_ones(write, take, log):
    twice = event(0) * 2 + event(1, event_id="e1") * 2
    counts = take(write("a.ndjson", twice))

    assert (counts.rows, counts.imported, counts.duplicates) == (4, 3, 1)
    longer = take(write("b.ndjson", event(0) * 3))
    assert (longer.imported, longer.duplicates) == (1, 2)
    assert [count for (_, count) in Counter(log("item_id")).items()] == [3, 1]


def test_what_the_service_wrote_is_known(write, take, workspace):
    day = workspace.events_dir / "2026-11-20"
    day.mkdir(parents=True)
    (day / "20261120T100000Z-1.ndjson").write_text(
        event(0, event_id="e0") + event(1, event_id="e1")
    )

    counts = take(write("a.ndjson", event(0, event_id="e0") + event(2, event_id="e2")))
    assert (counts.imported, counts.duplicates) == (1, 1)


def test_without_consent_nothing_personal_is_stored(write, take, log):
    personal = dict.fromkeys(PERSONAL_FIELDS, "someone") | {
        "page_referrer": "https://other.example/"
    }
    text = (
        event(0, consent="denied", **personal)
        + event(1, consent="denied", visitor_id=None)
        + event(2, consent="", **personal)
        + event(3, consent="Granted", **personal)
    )
    take(write("a.ndjson", text))

    stored = log("ordinal", "consent", *PERSONAL_FIELDS)
    assert [row[1] for row in stored] == ["denied", "denied", "granted", "granted"]
    for row in stored[:2]:
        assert row[2:] == (None,) * len(PERSONAL_FIELDS)
    for row in stored[2:]:
        assert None not in row


def test_absent_consent_counts_as_the_setting_says(write, take, log):
    text = event(0) + event(1, consent="granted")
    counts = take(write("a.ndjson", text), settings={"consent": "denied"})

    assert counts.imported == 2
    assert log("visitor_id", "consent") == [(None, "denied"), ("v1", "granted")]


def test_any_age_is_accepted_and_the_near_future(write, take):
    text = event(0, event_time="1970-01-01T00:00:00Z") + event(1, event_time="2026-11-22T12:00:00Z")
    assert take(write("a.ndjson", text)).imported == 2


def test_odd_ids(write, take, log):
    ids = ["gid://shopify/Product/1", "a b", "😀", "'; DROP", "x" * 256, "é" * 128, "%_\\", "NULL"]
    text = "".join(event(number, items=[{"item_id": id}]) for number, id in enumerate(ids))

    assert take(write("a.ndjson", text)).refused == {}
    assert {id for (id,) in log("item_id")} == set(ids)


def test_a_dry_run_counts_and_writes_nothing(write, take, workspace):
    text = event(0) * 20 + event(1, visitor_id=None)
    counts = take(write("a.ndjson", text), dry_run=True)

    assert (counts.imported, counts.refused) == (20, {"missing_visitor": 1})
    assert counts.preview[0] == {
        "row": 1,
        "event_name": "view_item",
        "event_time": "2026-11-20T10:00:00.000Z",
        "visitor_id": "v1",
        "session_id": None,
        "item_ids": ["SKU_0"],
    }
    assert not workspace.root.exists()
    take(write("a.ndjson", text))
    assert take(write("a.ndjson", text), dry_run=True).duplicates == 20


def test_progress_is_told_in_bytes(write, take, tmp_path):
    for path in (write("a.csv", as_csv(ROWS * 100)), write("a.parquet", as_parquet(ROWS * 100))):
        seen: list[int] = []
        take(path, MAP, on_bytes=seen.append)
        assert path.stat().st_size * 0.9 <= sum(seen) <= path.stat().st_size * 2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
rows = st.fixed_dictionaries(
    {
        "visitor_id": st.sampled_from(["v1", "v2"]),
        "item_id": st.sampled_from(["A", "B", "ü"]) | texts.filter(bool),
        "event_time": st.integers(1_700_000_000, 1_700_000_003),
    },
    optional={"price": st.floats(0, 100), "search_term": texts, "event_id": st.sampled_from("xyz")},
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(rows, min_size=1, max_size=12), st.integers(20, 4000), st.randoms())
def test_importing_is_idempotent_and_keeps_every_event(tmp_path_factory, given_rows, block, rng):
    folder = tmp_path_factory.mktemp("law")
    workspace = Workspace(folder / "shop")
    path = folder / "a.ndjson"

    def take(chosen) -> int:
        path.write_text("".join(json.dumps({"event_name": "view", **row}) + "\n" for row in chosen))
        return import_events(workspace, Settings(), path, now=NOW).imported

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_BLOCK_BYTES", block)
        named = {row["event_id"] for row in given_rows if "event_id" in row}
        n_expected = len(named) + sum("event_id" not in row for row in given_rows)
        part = rng.sample(given_rows, rng.randrange(len(given_rows) + 1))
        n_first = take(part) if part else 0
        # A part of the file, then the file, then the file in another order: each event once.
        assert n_first + take(given_rows) == n_expected
        rng.shuffle(given_rows)
        assert take(given_rows) == 0


def test_above_the_share_nothing_is_imported(write, take, workspace):
    text = event(0) * 9 + event(1, visitor_id=None)
    with pytest.raises(RefusedRowsError, match=r"1 of 10 rows refused.*max_refused = 0.05"):
        take(write("a.ndjson", text))
    assert not workspace.events_dir.exists()

    counts = take(write("a.ndjson", text), settings={"max_refused": 0.1})
    assert (counts.imported, counts.refused) == (9, {"missing_visitor": 1})
