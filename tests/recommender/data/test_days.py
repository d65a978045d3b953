"""Calendar days where clocks change, and the borders between parts of a log."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from recommender.data.days import Borders, day_starts, draw_borders, event_days, share_borders
from recommender.errors import DataError
from recommender.settings import Settings


def us(text: str) -> int:
    """µs since 1970; UTC unless the text says otherwise."""
    time = datetime.fromisoformat(text)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def settings(**sections) -> Settings:
    return Settings.model_validate(sections)


def test_days_in_utc_have_24_hours() -> None:
    starts = day_starts(us("2021-02-27T13:00"), us("2021-03-01T00:00"), "UTC")
    assert starts.tolist() == [us("2021-02-27"), us("2021-02-28"), us("2021-03-01"),
                               us("2021-03-02")]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Madrid", "2026-03-28", [24, 23, 24]),
        ("Europe/Madrid", "2026-10-24", [24, 25, 24]),
        # Clocks leap from 24:00 to 01:00: the day begins at one.
        ("Africa/Cairo", "2026-04-23", [24, 23, 24]),
        ("Australia/Lord_Howe", "2026-10-03", [24, 23.5, 24]),
    ],
)
def test_days_are_longer_or_shorter_where_clocks_change(
    zone: str, day: str, hours: list[float]
) -> None:
    noon = us(f"{day}T12:00")
    starts = day_starts(noon, noon + 2 * 86_400_000_000, zone)
    assert (np.diff(starts) / 3_600_000_000).tolist() == hours


def test_a_time_belongs_to_the_day_it_has_in_the_shops_zone() -> None:
    times = np.array([us("2026-03-29T22:30"), us("2026-03-29T21:59:59"), us("2026-04-02T10:00")])
    assert event_days(times, "Europe/Madrid").tolist() == [
        [us("2026-03-28T23:00"), us("2026-03-29T22:00")],
        [us("2026-03-29T22:00"), us("2026-03-30T22:00")],
        [us("2026-04-01T22:00"), us("2026-04-02T22:00")],
    ]
    assert event_days(np.zeros(0, np.int64), "UTC").shape == (0, 2)


TIMES = np.array(
    [us(f"2026-05-{day:02}T{hour:02}:00") for day in (1, 2, 3, 7, 8) for hour in (0, 12, 23)]
)


def test_the_last_days_that_hold_events_are_the_test() -> None:
    assert draw_borders(TIMES, settings()) == Borders(us("2026-05-07"), us("2026-05-08"))
    longer = settings(evaluation={"test_days": 2, "validation_days": 2})
    assert draw_borders(TIMES, longer) == Borders(us("2026-05-02"), us("2026-05-07"))
    assert draw_borders(TIMES[::-1], settings(time_zone="Europe/Madrid")) == Borders(
        us("2026-05-07T22:00"), us("2026-05-08T22:00")
    )


def test_a_given_test_begins_there_and_validation_is_whole_days_at_least() -> None:
    assert draw_borders(TIMES, settings(), us("2026-05-07")) == Borders(
        us("2026-05-03"), us("2026-05-07")
    )
    assert draw_borders(TIMES, settings(), us("2026-05-07T11:00")) == Borders(
        us("2026-05-03"), us("2026-05-07T11:00")
    )


def test_too_few_days_say_how_many_are_needed() -> None:
    with pytest.raises(DataError, match="events of 5 days and 7 are needed"):
        draw_borders(TIMES, settings(evaluation={"test_days": 3, "validation_days": 3}))
    with pytest.raises(DataError, match="events of 0 days and 3 are needed"):
        draw_borders(np.zeros(0, np.int64), settings())
    with pytest.raises(DataError, match="1 whole days before 2026-05-02T12:00:00Z"):
        draw_borders(TIMES, settings(), us("2026-05-02T12:00"))
    with pytest.raises(DataError, match="no event at or after 2026-05-09T00:00:00Z"):
        draw_borders(TIMES, settings(), us("2026-05-09"))


def test_shares_count_sessions_from_the_end() -> None:
    starts = np.arange(100) * 10
    assert share_borders(starts, 0.05, 0.1) == Borders(850, 950)
    assert share_borders(starts, 0.05, 0.1, test_us=500) == Borders(400, 500)
    assert share_borders(starts, 0.05, 0.1, test_us=501) == Borders(410, 510)
    with pytest.raises(DataError, match=r"7 sessions are too few .* 0 to test on, 1 to choose on"):
        share_borders(np.arange(7), 0.05, 0.1)


def test_shares_go_together() -> None:
    with pytest.raises(ValueError, match="set both, or neither"):
        settings(evaluation={"test_share": 0.1})
