"""Sessions by hand-made cases, and two engines against a plain Python reading of the rules."""

from collections import defaultdict
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.data.noise import NEVER
from recommender.data.sessions import INPUT_COLUMNS, cut_sessions
from recommender.settings import NoiseSettings, SessionSettings

SECOND = 1_000_000
GAP_S = 1800
T0 = 1_613_951_000 * SECOND
"""2021-02-21 23:43:20 UTC: what follows soon crosses midnight."""

SCHEMA = pa.schema(
    [
        (name, pa.int64() if name in ("time_us", "ordinal", "item_position") else pa.string())
        for name in INPUT_COLUMNS
    ]
)
DEFAULTS: dict[str, Any] = {
    "event_name": "view_item",
    "visitor_id": "v",
    "session_id": None,
    "item_id": "a",
    "consent": "granted",
    "item_position": 0,
}


def events_of(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with what they leave out filled in; `second` counts from `T0`."""
    filled = []
    for number, row in enumerate(rows):
        event = DEFAULTS | {"event_id": f"e{number}", "ordinal": number} | row
        event["time_us"] = T0 + round(event.pop("second", number) * SECOND)
        filled.append(event)
    return filled


def on_duckdb(events: list[dict[str, Any]], **arguments: Any) -> list[dict[str, Any]]:
    table = pa.Table.from_pylist(events, SCHEMA)
    with duckdb.connect() as connection:
        rows = cut_sessions(nw.from_native(connection.from_arrow(table)), **arguments)
        assert isinstance(rows, nw.LazyFrame)
        return in_order(pa.table(rows.to_native()).to_pylist())


def on_pandas(events: list[dict[str, Any]], **arguments: Any) -> list[dict[str, Any]]:
    frame = nw.from_native(pa.Table.from_pylist(events, SCHEMA).to_pandas(), eager_only=True)
    rows = cut_sessions(frame, **arguments)
    return in_order(pa.Table.from_pandas(rows.to_native(), preserve_index=False).to_pylist())


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(
        rows, key=lambda row: (row["start_us"], row["visitor"], row["shop_session"], row["place"])
    )


@pytest.fixture(params=[on_duckdb, on_pandas], ids=["duckdb", "pandas"])
def cut(request: pytest.FixtureRequest) -> Any:
    def cut_(*rows: dict[str, Any], noise: bool = False, **sessions: Any) -> list[dict[str, Any]]:
        return request.param(
            events_of(*rows),
            settings=SessionSettings(**sessions),
            noise=NoiseSettings(enabled=noise),
        )

    return cut_


def items_by_session(rows: list[dict[str, Any]]) -> list[str]:
    """The items of each session's steps, oldest session first."""
    sessions: dict[str, str] = defaultdict(str)
    for row in rows:
        if row["is_step"]:
            sessions[row["session_id"]] += row["item_id"]
    return list(sessions.values())


@pytest.mark.parametrize(
    ("pause_s", "n_sessions"), [(GAP_S - 1, 1), (GAP_S, 1), (GAP_S + 1e-6, 2), (GAP_S + 1, 2)]
)
def test_a_pause_over_the_gap_starts_a_session(cut: Any, pause_s: float, n_sessions: int) -> None:
    rows = cut({"second": 0}, {"second": pause_s, "item_id": "b"}, gap_s=GAP_S)
    assert len(items_by_session(rows)) == n_sessions


def test_midnight_is_no_border(cut: Any) -> None:
    rows = cut(*[{"second": 600 * number, "item_id": item} for number, item in enumerate("abcdef")])
    assert items_by_session(rows) == ["abcdef"]


def test_the_shops_own_sessions_and_visitors_are_borders(cut: Any) -> None:
    rows = cut(
        {"session_id": "s1"},
        {"session_id": "s2", "item_id": "b"},
        {"session_id": "s1", "item_id": "c"},
        {"visitor_id": "w", "item_id": "d"},
        {"visitor_id": None, "session_id": "s1", "item_id": "e"},
        {"visitor_id": "", "session_id": "s1", "item_id": "f"},
    )
    assert sorted(items_by_session(rows)) == ["ac", "b", "d", "ef"]
    assert {row["visitor"] for row in rows if row["item_id"] in "ef"} == {"s1"}


def test_order_is_time_then_place_in_the_file_then_place_in_the_event(cut: Any) -> None:
    rows = cut(
        {"second": 5, "ordinal": 9, "item_id": "d", "event_id": "x", "item_position": 1},
        {"second": 5, "ordinal": 9, "item_id": "c", "event_id": "x", "item_position": 0},
        {"second": 5, "ordinal": 2, "item_id": "b"},
        {"second": 4, "ordinal": 11, "item_id": "a"},
        {"second": 5, "ordinal": 9, "item_id": "e", "event_id": "y"},
    )
    assert items_by_session(rows) == ["abcde"]
    assert [row["place"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["starts_event"] for row in rows] == [True, True, True, False, True]


def test_repeats_are_one_step_within_a_session_only(cut: Any) -> None:
    events: list[dict[str, Any]] = [
        {"item_id": "a"},
        {"item_id": "a", "event_name": "add_to_cart"},
        {"item_id": "b"},
        {"item_id": "a"},
        {"item_id": "a", "second": 5000},
    ]
    rows = cut(*events)
    assert items_by_session(rows) == ["aba", "a"]
    assert [row["n_steps"] for row in rows] == [3, 3, 3, 3, 1]
    assert items_by_session(cut(*events, collapse_repeats=False)) == ["aaba", "a"]


def test_only_named_consented_events_with_item_and_visitor_make_sessions(cut: Any) -> None:
    rows = cut(
        {"event_name": "view_item_list"},
        {"event_name": "KAUF"},
        {"consent": "denied"},
        {"consent": None},
        {"item_id": None},
        {"item_id": ""},
        {"visitor_id": None},
        {"event_name": "purchase", "item_id": "z"},
    )
    assert items_by_session(rows) == ["z"]
    assert rows[0]["event_name"] == "purchase"


def test_an_event_that_is_not_trained_on_does_not_bridge_a_pause(cut: Any) -> None:
    rows = cut(
        {"second": 0},
        {"second": 1000, "event_name": "search"},
        {"second": 2000, "item_id": "b"},
    )
    assert items_by_session(rows) == ["a", "b"]


def test_session_ids_name_visitor_shop_session_and_start(cut: Any) -> None:
    rows = cut(
        {"visitor_id": "v|1", "session_id": "s"},
        {"visitor_id": "v", "session_id": "1|s"},
        {"visitor_id": "v%7C1", "session_id": "s"},
        {"visitor_id": "🙂", "second": -1_700_000_000.0005},
    )
    assert len({row["session_id"] for row in rows}) == 4
    ids = {row["visitor"]: row["session_id"] for row in rows}
    assert ids["v|1"] == f"v%7C1|s|{T0 // 1000}"
    assert ids["🙂"] == "🙂||-86049000001"


def test_no_events_give_no_sessions(cut: Any) -> None:
    assert cut() == []
    assert cut(noise=True) == []


def burst(n: int, span_s: float, **more: Any) -> list[dict[str, Any]]:
    """`n` events of which the last comes `span_s` after the first."""
    return [
        {"second": span_s * number / (n - 1), "item_id": f"i{number}", **more}
        for number in range(n)
    ]


@pytest.mark.parametrize(
    ("n", "span_s", "is_noise"),
    [(60, 10, False), (61, 59.999999, True), (61, 60, False), (300, 299, False), (62, 60, True)],
)
def test_more_than_60_events_in_60_s_are_an_impossible_rate(
    cut: Any, n: int, span_s: float, is_noise: bool
) -> None:
    rows = cut(*burst(n, span_s), noise=True)
    assert {row["noise"] for row in rows} == {"impossible_rate" if is_noise else None}


def test_the_whole_visit_is_left_out_and_the_visitors_other_visits_stay(cut: Any) -> None:
    rows = cut(
        {"second": -5000, "item_id": "before"},
        {"second": -900, "item_id": "same visit"},
        *burst(61, 30),
        {"second": 1000, "item_id": "same visit"},
        {"second": 5000, "item_id": "after"},
        {"second": 10, "visitor_id": "w", "item_id": "other visitor"},
        noise=True,
    )
    kept = {row["item_id"] for row in rows if row["noise"] is None}
    assert kept == {"before", "after", "other visitor"}


def test_a_robot_that_changes_session_ids_is_left_out_with_all_of_them(cut: Any) -> None:
    robot = burst(61, 30)
    for number, event in enumerate(robot):
        event["session_id"] = f"s{number % 7}"
    rows = cut(*robot, {"second": 20, "session_id": "s0", "visitor_id": "w"}, noise=True)
    assert {row["visitor"] for row in rows if row["noise"] is None} == {"w"}


def test_an_event_of_several_items_counts_once(cut: Any) -> None:
    order = [
        {"second": number, "event_id": f"o{number}", "ordinal": number, "item_position": position,
         "item_id": f"i{position}"}
        for number in range(60)
        for position in range(3)
    ]  # fmt: skip
    assert {row["noise"] for row in cut(*order, noise=True)} == {None}
    rows = cut(*order, {"second": 30, "item_id": "one more"}, noise=True)
    assert {row["noise"] for row in rows} == {"impossible_rate"}


def test_the_event_that_gives_noise_away_is_named(cut: Any) -> None:
    rows = cut({"second": -60, "item_id": "first"}, *burst(100, 49.5), noise=True)
    assert {row["noise_us"] for row in rows} == {T0 + 30 * SECOND}
    assert {row["noise_us"] for row in cut(*burst(60, 30), noise=True)} == {NEVER}


def test_noise_is_not_looked_for_when_it_is_off(cut: Any) -> None:
    assert {row["noise"] for row in cut(*burst(61, 1), noise=False)} == {None}


def by_hand(
    events: list[dict[str, Any]], settings: SessionSettings, noise: NoiseSettings
) -> list[dict[str, Any]]:
    """The rules of `cut_sessions`, read once more and written without any frame."""
    streams: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        visitor = event["visitor_id"] or event["session_id"]
        wanted = event["event_name"] in settings.events and event["consent"] == "granted"
        if visitor and event["item_id"] and wanted:
            streams[visitor, event["session_id"] or ""].append(event)
    rows = []
    for (visitor, shop_session), stream in streams.items():
        stream.sort(key=lambda e: tuple(e[name] for name in
                    ("time_us", "ordinal", "event_id", "item_position")))  # fmt: skip
        before: dict[str, Any] = {}
        start_us = 0
        for place, event in enumerate(stream, 1):
            starts = not before or event["time_us"] - before["time_us"] > settings.gap_s * SECOND
            start_us = event["time_us"] if starts else start_us
            repeats = not starts and event["item_id"] == before["item_id"]
            rows.append(
                {name: event[name]
                 for name in ("event_id", "event_name", "time_us", "visitor_id", "item_id")}
                | {"visitor": visitor, "shop_session": shop_session, "start_us": start_us,
                   "place": place, "starts_session": starts,
                   "starts_event": event["event_id"] != before.get("event_id"),
                   "is_step": not (repeats and settings.collapse_repeats),
                   "session_id": f"{visitor}|{shop_session}|{start_us // 1000}"}
            )  # fmt: skip
            before = event
    proofs = burst_events(rows) if noise.enabled else {}
    for row in rows:
        session = [r for r in rows if r["session_id"] == row["session_id"]]
        row["n_steps"] = sum(r["is_step"] for r in session)
        row["noise_us"] = min(proofs.get((r["visitor"], r["event_id"]), NEVER) for r in session)
        row["noise"] = "impossible_rate" if row["noise_us"] < NEVER else None
    return in_order(rows)


def burst_events(rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Try the 60 s before every event; the first burst to end is what gives an event away."""
    proofs: dict[tuple[str, str], int] = {}
    for last in sorted(rows, key=lambda row: row["time_us"]):
        inside = {
            (row["visitor"], row["event_id"])
            for row in rows
            if row["visitor"] == last["visitor"]
            and 0 <= last["time_us"] - row["time_us"] < 60 * SECOND
        }
        if len(inside) > 60:
            proofs = dict.fromkeys(inside, last["time_us"]) | proofs
    return proofs


@st.composite
def logs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Few visitors, items and times, so that ties, repeats and edges are frequent."""
    pauses = st.sampled_from([0, 0, 1, 60, GAP_S - 1, GAP_S, GAP_S + 1])
    second, events = 0, []
    for number in range(draw(st.integers(0, 25))):
        second += draw(pauses)
        event = {
            "second": second,
            "event_id": f"e{number}",
            "ordinal": draw(st.sampled_from([number, 0, 1])),
            "event_name": draw(st.sampled_from(["view_item", "view_item", "purchase", "search"])),
            "visitor_id": draw(st.sampled_from(["v", "v", "w", "", None])),
            "session_id": draw(st.sampled_from([None, None, "", "s", "v"])),
            "consent": draw(st.sampled_from(["granted", "granted", "granted", "denied", None])),
        }
        for position in range(draw(st.integers(1, 2))):
            item_id = draw(st.sampled_from(["a", "b", "c", "", None]))
            events.append(event | {"item_id": item_id, "item_position": position})
    if draw(st.booleans()):
        span_s = draw(st.sampled_from([0, 59, 60, 61]))
        sessions = draw(st.sampled_from([["s"], [None, "s", "t"]]))
        for number, event in enumerate(burst(draw(st.integers(59, 63)), span_s)):
            names = {"event_id": f"b{number}", "session_id": sessions[number % len(sessions)]}
            events.append(event | names)
    return draw(st.permutations(events_of(*events)))


@settings(max_examples=60, deadline=None)
@given(logs(), st.booleans(), st.booleans())
def test_duckdb_and_pandas_cut_as_by_hand(
    events: list[dict[str, Any]], collapse: bool, noise: bool
) -> None:
    arguments: dict[str, Any] = {
        "settings": SessionSettings(gap_s=GAP_S, collapse_repeats=collapse),
        "noise": NoiseSettings(enabled=noise),
    }
    expected = by_hand([dict(event) for event in events], **arguments)
    assert on_duckdb(events, **arguments) == expected
    assert on_pandas(events, **arguments) == expected
