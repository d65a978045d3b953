"""Visits that no person made: each rule names the sessions that are left out.

A rule decides about whole sessions, so that what stays is never a session with holes. It is asked
in two steps, because sorting everyone's events once more would cost as much as cutting them:
which visitors could break it at all, then which of their sessions do.
"""

from collections.abc import Sequence

import narwhals as nw
from narwhals.typing import FrameT

from recommender.settings import NoiseSettings

RATE_EVENTS = 60
"""More events of one visitor than this within `RATE_WINDOW_US` are no person's."""

RATE_WINDOW_US = 60_000_000

IMPOSSIBLE_RATE = "impossible_rate"

NEVER = 2**62
"""`noise_us` of a session that stays: later than any time."""


def rule_names(settings: NoiseSettings) -> list[str]:
    """The rules that are looked at."""
    return [IMPOSSIBLE_RATE] if settings.enabled else []


def suspects(rows: FrameT) -> FrameT:
    """The rows of the few visitors who could have a burst.

    A burst lies in at most two windows of the clock, so that one of them holds over half of it.

    Args:
        rows: `visitor`, `time_us`, one row per (event, item).
    """
    busy = _groups_over(RATE_EVENTS, rows, "visitor")
    theirs = rows.select("visitor", (nw.col("time_us") // RATE_WINDOW_US).alias("window")).join(
        busy, on="visitor", how="semi"
    )
    crowded = _groups_over(RATE_EVENTS // 2, theirs, "visitor", "window")
    return rows.join(crowded, on="visitor", how="semi")


def _groups_over(n: int, rows: FrameT, *names: str) -> FrameT:
    """The groups of more than `n` rows."""
    return rows.group_by(*names).agg(nw.len().alias("n_rows")).filter(nw.col("n_rows") > n)


def impossible_rate(rows: FrameT, session: Sequence[str]) -> FrameT:
    """The sessions that hold an event of a burst.

    A burst is more than `RATE_EVENTS` events of one visitor of which the last comes less than
    `RATE_WINDOW_US` after the first; an event of several items counts once. The shop's own session
    ids do not part a burst: a robot may take a new one for each page.

    Args:
        rows: `visitor`, `item_id`, `time_us`, `starts_event` and the columns of `session`.
        session: The columns that together name a session, `visitor` among them.

    Returns:
        The columns of `session`, each session once, and `noise_us`: the time of the event that
        completed its first burst. Before that nobody could know, and a split by time must not.
    """

    def in_order(expression: nw.Expr, name: str) -> nw.Expr:
        return expression.over("visitor", order_by="nth").alias(name)

    def if_burst(name: str) -> nw.Expr:
        is_burst = nw.col("time_us") - nw.col("first_us") < RATE_WINDOW_US
        return nw.when(is_burst).then(nw.col(name)).otherwise(nw.lit(NEVER))

    events = (
        rows.filter(nw.col("starts_event"))
        .with_columns(
            nw.col("item_id").cum_count().over("visitor", order_by="time_us").alias("nth")
        )
        .with_columns(in_order(nw.col("time_us").shift(RATE_EVENTS), "first_us"))
        .with_columns(if_burst("first_us").alias("burst_us"), if_burst("time_us").alias("noise_us"))
        # Of the bursts that end with an event or after it, the one that ends next began first.
        .with_columns(
            in_order(nw.col("burst_us").cum_min(reverse=True), "burst_us"),
            in_order(nw.col("noise_us").cum_min(reverse=True), "noise_us"),
        )
    )
    in_burst = events.filter(nw.col("burst_us") <= nw.col("time_us"))
    return in_burst.group_by(*session).agg(nw.col("noise_us").min())
