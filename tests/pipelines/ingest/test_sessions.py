"""Import of sessions without times: made-up times, identity, refused rows, borders by shares."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.sessions import import_sessions, lists_column
from pipelines.night import judged_days
from recommender.data.days import rfc3339
from recommender.data.split import borders_of, split_at, split_for_choosing, split_for_judging
from recommender.data.steps import load_session_log
from recommender.errors import DataError, MappingError, RefusedRowsError, SettingsError
from recommender.settings import Settings

TENTHS = {"test_share": 0.1, "validation_share": 0.2}
AS_THEY_ARE = Settings.model_validate(
    {
        "sessions": {"collapse_repeats": False},
        "vocabulary": {"min_count": 1},
        "evaluation": TENTHS,
    }
)


@pytest.fixture
def take_sessions(workspace):
    def take(path: Path, settings: Settings = AS_THEY_ARE, **more) -> ImportCounts:
        return import_sessions(workspace, settings, path, **more)

    return take


@pytest.fixture
def spelled(workspace):
    """The sessions of the log in order, as lists of ids."""

    def spelled(settings: Settings = AS_THEY_ARE) -> list[list[str]]:
        log = load_session_log(workspace.events_dir, settings)
        return [
            [log.item_ids[item] for item in log.sessions.session(n)]
            for n in range(log.sessions.n_sessions)
        ]

    return spelled


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_pause_rule_that_would_cut_between_made_up_times_is_refused(
    take_sessions, write, spelled
):
    path = write("a.jsonl", lines(["A", "B"], ["C", "D"]))
    below, at = (
        AS_THEY_ARE.model_copy(
            update={"sessions": AS_THEY_ARE.sessions.model_copy(update={"gap_s": gap_s})}
        )
        for gap_s in (1.999, 2)
    )
    with pytest.raises(SettingsError, match=r"gap_s is 1\.999.* set sessions\.gap_s to 2 or more"):
        take_sessions(path, below)
    take_sessions(path, at)
    assert spelled(at) == [["A", "B"], ["C", "D"]]


def test_lists_become_sessions_in_their_order(take_sessions, write, spelled, log):
    path = write("a.jsonl", lines(["A", "B", "B"], {"items": [3, 1.0, "ü/1"]}, ["A"]))
    counts = take_sessions(path)

    assert (counts.rows, counts.imported, counts.duplicates, counts.refused) == (3, 3, 0, {})
    assert spelled() == [["A", "B", "B"], ["3", "1", "ü/1"], ["A"]]
    times = log("strftime(event_time, '%H:%M:%S')", "item_id")
    assert times == [("00:00:00", "A"), ("00:00:02", "B"), ("00:00:04", "B"), ("00:00:06", "3"),
                     ("00:00:08", "1"), ("00:00:10", "ü/1"), ("00:00:12", "A")]  # fmt: skip
    assert set(log("event_name", "visitor_id", "consent", "item_position")) == {
        ("view_item", None, "granted", 0)
    }


def test_no_pause_and_no_noise_rule_touches_them(take_sessions, write, spelled):
    long = [f"i{n}" for n in range(500)]
    take_sessions(write("a.jsonl", lines(long, ["A", "B"])))
    assert spelled() == [long, ["A", "B"]]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.list_(pa.int32()), "items"),
        (pa.large_list(pa.string()), "basket"),
        (pa.list_(pa.float64()), "items"),
    ],
)
def test_parquet_with_a_column_of_lists(kind, name, take_sessions, tmp_path, spelled):
    values = [["1", "2"], ["3"]] if kind.value_type == pa.string() else [[1, 2], [3]]
    table = pa.table({name: pa.array(values, kind), "user": pa.array([7, 8])})
    pq.write_table(table, tmp_path / "a.parquet")
    assert take_sessions(tmp_path / "a.parquet").imported == 2
    assert spelled() == [["1", "2"], ["3"]]


def test_of_several_columns_of_lists_one_must_be_named(take_sessions, tmp_path, spelled):
    lists = pa.array([[1, 2], [3]])
    pq.write_table(pa.table({"seen": lists, "at": lists, "user": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(MappingError, match="of lists seen, at; say which one it is"):
        take_sessions(tmp_path / "a.parquet")
    with pytest.raises(MappingError, match="no column 'user' of lists"):
        take_sessions(tmp_path / "a.parquet", column="user")
    assert take_sessions(tmp_path / "a.parquet", column="seen").imported == 2
    assert lists_column(["items=seen"]) == "seen"
    assert lists_column([]) is None
    for wrong in (["item_id=seen"], ["items==seen"]):
        with pytest.raises(MappingError, match="sessions have items only"):
            lists_column(wrong)


def test_the_same_file_again_adds_nothing_and_what_is_new_comes_behind(
    take_sessions, write, spelled
):
    first = lines(["A", "B"], ["A", "B"], ["C"])
    path = write("a.jsonl", first)
    assert take_sessions(path).imported == 3
    assert (take_sessions(path).imported, take_sessions(path).duplicates) == (0, 3)
    grown = write("b.jsonl.gz", gzip.compress((first + lines(["A", "B"])).encode()))
    assert (take_sessions(grown).imported, take_sessions(grown).duplicates) == (1, 4)
    # Another file may hold the same sessions: they happened again.
    assert take_sessions(write("c.jsonl", lines(["D"], ["A", "B"], ["C"]))).imported == 3
    assert spelled() == [*([["A", "B"]] * 2), ["C"], ["A", "B"], ["D"], ["A", "B"], ["C"]]


def test_refused_rows_are_counted_and_kept(take_sessions, write, workspace):
    bad = [[], "A", {"item": ["A"]}, ["A", None], ["A", ""], [["A"]], [True], ["x" * 257], None]
    text = lines(["A", "B"], *bad) + "{\n" + '["\\ud800"]\n' + "\n"
    path = write("a.jsonl", text)
    lenient = AS_THEY_ARE.model_copy(
        update={"import_": AS_THEY_ARE.import_.model_copy(update={"max_refused": 1.0})}
    )
    with pytest.raises(RefusedRowsError, match=r"11 of 12 rows refused"):
        take_sessions(path)
    assert not workspace.events_dir.exists()
    counts = take_sessions(path, lenient)

    assert (counts.rows, counts.imported) == (12, 1)
    assert counts.refused == {"empty_session": 1, "id_too_long": 1, "missing_item_id": 4,
                              "not_json": 1, "not_list": 3, "not_utf8": 1}  # fmt: skip
    assert counts.rejected_path is not None
    kept = [json.loads(line) for line in counts.rejected_path.read_text("utf-8").splitlines()]
    assert (kept[0]["row"], kept[0]["reason"], kept[0]["text"]) == (2, "empty_session", "[]\n")


def test_files_that_cannot_be_read(take_sessions, write, tmp_path):
    assert take_sessions(write("empty.jsonl", "")).rows == 0
    with pytest.raises(DataError, match="neither Parquet nor lines of JSON"):
        take_sessions(write("a.txt", "A B C\n"))
    with pytest.raises(DataError, match="cannot be read"):
        take_sessions(write("a.parquet", b"PAR1" + b"\0" * 50 + b"PAR1"))
    with pytest.raises(DataError, match="there is no file"):
        take_sessions(tmp_path / "no.jsonl")


def test_without_consent_they_are_stored_without_an_id(take_sessions, write, log):
    denied = AS_THEY_ARE.model_copy(
        update={"import_": AS_THEY_ARE.import_.model_copy(update={"consent": "denied"})}
    )
    path = write("a.jsonl", lines(["A", "B"]))
    assert take_sessions(path, denied).imported == 1
    assert take_sessions(path, denied).imported == 0
    assert log("session_id", "consent", "item_id") == [(None, "denied", "A"), (None, "denied", "B")]


def test_a_dry_run_shows_and_writes_nothing(take_sessions, write, workspace):
    counts = take_sessions(write("a.jsonl", lines(["A", "B"], ["C"])), dry_run=True)
    assert counts.preview == [{"row": 1, "item_ids": ["A", "B"]}, {"row": 2, "item_ids": ["C"]}]
    assert not workspace.root.exists()


def test_shares_part_whole_sessions(take_sessions, write, workspace):
    random = np.random.default_rng(3)
    rows = [random.integers(9, size=random.integers(2, 30)).tolist() for _ in range(400)]
    take_sessions(write("a.jsonl", lines(*rows)))
    log = load_session_log(workspace.events_dir, AS_THEY_ARE)
    borders = borders_of(log, AS_THEY_ARE)
    choosing = split_for_choosing(log, AS_THEY_ARE, borders)
    judging = split_for_judging(log, AS_THEY_ARE, borders)

    assert (choosing.train.n_sessions, choosing.held_out.n_sessions) == (280, 80)
    assert (judging.train.n_sessions, judging.held_out.n_sessions) == (360, 40)
    assert (choosing.n_crossing, judging.n_crossing) == (0, 0)
    # A given border for the test keeps the share of validation before it.
    earlier_us = int(log.sessions.times_us[300])
    borders = borders_of(log, AS_THEY_ARE, earlier_us)
    assert borders == (int(log.sessions.times_us[220]), earlier_us, None)


def test_a_night_judges_by_shares_what_the_live_model_has_not_seen(take_sessions, write, workspace):
    take_sessions(write("a.jsonl", lines(*([["A", "B", "C"]] * 100))))
    log = load_session_log(workspace.events_dir, AS_THEY_ARE)
    days = judged_days(log, AS_THEY_ARE, None)
    assert days is not None
    assert days.n_queries == 20
    until_us = days.borders.until_us
    assert until_us is not None
    assert judged_days(log, AS_THEY_ARE, until_us) is None
    # Five sessions more: they alone are new to a model that learned all of the first hundred.
    take_sessions(write("b.jsonl", lines(*([["D", "B", "C"]] * 5))))
    log = load_session_log(workspace.events_dir, AS_THEY_ARE)
    days = judged_days(log, AS_THEY_ARE, until_us)
    assert days is not None
    assert split_at(log, AS_THEY_ARE, days.borders.test_us).held_out.n_sessions == 5
    assert rfc3339(days.borders.test_us) == "2000-01-01T00:10:00Z"


@pytest.mark.realdata
def test_diginetica_is_parted_exactly(realdata, take_sessions, workspace):
    shares = AS_THEY_ARE.model_copy(
        update={
            "evaluation": AS_THEY_ARE.evaluation.model_copy(
                update={"test_share": 0.05, "validation_share": 0.05}
            )
        }
    )
    counts = take_sessions(realdata / "sessions" / "diginetica_train.parquet", shares)
    assert (counts.rows, counts.imported) == (186_670, 186_670)
    log = load_session_log(workspace.events_dir, shares)
    assert (log.n_events, log.sessions.n_sessions, len(log.item_ids)) == (906_140, 186_670, 43_097)
    judging = split_for_judging(log, shares, borders_of(log, shares))
    assert judging.train.n_sessions == 186_670 - 9_334
    # A session of which less than two items are known asks nothing.
    assert 9_200 < judging.held_out.n_sessions <= 9_334
    assert judging.n_crossing == 0
