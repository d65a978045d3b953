"""A day's visits as events: views, reloads, carts, purchases, refunds, searches, robots.

An event is a row of columns until `lines` writes it; only an event of several items points into
a list of baskets.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipelines.simulate.shop import Assortment
from pipelines.simulate.visits import Visits, slots_for_sale

NAMES = (
    "view_item",
    "select_item",
    "add_to_cart",
    "remove_from_cart",
    "add_to_wishlist",
    "purchase",
    "refund",
    "begin_checkout",
    "search",
)
_KIND = {name: kind for kind, name in enumerate(NAMES)}
SPILL_DAYS = 2
"""Events of a day's visits lie on that day and at most so many days after it."""

_P_RELOAD = 0.04
_P_SELECT = 0.06
_P_CART = 0.09
_P_REMOVE = 0.07
_P_WISH = 0.015
_P_PURCHASE = 0.5
_P_REFUND = 0.06
_P_SEARCH = 0.12
_MAX_DWELL_S = 1500
_VISITORS_PER_ROBOT = 400
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Events:
    """Events of visits that begin on one day, in order of time.

    Attributes:
        time_ms: Milliseconds from the day's midnight, shape (n,).
        kind: Index into `NAMES`, shape (n,).
        visitor: Visitor number; robots count down from -1; shape (n,).
        slot: The product; -1 for events of no or several; shape (n,).
        basket: Row of `baskets`, -1 for none; shape (n,).
        term: Category searched for, -1 for none; shape (n,).
        baskets: Slots bought or given back together.
        orders: For every basket, the row of the basket it was bought as.
    """

    time_ms: NDArray[np.int64]
    kind: NDArray[np.int64]
    visitor: NDArray[np.int64]
    slot: NDArray[np.int64]
    basket: NDArray[np.int64]
    term: NDArray[np.int64]
    baskets: list[list[int]]
    orders: list[int]


class _Columns:
    """Collects blocks of events and lays them end to end."""

    def __init__(self) -> None:
        self._blocks: list[tuple[NDArray[np.int64], ...]] = []

    def add(
        self,
        name: str,
        time_s: NDArray[np.float64],
        visitor: NDArray[np.int64],
        *,
        slot: NDArray[np.int64] | None = None,
        basket: NDArray[np.int64] | None = None,
        term: NDArray[np.int64] | None = None,
    ) -> None:
        """Add events of one name."""
        time_ms = np.round(time_s * 1000).astype(np.int64)
        none = np.full(len(time_ms), -1)
        kind = np.full(len(time_ms), _KIND[name])
        columns = (slot, basket, term)
        self._blocks.append((time_ms, kind, visitor, *(none if c is None else c for c in columns)))

    def sorted(self) -> list[NDArray[np.int64]]:
        """The columns in order of time; ties stay in the order of adding."""
        columns = [np.concatenate(parts) for parts in zip(*self._blocks, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        order = order[columns[0][order] < (SPILL_DAYS + 1) * DAY_MS]
        return [column[order] for column in columns]


def events_of(shelf: Assortment, visits: Visits, day: date, rng: np.random.Generator) -> Events:
    """Turn a day's visits into events, and let the robots in.

    Args:
        shelf: The assortment.
        visits: Visits that begin on `day`.
        day: The day.
        rng: The day's generator.
    """
    columns = _Columns()
    lengths = np.diff(visits.starts)
    visit = np.repeat(np.arange(len(lengths)), lengths)
    time_s = _step_times(visits, visit, rng)
    who = visits.visitor[visit]
    columns.add("view_item", time_s, who, slot=visits.slot)
    _add_touches(columns, time_s, who, visits.slot, rng)
    _add_searches(columns, visits, rng)
    baskets, orders = _add_purchases(columns, visits, visit, time_s, rng)
    _add_robots(columns, shelf, day, len(visits.visitor), rng)
    time_ms, kind, visitor, slot, basket, term = columns.sorted()
    return Events(time_ms, kind, visitor, slot, basket, term, baskets, orders)


def _step_times(
    visits: Visits, visit: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """When every step begins: 20 s to 25 min after the one before."""
    dwell = 20 + np.minimum(rng.lognormal(3.4, 1.0, len(visit)), _MAX_DWELL_S - 20)
    passed = np.cumsum(dwell) - dwell
    since_first: NDArray[np.float64] = passed - passed[visits.starts[:-1]][visit]
    return visits.start_s[visit] + since_first


def _add_touches(
    columns: _Columns,
    time_s: NDArray[np.float64],
    who: NDArray[np.int64],
    slot: NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    """Clicks in a list just before a view; reloads and wishes within seconds after it."""
    for name, chance, earliest, latest in (
        ("select_item", _P_SELECT, -0.9, -0.2),
        ("view_item", _P_RELOAD, 2.0, 8.0),
        ("add_to_wishlist", _P_WISH, 4.0, 12.0),
    ):
        rows = np.flatnonzero(rng.random(len(time_s)) < chance)
        later = rng.uniform(earliest, latest, len(rows))
        columns.add(name, np.maximum(time_s[rows] + later, 0), who[rows], slot=slot[rows])


def _add_searches(columns: _Columns, visits: Visits, rng: np.random.Generator) -> None:
    rows = np.flatnonzero(rng.random(len(visits.visitor)) < _P_SEARCH)
    before = np.maximum(visits.start_s[rows] - rng.uniform(3, 15, len(rows)), 0)
    columns.add("search", before, visits.visitor[rows], term=visits.aims[rows, 0])


def _add_purchases(
    columns: _Columns,
    visits: Visits,
    visit: NDArray[np.int64],
    time_s: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[list[list[int]], list[int]]:
    """Carts, and for half of the visits with a cart a purchase at the end; some come back."""
    carted = np.flatnonzero(rng.random(len(visit)) < _P_CART)
    who = visits.visitor[visit[carted]]
    slot = visits.slot[carted]
    columns.add("add_to_cart", time_s[carted] + rng.uniform(8, 16, len(carted)), who, slot=slot)
    removed = rng.random(len(carted)) < _P_REMOVE
    columns.add(
        "remove_from_cart",
        time_s[carted[removed]] + rng.uniform(17, 19, int(removed.sum())),
        who[removed],
        slot=slot[removed],
    )
    kept: dict[int, list[int]] = {}
    for row in carted[~removed].tolist():
        kept.setdefault(int(visit[row]), []).append(int(visits.slot[row]))
    buyers = [row for row in kept if rng.random() < _P_PURCHASE]
    baskets = [list(dict.fromkeys(kept[row])) for row in buyers]
    bought = np.array(buyers, np.int64)
    place = np.arange(len(buyers))
    end_s = time_s[visits.starts[1:] - 1][bought] + rng.uniform(60, 240, len(buyers))
    buyer = visits.visitor[bought]
    columns.add("begin_checkout", end_s - rng.uniform(20, 40, len(buyers)), buyer, basket=place)
    columns.add("purchase", end_s, buyer, basket=place)
    refunded = np.flatnonzero(rng.random(len(buyers)) < _P_REFUND)
    refund_s = np.minimum(end_s[refunded] + rng.uniform(20, 28, len(refunded)) * 3600, 3 * 86_399)
    returned = len(buyers) + np.arange(len(refunded))
    columns.add("refund", refund_s, buyer[refunded], basket=returned)
    return baskets + [baskets[row] for row in refunded], [*range(len(buyers)), *refunded.tolist()]


def _add_robots(
    columns: _Columns, shelf: Assortment, day: date, n_visits: int, rng: np.random.Generator
) -> None:
    """Robots walk along the shelf, several products a second."""
    shown = np.flatnonzero(slots_for_sale(shelf, day))
    for robot in range(1 + n_visits // _VISITORS_PER_ROBOT):
        n_events = int(rng.integers(90, 150))
        time_s = rng.uniform(0, 86_000) + np.cumsum(rng.uniform(0.1, 0.5, n_events))
        slot = shown[(int(rng.integers(len(shown))) + np.arange(n_events)) % len(shown)]
        number = -1 - (day.toordinal() * 1000 + robot)
        columns.add("view_item", time_s, np.full(n_events, number), slot=slot)
