"""Sessions: the one definition, as narwhals expressions that run on every engine alike.

A session is what one visitor does without a pause longer than `sessions.gap_s`; midnight is no
border, the shop's own session id is one. Nothing is computed here: a lazy frame stays lazy.
"""

from typing import Any

import narwhals as nw
from narwhals.typing import FrameT

from recommender.data.noise import IMPOSSIBLE_RATE, NEVER, impossible_rate, suspects
from recommender.settings import NoiseSettings, SessionSettings

INPUT_COLUMNS = (
    "event_id",
    "event_name",
    "time_us",
    "visitor_id",
    "session_id",
    "item_id",
    "consent",
    "ordinal",
    "item_position",
)
"""Columns of the event log that sessions are made of; `time_us` is `event_time` in µs since 1970
(int64), because narwhals has no such conversion for every engine."""

VISITOR_STREAM = ("visitor", "shop_session")
"""Sessions are cut inside these: `visitor_id`, else the shop's `session_id`; and that id, or ""."""

STREAM_ORDER = ("time_us", "ordinal", "event_id", "item_position")
"""The order inside a stream. A second holds many events; the last two only break ties of files."""

SESSION = (*VISITOR_STREAM, "start_us")
"""What makes two rows belong to one session."""

ROW_ORDER = ("start_us", *VISITOR_STREAM, "place")
"""The order of rows for readers: sessions by start, then by visitor; rows as they came."""

_BEFORE_ALL = -(2**62)


def cut_sessions(events: FrameT, settings: SessionSettings, noise: NoiseSettings) -> FrameT:
    """Cut events into sessions and name what is noise.

    Args:
        events: `INPUT_COLUMNS`, one row per (event, item), in any order; more columns are dropped.
        settings: Which events count, the pause, whether repeats are one step.
        noise: Which rules look for noise.

    Returns:
        The events that make sessions, one row per (event, item), in no particular order:
        `event_id`, `event_name`, `time_us`, `visitor_id`, `item_id` as they came; `visitor`,
        `shop_session` and `start_us`, which name the session (`SESSION`); `place`, the row's number
        in its stream, from 1; `starts_session`; `starts_event`, true on the first row of an event;
        `is_step`, false on a collapsed repeat; `n_steps` of the session; our `session_id`;
        `noise`, the rule that leaves the session out, null for a session that stays; `noise_us`,
        the time of the event that gave it away, `NEVER` for a session that stays.
    """
    kept = _kept(events, settings.events)
    rows = _mark_noise(_rows(kept, settings), kept, settings, noise)
    return rows.with_columns(
        nw.col("is_step").cast(nw.Int64).sum().over(*SESSION).alias("n_steps"),
        _session_id().alias("session_id"),
    )


def _kept(events: FrameT, names: list[str]) -> FrameT:
    """The rows that may be trained on, with the stream each belongs to."""
    visitor = nw.coalesce(_filled("visitor_id"), _filled("session_id"))
    return (
        events.select(*INPUT_COLUMNS)
        .filter(nw.col("event_name").is_in(names), nw.col("consent") == "granted")
        .with_columns(
            visitor.alias("visitor"),
            nw.col("session_id").fill_null("").alias("shop_session"),
            _filled("item_id").alias("item_id"),
        )
        .filter(~nw.col("item_id").is_null(), ~nw.col("visitor").is_null())
        .drop("consent", "session_id")
    )


def _filled(name: str) -> nw.Expr:
    """A text column with null where it is empty."""
    return nw.when(nw.col(name) != "").then(nw.col(name))


def _rows(kept: FrameT, settings: SessionSettings) -> FrameT:
    return _with_starts(_with_places(kept), settings)


def _mark_noise(
    rows: FrameT, kept: FrameT, settings: SessionSettings, noise: NoiseSettings
) -> FrameT:
    """Add `noise`, the rule that leaves a row's session out, and `noise_us`."""
    if not noise.enabled:
        return rows.with_columns(
            nw.lit(None, nw.String).alias("noise"), nw.lit(NEVER, nw.Int64).alias("noise_us")
        )
    # The suspects' sessions are cut twice: cheaper than keeping everyone's for a second look.
    left_out = impossible_rate(_rows(suspects(kept), settings), SESSION)
    left_out = left_out.with_columns(nw.lit(IMPOSSIBLE_RATE).alias("noise"))
    return rows.join(left_out, on=list(SESSION), how="left").with_columns(
        nw.col("noise_us").fill_null(NEVER).cast(nw.Int64)
    )


def _with_places(rows: FrameT) -> FrameT:
    """Number the rows of each stream and put the row before beside each; one sort of the data."""

    def in_stream(expression: nw.Expr, name: str) -> nw.Expr:
        return expression.over(*VISITOR_STREAM, order_by=STREAM_ORDER).alias(name)

    # Any column without nulls can be counted, but none that orders: narwhals on pandas would sort
    # by whether it is null.
    return rows.with_columns(
        in_stream(nw.col("item_id").cum_count(), "place"),
        in_stream(nw.col("time_us").shift(1), "previous_us"),
        in_stream(nw.col("item_id").shift(1), "previous_item"),
        in_stream(nw.col("event_id").shift(1), "previous_event"),
    )


def _with_starts(rows: FrameT, settings: SessionSettings) -> FrameT:
    """Say which rows start a session, an event, a step, and when each row's session started."""
    first = nw.col("previous_us").is_null()
    pause_us = nw.col("time_us") - nw.col("previous_us")
    is_step: Any = nw.lit(value=True)
    if settings.collapse_repeats:
        is_step = nw.col("starts_session") | (nw.col("item_id") != nw.col("previous_item"))
    return (
        rows.with_columns(
            (first | (pause_us > round(settings.gap_s * 1e6))).alias("starts_session"),
            (first | (nw.col("event_id") != nw.col("previous_event"))).alias("starts_event"),
        )
        .with_columns(
            is_step.alias("is_step"),
            nw.when(nw.col("starts_session"))
            .then(nw.col("time_us"))
            .otherwise(nw.lit(_BEFORE_ALL))
            .alias("start_us"),
        )
        .with_columns(
            nw.col("start_us").cum_max().over(*VISITOR_STREAM, order_by="place").alias("start_us")
        )
        .drop("ordinal", "item_position", "previous_us", "previous_item", "previous_event")
    )


def _session_id() -> nw.Expr:
    """`visitor|shop's session|start in ms`; no two sessions share one.

    The visitor's own "|" is escaped, so that the first one ends it; the start is what follows the
    last one. A pause is at least a millisecond, so no two sessions of a stream share a start.
    """
    visitor = (
        nw.col("visitor")
        .str.replace_all("%", "%25", literal=True)
        .str.replace_all("|", "%7C", literal=True)
    )
    start_ms = (nw.col("start_us") // 1000).cast(nw.String)
    return nw.concat_str(visitor, nw.col("shop_session"), start_ms, separator="|")
