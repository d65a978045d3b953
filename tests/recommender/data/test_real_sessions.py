"""Public data sets: known numbers of sessions and queries, and another tool's borders."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from recommender.data.days import draw_borders
from recommender.data.events import LOG_COLUMNS
from recommender.data.split import split_at, split_for_choosing, trimmed
from recommender.data.steps import session_log, session_rows
from recommender.settings import Settings

pytestmark = pytest.mark.realdata

NAMES = (
    "CASE event WHEN 'view' THEN 'view_item' WHEN 'cart' THEN 'add_to_cart' "
    "WHEN 'addtocart' THEN 'add_to_cart' ELSE 'purchase' END"
)
FEB_22_2021_US = 1_613_952_000_000_000
MAY_20_2014_US = 1_400_544_000_000_000


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def as_log(connection: Any, path: Path, **columns: str) -> duckdb.DuckDBPyRelation:
    """A Parquet file with the columns of the log, each an expression over its own."""
    selected = {name: f"NULL::{kind}" for name, kind in LOG_COLUMNS.items()} | {
        "event_id": "file_row_number::VARCHAR",
        "consent": "'granted'",
        "ordinal": "file_row_number",
        "item_position": "0",
    }
    select = ", ".join(f"{sql} AS {name}" for name, sql in (selected | columns).items())
    return connection.sql(f"SELECT {select} FROM read_parquet('{path}', file_row_number = true)")


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"noise": {"enabled": False}} | sections)


@pytest.fixture
def rees46(realdata: Path, connection: Any) -> Any:
    return as_log(
        connection,
        realdata / "clicks" / "rees46_electronics_2021-01_02_events.parquet",
        event_name=NAMES,
        event_time="make_timestamptz(ts * 1000000)",
        session_id="session_id::VARCHAR",
        item_id="product_id::VARCHAR",
    )


def test_rees46_has_the_known_sessions_and_queries(rees46: Any) -> None:
    log = session_log(rees46, settings())
    assert (log.n_events, log.sessions.n_sessions, len(log.item_ids)) == (103_193, 34_257, 18_700)
    assert trimmed(log.sessions, settings().sessions).n_sessions == 28_255
    split = split_at(log, settings(), FEB_22_2021_US)
    assert split.n_queries == pytest.approx(4_670, abs=10)
    assert split.n_crossing == 1
    borders = draw_borders(log.times_us, settings(), FEB_22_2021_US)
    day_us = 86_400_000_000
    assert borders[:2] == (FEB_22_2021_US - day_us, FEB_22_2021_US)
    choosing = split_for_choosing(log, settings(), borders)
    assert 400 < choosing.n_queries < 1_500


def test_rees46_has_no_impossible_rate(rees46: Any) -> None:
    log = session_log(rees46, settings(noise={"enabled": True}))
    assert log.noise == {"impossible_rate": 0}


def test_rsc64_is_split_as_published(realdata: Path, connection: Any) -> None:
    events = as_log(
        connection,
        realdata / "benchmarks" / "rsc64.events.parquet",
        event_name="event_name",
        event_time="make_timestamptz(event_time * 1000000)",
        session_id="session_id",
        item_id="item_id",
    )
    published = settings(sessions={"collapse_repeats": False}, vocabulary={"min_count": 1})
    split = split_at(session_log(events, published), published, MAY_20_2014_US)
    assert (split.train.n_sessions, split.held_out.n_sessions) == (24_761, 1_703)
    assert (split.n_queries, split.n_dropped_unknown, split.n_crossing) == (5_596, 0, 0)


@pytest.fixture
def retailrocket(realdata: Path, connection: Any) -> Any:
    """Our sessions beside theirs, null where they left the event out.

    Their -1 stands for "in no session".
    """
    path = realdata / "clicks" / "retailrocket_2015-09_events.parquet"
    events = as_log(
        connection,
        path,
        event_name=NAMES,
        event_time="make_timestamptz(ts * 1000000)",
        visitor_id="visitor_id::VARCHAR",
        item_id="item_id::VARCHAR",
    )
    rows = session_rows(events, settings(sessions={"min_length": 1}))
    rows.create_view("ours")
    connection.sql(
        f"""SELECT visitor, place, session_id AS ours, time_us // 1000000 AS second,
                nullif(session_test, -1) AS session_test, nullif(session_valid, -1) AS session_valid
            FROM ours JOIN read_parquet('{path}', file_row_number = true) AS theirs
            ON event_id = file_row_number::VARCHAR"""
    ).create("both_tools")
    return connection


def test_retailrocket_has_the_known_sessions(retailrocket: Any) -> None:
    counted = retailrocket.sql("SELECT count(*), count(DISTINCT ours) FROM both_tools").fetchall()
    assert counted == [(46_547, 14_720)]


@pytest.mark.parametrize(("theirs", "n_pauses"), [("session_test", 26), ("session_valid", 21)])
def test_retailrocket_differs_only_where_events_were_taken_out_after_cutting(
    retailrocket: Any, theirs: str, n_pauses: int
) -> None:
    """Between events that follow each other, both tools draw the same border or the same none,
    but for the pauses over 30 min inside their sessions.

    There they had cut first and taken rare items out then, so that the events that bridged the
    pause are no longer in the file: no event of the visitor lies in it, and it is longer than one
    pause may be and shorter than three.
    """
    pairs = retailrocket.sql(
        f"""SELECT ours = lag(ours) OVER followed, {theirs} = lag({theirs}) OVER followed,
                second - lag(second) OVER followed, place - lag(place) OVER followed
            FROM both_tools WHERE {theirs} IS NOT NULL
            WINDOW followed AS (PARTITION BY visitor ORDER BY place)"""
    ).fetchall()
    pairs = [pair for pair in pairs if pair[0] is not None]
    assert not [pair for pair in pairs if pair[0] and not pair[1]], "a border of theirs is missing"
    differing = [pair for pair in pairs if pair[1] and not pair[0]]
    assert len(differing) == n_pauses
    for _, _, pause_s, n_rows in differing:
        assert 1_800 < pause_s < 3 * 1_800
        assert n_rows == 1
    assert all(pause_s <= 1_800 for ours, _, pause_s, _ in pairs if ours)
