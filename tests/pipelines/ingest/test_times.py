"""Times of events."""

from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.times import check_zone, time_from_text, time_from_type
from recommender.errors import MappingError

EARLIEST = datetime(1980, 1, 1)  # noqa: DTZ001 (hypothesis wants naive bounds)
LATEST = datetime(2100, 1, 1)  # noqa: DTZ001


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        yield connection


@pytest.fixture(scope="module")
def read(connection):
    """Times and problems of some texts; a time as UTC without zone."""

    def read(texts: list[str | None], tz: str | None = None) -> list[tuple]:
        batch = pa.table({"t": pa.array(texts, pa.string())})
        return query(connection, batch, *time_from_text("t", tz))

    return read


def query(connection, batch: pa.Table, time: str, problem: str) -> list[tuple]:
    connection.register("batch", batch)
    rows = connection.execute(f"SELECT ({time})::TIMESTAMP, {problem} FROM batch").fetchall()
    return [(value, None if value is not None else trouble) for value, trouble in rows]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T09:12:33.12Z",
        "2026-11-21t09:12:33,120z",
        " 2026-11-21 10:12:33.120+01:00 ",
        "2026-11-21T10:12:33.120+0100",
        "2026-11-21T10:12:33.120+01",
        "2026-11-21 09:12:33.120 UTC",
        "1795252353.12",
        "1795252353120",
        "1795252353120000",
        "1.79525235312e9",
        "1.79525235312E+15",
    ],
)
def test_ways_to_write_one_time(read, text):
    assert read([text]) == [(datetime(2026, 11, 21, 9, 12, 33, 120000), None)]  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "infinity",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-11-21T25:00:00Z",
        "2026-11-21T09:12:33+25:00",
        "2026-11-21T09:12:33Europe/Madrid",
        "21/11/2026 09:12",
        "-5",
        "1e400",
        "1795252353120000000",
        "2026-02-30",
    ],
)
def test_what_is_no_time(read, text):
    assert read([text], tz="Europe/Madrid") == [(None, "bad_event_time")]


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_time(read, text):
    assert read([text]) == [(None, "missing_event_time")]


@pytest.mark.parametrize("text", ["2026-11-21T09:12:33", "2026-11-21 09:12", "2026-11-21"])
def test_a_naive_time_needs_a_zone(read, text):
    assert read([text]) == [(None, "naive_event_time")]
    assert read([text], tz="UTC")[0][1] is None


def test_a_zone_shifts_naive_times_only(read):
    texts = ["2026-07-01 12:00:00", "2026-12-01 12:00:00", "2026-07-01T12:00:00Z"]

    hours = [time.hour for time, _ in read(texts, tz="Europe/Madrid")]
    assert hours == [10, 11, 12]


zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
times = st.datetimes(EARLIEST, LATEST, timezones=zones)


@settings(max_examples=50, deadline=None)
@given(st.lists(times, min_size=1), st.sampled_from(["T", " "]))
def test_rfc_3339_is_read_to_the_microsecond(read, given_times, separator):
    read_times = [time for time, _ in read([time.isoformat(separator) for time in given_times])]

    assert read_times == [time.astimezone(UTC).replace(tzinfo=None) for time in given_times]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.datetimes(EARLIEST, LATEST), min_size=1))
def test_epochs_are_told_apart_by_size(read, given_times):
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    micros = [(time - epoch) // timedelta(microseconds=1) for time in given_times]
    whole = [time.replace(microsecond=0) for time in given_times]
    to_millis = [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in given_times]

    def times_of(numbers: list) -> list:
        return [time for time, _ in read([str(number) for number in numbers])]

    assert times_of(micros) == given_times
    assert times_of([number // 1000 for number in micros]) == to_millis
    assert times_of([number // 1_000_000 for number in micros]) == whole
    assert times_of([f"{number // 1_000_000}.{number % 1_000_000:06}" for number in micros]) == (
        given_times
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), min_size=1))
def test_any_text_is_a_time_or_a_problem(read, texts):
    for time, problem in read(texts, tz="America/New_York"):
        assert (time is None) == (problem is not None)


@pytest.mark.parametrize(
    ("kind", "tz", "expected"),
    [
        (pa.timestamp("us", "UTC"), None, 12),
        (pa.timestamp("ns", "Europe/Madrid"), None, 12),
        (pa.timestamp("ms"), "Europe/Madrid", 11),
        (pa.timestamp("s"), None, "naive_event_time"),
        (pa.date32(), None, "naive_event_time"),
        (pa.date32(), "UTC", 0),
    ],
)
def test_typed_columns(connection, kind, tz, expected):
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC if getattr(kind, "tz", None) else None)
    batch = pa.table({"t": pa.array([noon, None], kind)})

    (time, problem), missing = query(connection, batch, *time_from_type("t", kind, tz))
    assert (problem or time.hour) == expected
    assert missing == (None, "missing_event_time")


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.float64(), pa.int32(), pa.decimal128(30, 3), pa.string()]
)
def test_numbers_of_any_type_are_epochs(connection, kind):
    batch = pa.table({"t": pa.array([1795252353]).cast(kind)})

    assert query(connection, batch, *time_from_type("t", kind, None)) == [
        (datetime(2026, 11, 21, 9, 12, 33), None)  # noqa: DTZ001
    ]


@pytest.mark.parametrize("tz", ["Mars/Olympus", "", "../etc/passwd", "+02:00"])
def test_an_unknown_zone_is_a_usage_error(tz):
    with pytest.raises(MappingError, match="Europe/Madrid"):
        check_zone(tz)
    check_zone("America/New_York")
