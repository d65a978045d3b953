"""From the event log to arrays: the steps of all sessions, as training and splitting take them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recommender.data.eventscan import read_log
from recommender.data.examples import Sessions
from recommender.data.marks import CART, PURCHASE, WITHIN
from recommender.data.noise import NEVER, rule_names
from recommender.data.sessions import INPUT_COLUMNS, ROW_ORDER, cut_sessions
from recommender.errors import DataError, words_of
from recommender.settings import Settings

_FETCHED = (
    "item_id",
    "time_us",
    "starts_session",
    "starts_event",
    "is_step",
    "noise",
    "noise_us",
    f"(CASE event_name WHEN 'add_to_cart' THEN {CART} WHEN 'purchase' THEN {PURCHASE} "
    "ELSE 0 END)::UTINYINT AS mark",
)


class SessionLog(NamedTuple):
    """The sessions of a log, before lengths and vocabulary are looked at.

    Attributes:
        item_ids: Every item of the sessions, sorted; `sessions.items` points into it.
        sessions: Steps without collapsed repeats; sessions by (start, visitor), noise included.
        times_us: Time of each step in µs since 1970, shape (n_steps,), int64.
        noise_us: When each session turned out to be noise, shape (n_sessions,), int64; `NEVER`
            for one that stays. `recommender.data.split` leaves out what was known by then: to
            leave all of it out here would tell the days before a split about those after it.
        n_events: Events that were read, noise included; one of several items counts once.
        noise: Events left out, by rule.
        marks: What was done at each step, shape (n_steps,), uint8: `CART` and `PURCHASE` of the
            event that began it, and, `WITHIN` bits to the left, of the repeats collapsed into it.
    """

    item_ids: list[str]
    sessions: Sessions
    times_us: NDArray[np.int64]
    noise_us: NDArray[np.int64]
    n_events: int
    noise: dict[str, int]
    marks: NDArray[np.uint8]


@contextmanager
def open_engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A duckdb that spills into a temporary folder what does not fit into memory.

    Raises:
        DataError: If what is asked of it fails: a damaged file of the log, a full disk.
        KeyboardInterrupt: If Ctrl-C came during a query, which duckdb and Arrow tell otherwise.
    """
    with (
        TemporaryDirectory(prefix="recommender-") as folder,
        duckdb.connect(config={"temp_directory": folder}) as connection,
    ):
        # Where Python has no script, as in a notebook, duckdb would draw a bar on stdout.
        connection.execute("SET enable_progress_bar = false")
        try:
            yield connection
        except pa.ArrowCancelled as err:
            raise KeyboardInterrupt from err
        except (duckdb.Error, pa.ArrowException) as err:
            raise DataError(f"the event log cannot be cut into sessions: {words_of(err)}") from err
        except RuntimeError as err:
            # So duckdb tells that Ctrl-C came during a query.
            if "interrupted" in str(err).lower():
                raise KeyboardInterrupt from err
            raise


def session_rows(events: duckdb.DuckDBPyRelation, settings: Settings) -> duckdb.DuckDBPyRelation:
    """Cut a relation with the columns of the log; see `cut_sessions` for what comes back."""
    columns = [name for name in INPUT_COLUMNS if name != "time_us"]
    timed = events.select(", ".join([*columns, "epoch_us(event_time) AS time_us"]))
    rows = cut_sessions(nw.from_native(timed), settings.sessions, settings.noise)
    return rows.to_native()


def load_session_log(events_dir: Path, settings: Settings) -> SessionLog:
    """Read the event log and cut it into sessions.

    Raises:
        DataError: If the log cannot be read or holds no session.
    """
    with open_engine() as connection:
        log = session_log(read_log(connection, events_dir), settings)
    if not np.any(log.noise_us == NEVER):
        raise DataError(nothing_found(events_dir, settings, log.n_events))
    return log


def nothing_found(events_dir: Path, settings: Settings, n_events: int) -> str:
    """What to tell a user whose log gives no session."""
    if n_events:
        return f"all {n_events} events under {events_dir} are noise; see noise.enabled"
    names = ", ".join(settings.sessions.events)
    return (
        f"{events_dir} holds no events to make sessions of ({names}, with an item and consent); "
        "bring some in with: recommender import events FILE"
    )


def session_log(events: duckdb.DuckDBPyRelation, settings: Settings) -> SessionLog:
    """Cut a relation with the columns of the log and fetch the steps; there may be none."""
    rows = session_rows(events, settings).order(", ".join(ROW_ORDER)).select(", ".join(_FETCHED))
    gathered = _Gathered(dict.fromkeys(rule_names(settings.noise), 0))
    for batch in pa.RecordBatchReader.from_stream(rows):
        gathered.add(batch)
    return gathered.log()


class _Gathered:
    """What batches of ordered rows give, laid end to end."""

    def __init__(self, noise: dict[str, int]) -> None:
        self.noise = noise
        self.n_events = 0
        self._codes: dict[str, int] = {}
        self._items = [np.zeros(0, np.int32)]
        self._times_us = [np.zeros(0, np.int64)]
        self._starts = [np.zeros(0, np.bool_)]
        self._noise_us = [np.zeros(0, np.int64)]
        self._is_step = [np.zeros(0, np.bool_)]
        self._row_marks = [np.zeros(0, np.uint8)]

    def add(self, batch: pa.RecordBatch) -> None:
        self.n_events += batch["starts_event"].true_count
        noise = batch["noise"].filter(batch["starts_event"]).value_counts().to_pylist()
        for entry in noise:
            if entry["values"] is not None:
                self.noise[entry["values"]] += entry["counts"]
        self._is_step.append(batch["is_step"].to_numpy(zero_copy_only=False))
        self._row_marks.append(batch["mark"].to_numpy())
        steps = batch.filter(batch["is_step"])
        self._items.append(self._encoded(steps["item_id"].dictionary_encode()))
        self._times_us.append(steps["time_us"].to_numpy())
        self._starts.append(steps["starts_session"].to_numpy(zero_copy_only=False))
        self._noise_us.append(steps["noise_us"].filter(steps["starts_session"]).to_numpy())

    def _encoded(self, items: pa.DictionaryArray) -> NDArray[np.int32]:
        """Number items by first appearance in all batches."""
        codes = np.zeros(len(items.dictionary), np.int32)
        for position, item_id in enumerate(items.dictionary.to_pylist()):
            codes[position] = self._codes.setdefault(item_id, len(self._codes))
        encoded: NDArray[np.int32] = codes[items.indices.to_numpy()]
        return encoded

    def _marks(self) -> NDArray[np.uint8]:
        """Of each step; its repeats follow the row that began it."""
        marks = np.concatenate(self._row_marks)
        begins = np.flatnonzero(np.concatenate(self._is_step))
        began = marks[begins]
        marks[begins] = 0
        within = np.bitwise_or.reduceat(marks, begins) if len(begins) else began
        told: NDArray[np.uint8] = (began | within << WITHIN).astype(np.uint8)
        return told

    def log(self) -> SessionLog:
        item_ids = sorted(self._codes)
        renumbered = np.zeros(len(item_ids), np.int32)
        renumbered[[self._codes[item] for item in item_ids]] = np.arange(len(item_ids))
        items = renumbered[np.concatenate(self._items)]
        times_us = np.concatenate(self._times_us)
        # The first row of a session is always a step.
        starts = np.append(np.flatnonzero(np.concatenate(self._starts)), len(items))
        return SessionLog(
            item_ids,
            Sessions(items, starts.astype(np.int64), times_us[starts[:-1]]),
            times_us,
            np.concatenate(self._noise_us),
            self.n_events,
            self.noise,
            self._marks(),
        )
