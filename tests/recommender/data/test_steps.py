"""From log files to arrays."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from recommender.data.events import LOG_COLUMNS
from recommender.data.marks import CART, PURCHASE, WITHIN
from recommender.data.noise import NEVER
from recommender.data.steps import load_session_log
from recommender.errors import DataError
from recommender.settings import Settings

SECOND = 1_000_000


def settings(**sections) -> Settings:
    return Settings.model_validate(sections)


def test_sessions_by_start_and_visitor_with_their_steps_in_order(write_log) -> None:
    events_dir = write_log(
        {"at": 50, "visitor_id": "w", "item_id": "b"},
        {"at": 10, "visitor_id": "z", "item_id": "c"},
        {"at": 70, "visitor_id": "z", "item_id": "a", "event_name": "purchase"},
        {"at": 71, "visitor_id": "z", "item_id": "a"},
        {"at": 50, "visitor_id": "u", "item_id": "ü/1"},
        {"at": 5000, "visitor_id": "z", "item_id": "a"},
        {"at": 5, "visitor_id": "z", "event_name": "search"},
    )
    log = load_session_log(events_dir, settings())
    assert log.item_ids == ["a", "b", "c", "ü/1"]
    assert log.sessions.items.tolist() == [2, 0, 3, 1, 0]
    assert log.sessions.starts.tolist() == [0, 2, 3, 4, 5]
    assert log.times_us.tolist() == [10 * SECOND, 70 * SECOND, 50 * SECOND, 50 * SECOND,
                                     5000 * SECOND]  # fmt: skip
    assert (log.sessions.items.dtype, log.sessions.starts.dtype, log.times_us.dtype) == (
        np.int32,
        np.int64,
        np.int64,
    )
    assert (log.n_events, log.noise) == (6, {"impossible_rate": 0})


def test_marks_tell_carts_and_purchases_of_a_step_and_of_its_repeats(write_log) -> None:
    names = [("a", "view_item"), ("a", "add_to_cart"), ("b", "view_item"), ("a", "add_to_cart"),
             ("a", "purchase"), ("a", "view_item"), ("c", "purchase"),
             ("d", "select_item")]  # fmt: skip
    events_dir = write_log(
        *({"at": n, "item_id": item, "event_name": name} for n, (item, name) in enumerate(names)),
        {"at": 5, "visitor_id": "w", "item_id": "b"},
    )
    log = load_session_log(events_dir, settings())
    assert [log.item_ids[item] for item in log.sessions.items] == ["a", "b", "a", "c", "d", "b"]
    within = CART << WITHIN, PURCHASE << WITHIN
    assert log.marks.tolist() == [within[0], 0, CART | within[1], PURCHASE, 0, 0]
    apart = load_session_log(events_dir, settings(sessions={"collapse_repeats": False}))
    assert apart.marks.tolist() == [0, CART, 0, CART, PURCHASE, 0, PURCHASE, 0, 0]


def test_noise_stands_apart_and_is_counted_in_events(write_log) -> None:
    robot = [
        {"at": number / 2, "visitor_id": "robot", "item_id": f"i{item}", "event_id": f"r{number}",
         "ordinal": number, "item_position": item}
        for number in range(62)
        for item in range(2)
    ]  # fmt: skip
    events_dir = write_log(*robot, {"item_id": "a"}, {"item_id": "b"})
    log = load_session_log(events_dir, settings())
    assert log.sessions.lengths.tolist() == [124, 2]
    assert log.noise_us.tolist() == [30 * SECOND, NEVER]
    assert (log.n_events, log.noise) == (64, {"impossible_rate": 62})
    log = load_session_log(events_dir, settings(noise={"enabled": False}))
    assert log.noise_us.tolist() == [NEVER, NEVER]
    assert (log.n_events, log.noise) == (64, {})


def test_more_rows_than_one_batch_keep_their_order(write_log) -> None:
    n_rows = 150_000
    rows = [{"at": 100 * (n // 3), "visitor_id": f"v{n // 3}", "item_id": f"i{n % 7001}"}
            for n in range(n_rows)]  # fmt: skip
    log = load_session_log(write_log(*reversed(rows)), settings(noise={"enabled": False}))
    assert log.sessions.starts.tolist() == list(range(0, n_rows + 1, 3))
    assert log.times_us.tolist() == [row["at"] * SECOND for row in rows]
    first, last = log.sessions.session(0), log.sessions.session(n_rows // 3 - 1)
    assert {log.item_ids[item] for item in first} == {"i0", "i1", "i2"}
    assert {log.item_ids[item] for item in last} == {row["item_id"] for row in rows[-3:]}


def test_a_log_without_sessions_says_what_to_do(tmp_path: Path, write_log) -> None:
    with pytest.raises(DataError, match="recommender import events FILE"):
        load_session_log(tmp_path / "none", settings())
    robot = [{"at": 0, "item_id": f"i{number}"} for number in range(61)]
    with pytest.raises(DataError, match=r"all 61 events under .* are noise; see noise\.enabled"):
        load_session_log(write_log(*robot), settings())


def test_a_damaged_file_is_named(write_log) -> None:
    events_dir = write_log({"item_id": "a"}, {"item_id": "b"})
    path = next(events_dir.glob("*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=path.name):
        load_session_log(events_dir, settings())


def test_a_page_damaged_inside_a_file_is_named(write_log) -> None:
    rows = [{"item_id": f"item {number}", "event_id": "e", "item_position": number}
            for number in range(5000)]  # fmt: skip
    path = next(write_log(*rows).glob("*/*.parquet"))
    columns = pq.read_metadata(path).row_group(0)
    item_ids = columns.column(list(LOG_COLUMNS).index("item_id"))
    place = (item_ids.dictionary_page_offset or item_ids.data_page_offset) + 30
    content = path.read_bytes()
    path.write_bytes(content[:place] + b"\xff" * 500 + content[place + 500 :])
    with pytest.raises(DataError, match=f"cannot be cut into sessions.*{path.name}"):
        load_session_log(path.parent.parent, settings())


def test_no_bar_is_drawn_where_python_has_no_script() -> None:
    """duckdb takes `python -c` for a person; what it draws would spoil JSON on stdout."""
    script = (
        "from recommender.data.steps import open_engine\n"
        "with open_engine() as engine:\n"
        "    print(engine.sql(\"SELECT current_setting('enable_progress_bar')\").fetchall())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[(False,)]\n"
