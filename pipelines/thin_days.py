"""A warning where the days that a report judges by are too little: often a few clicks of today."""

import logging
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from recommender.data.days import Borders, day_starts, us_of
from recommender.data.split import between
from recommender.data.steps import SessionLog
from recommender.settings import Settings

_LOGGER = logging.getLogger(__name__)


def warn_of_thin_test(
    log: SessionLog,
    settings: Settings,
    borders: Borders,
    *,
    chosen: bool,
    now: datetime | None = None,
) -> None:
    """Say that the last test day is not over yet, or that the test asks hardly anything.

    Args:
        log: All of it.
        settings: `time_zone` and `gate.min_queries` count here.
        borders: Where the test begins and ends.
        chosen: Whether somebody chose where it begins, and so knows whether it holds today.
        now: The present moment.
    """
    test = between(log, borders.test_us, borders.until_us)
    # At most as many as are asked: of products that training does not know none is.
    n_questions = len(test.sessions.items) - test.sessions.n_sessions
    wanted, thin = settings.gate.min_queries, []
    if not chosen and (today := _open_day(test, settings, now or datetime.now(UTC))):
        thin.append(f"its last day, {today}, is not over yet")
    if n_questions < wanted:
        thin.append(f"it asks {n_questions} at most, and {wanted} are wanted (gate.min_queries)")
    if thin:
        _LOGGER.warning(
            "the test says little: %s; begin it on an earlier day with --test-from",
            " and ".join(thin),
        )


def _open_day(test: SessionLog, settings: Settings, now: datetime) -> str | None:
    """The last day of a test if it ends after now."""
    if not len(test.times_us):
        return None
    last_us = int(test.times_us.max())
    if day_starts(last_us, last_us, settings.time_zone)[1] <= us_of(now):
        return None
    last = datetime.fromtimestamp(last_us / 1e6, ZoneInfo(settings.time_zone))
    return f"{last:%Y-%m-%d}"
