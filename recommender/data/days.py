"""Calendar days in the shop's time zone, and the borders that they draw between parts of a log."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Borders(NamedTuple):
    """Times in µs since 1970 that part a log; a part begins at its time and ends before the next.

    Attributes:
        validation_us: Where training ends and validation begins.
        test_us: Where the test begins.
        until_us: Where it ends; None for the end of the log.
    """

    validation_us: int
    test_us: int
    until_us: int | None = None


def day_starts(first_us: int, last_us: int, time_zone: str) -> NDArray[np.int64]:
    """Where the calendar days from one time to another begin, and the day after them.

    A day has 23 to 25 hours where clocks change, and begins later than midnight where they change
    at midnight.

    Args:
        first_us: µs since 1970 on the first day.
        last_us: µs since 1970 on the last day.
        time_zone: IANA name.

    Returns:
        Shape (n_days + 1,), int64, µs since 1970.
    """
    zone = ZoneInfo(time_zone)
    first, last = (_time(time_us).astimezone(zone).date() for time_us in (first_us, last_us))
    days = range((last - first).days + 2)
    return np.array([_begin_us(first + timedelta(days=day), zone) for day in days], np.int64)


def event_days(times_us: NDArray[np.int64], time_zone: str) -> NDArray[np.int64]:
    """The calendar days that hold events, oldest first.

    Args:
        times_us: Times of events in any order, µs since 1970.
        time_zone: IANA name.

    Returns:
        Begin and end of each day, shape (n_days, 2), int64, µs since 1970.
    """
    if not len(times_us):
        return np.zeros((0, 2), np.int64)
    starts = day_starts(int(times_us.min()), int(times_us.max()), time_zone)
    held = np.bincount(np.searchsorted(starts, times_us, "right") - 1) > 0
    return np.stack([starts[:-1], starts[1:]], axis=1)[held]


def draw_borders(
    times_us: NDArray[np.int64], settings: Settings, test_us: int | None = None
) -> Borders:
    """The last days that hold events as test, the days that hold events before them as validation.

    Args:
        times_us: Times of all steps, µs since 1970.
        settings: `time_zone`, `evaluation.test_days`, `evaluation.validation_days`.
        test_us: Where the test begins instead, µs since 1970. In the midst of a day, the hours of
            that day before it are added to the validation days.

    Raises:
        DataError: If no event is left to train on, or none to test on.
    """
    wanted = settings.evaluation
    days = event_days(times_us, settings.time_zone)
    if test_us is None:
        n_needed = wanted.test_days + wanted.validation_days + 1
        if len(days) < n_needed:
            raise DataError(
                f"the log holds events of {len(days)} days and {n_needed} are needed: "
                f"evaluation.test_days = {wanted.test_days}, evaluation.validation_days = "
                f"{wanted.validation_days} and one to train on; import more events"
            )
        test_us = int(days[-wanted.test_days, 0])
    if not np.any(times_us >= test_us):
        raise DataError(f"no event at or after {rfc3339(test_us)} to test on; test from earlier")
    earlier = days[days[:, 1] <= test_us]
    if len(earlier) <= wanted.validation_days:
        raise DataError(
            f"{len(earlier)} whole days before {rfc3339(test_us)} hold events and "
            f"{wanted.validation_days + 1} are needed: evaluation.validation_days = "
            f"{wanted.validation_days} and one to train on; test from later or import more events"
        )
    return Borders(int(earlier[-wanted.validation_days, 0]), test_us)


def share_borders(
    starts_us: NDArray[np.int64],
    test_share: float,
    validation_share: float,
    test_us: int | None = None,
) -> Borders:
    """The last sessions as test, those before them as validation, by shares of all.

    Args:
        starts_us: When each session began, ascending, µs since 1970.
        test_share: Share of the test.
        validation_share: Share of the validation.
        test_us: Where the test begins instead, µs since 1970.

    Raises:
        DataError: If a part would hold no session.

    Example:
        >>> share_borders(np.arange(100) * 7, 0.05, 0.1)
        Borders(validation_us=595, test_us=665, until_us=None)
    """
    n_sessions = len(starts_us)
    n_test = round(test_share * n_sessions)
    if test_us is not None:
        n_test = n_sessions - int(np.searchsorted(starts_us, test_us))
    n_validation = round(validation_share * n_sessions)
    n_train = n_sessions - n_test - n_validation
    if min(n_test, n_validation, n_train) < 1:
        raise DataError(
            f"{n_sessions} sessions are too few for evaluation.test_share = {test_share:g} and "
            f"evaluation.validation_share = {validation_share:g}: {n_test} to test on, "
            f"{n_validation} to choose on, {max(n_train, 0)} to train on; import more, or set "
            "other shares"
        )
    return Borders(int(starts_us[n_train]), int(starts_us[n_sessions - n_test]))


def us_of(time: datetime) -> int:
    """A time with a zone as µs since 1970.

    Example:
        >>> us_of(datetime(2021, 2, 22, tzinfo=UTC))
        1613952000000000
    """
    return (time - _EPOCH) // timedelta(microseconds=1)


def rfc3339(time_us: int) -> str:
    """A time as it stands in reports.

    Example:
        >>> rfc3339(1_613_952_000_000_000)
        '2021-02-22T00:00:00Z'
    """
    return _time(time_us).isoformat().replace("+00:00", "Z")


def _time(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _begin_us(day: date, zone: ZoneInfo) -> int:
    # A midnight that the clocks leap over is read with the offset before: the instant of the leap.
    return us_of(datetime(day.year, day.month, day.day, tzinfo=zone))
