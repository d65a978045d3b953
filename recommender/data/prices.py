"""What products cost, as the event log tells it."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from recommender.data.eventscan import read_log
from recommender.data.steps import open_engine

_PRICED = "item_id IS NOT NULL AND isfinite(price) AND price > 0"
_CURRENCY = "coalesce(upper(currency), '')"


class LoggedPrices(NamedTuple):
    """What products cost by their events.

    Attributes:
        prices: Above 0, by item id, in the order of the ids.
        currency: Of all of them; empty where the events name none.
    """

    prices: dict[str, float]
    currency: str


def logged_prices(events_dir: Path, until_us: int | None = None) -> LoggedPrices:
    """The median price of every product whose events name one.

    Only prices in the log's most frequent currency count, of equally frequent ones the first by
    name; a log that names none has one.

    Args:
        events_dir: The event log; it need not exist.
        until_us: Events from this time on are not looked at, µs since 1970; None for all.

    Raises:
        DataError: If the log cannot be read.
    """
    known = "true" if until_us is None else f"epoch_us(event_time) < {int(until_us)}"
    with open_engine() as connection:
        priced = read_log(connection, events_dir).filter(f"{_PRICED} AND {known}")
        rows = priced.select(f"item_id, price, {_CURRENCY} AS currency")
        found = rows.aggregate(
            "currency, item_id, median(price) AS price, count(*) AS n", "currency, item_id"
        ).fetchall()
    events: Counter[str] = Counter()
    for currency, _, _, n in found:
        events[currency] += n
    most = min(events, key=lambda currency: (-events[currency], currency), default="")
    prices = sorted((item, price) for currency, item, price, _ in found if currency == most)
    return LoggedPrices(dict(prices), most)
