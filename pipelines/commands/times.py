"""The option that says where the test begins."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from recommender.settings import Settings


def _time(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A day or a time of RFC 3339."""
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError as err:
        example = "an example is 2026-11-21T00:00:00Z"
        raise click.BadParameter(f"{text!r} is no time; {example}") from err


test_from_option = click.option(
    "--test-from",
    callback=_time,
    metavar="TIME",
    help="Test on what starts at this time or later; without an offset, in time_zone"
    "  [default: the last evaluation.test_days]",
)


def border_us(test_from: datetime | None, settings: Settings) -> int | None:
    """The option's time in µs since 1970; None without one."""
    from recommender.data.days import us_of

    if test_from is None:
        return None
    if test_from.tzinfo is None:
        test_from = test_from.replace(tzinfo=ZoneInfo(settings.time_zone))
    return us_of(test_from)
