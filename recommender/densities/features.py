"""What a visit so far tells, as numbers; training and serving make them by the same code.

Prices stand as differences to the newest one, so that a density learned on cheap products holds
for dear ones. What a page does not know, as times and carts often are, is 0 beside a column that
says so.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from recommender.data.marks import CART, PURCHASE
from recommender.densities.visits import UNKNOWN, Pages, PriceList, seen_marks

WINDOW = 20
"""Newest steps that are looked at."""
N_ANCHORS = 8
"""Newest products whose own prices a density may return to."""
FEATURES_VERSION = 2
"""Another number for other columns: a density answers to those it was fitted on."""

_OLDER = np.tri(N_ANCHORS, k=-1, dtype=np.bool_)
_N_SAME = 3
_SHORTEST_S = 1.0
_DAY_US = 86_400_000_000

Number = TypeVar("Number", bound=np.integer)


class Features(NamedTuple):
    """What is known at some pages.

    Attributes:
        columns: Shape (n, n_features), float32; finite.
        anchors: Log prices of the newest `N_ANCHORS` products, newest first, shape
            (n, N_ANCHORS), float32; NaN where there is none, or where a newer one costs the same.
    """

    columns: NDArray[np.float32]
    anchors: NDArray[np.float32]


def features_of(pages: Pages, prices: PriceList) -> Features:
    """Describe pages.

    Args:
        pages: Of visits whose items are rows of the price list.
        prices: The list.
    """
    window = _Window(pages)
    log_prices = prices.rows_of(window.items)
    parts = [
        *_price_columns(log_prices),
        *_course_columns(window, pages.n_seen),
        *_time_columns(window, pages),
        *_mark_columns(window, pages),
    ]
    columns = np.empty((len(log_prices), len(parts)), np.float32)
    for place, part in enumerate(parts):
        columns[:, place] = part
    return Features(columns, _anchors(log_prices))


def without_times_and_marks(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns as they are where neither is known."""
    kept = columns.copy()
    kept[:, _FIRST_TIME:] = 0
    return kept


def knows_times(columns: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the page knows when products were seen, shape (n,)."""
    known: NDArray[np.bool_] = columns[:, _FIRST_TIME] > 0
    return known


def knows_prices(features: Features) -> NDArray[np.bool_]:
    """Whether a price of the newest products is known, shape (n,)."""
    return np.asarray(np.isfinite(features.anchors).any(axis=1))


class _Window:
    """The newest steps of pages, newest first; shapes (n, WINDOW)."""

    def __init__(self, pages: Pages) -> None:
        place = pages.last_step[:, None] - np.arange(WINDOW)
        self.inside = np.arange(WINDOW) < pages.n_seen[:, None]
        self.place = np.where(self.inside, place, 0)
        self.items = self.of(pages.visits.items, UNKNOWN)

    def of(self, values: NDArray[Number], outside: int) -> NDArray[Number]:
        if not len(values):
            return np.full(self.place.shape, outside, values.dtype)
        return np.where(self.inside, values[self.place], values.dtype.type(outside))


def _price_columns(log_prices: NDArray[np.float32]) -> list[NDArray[Any]]:
    """The newest price and, as differences to it, those before, their mean, spread and ends."""
    known = np.isfinite(log_prices)
    n_known = known.sum(axis=1)
    # The newest that is known; 0 where none is.
    newest = log_prices[np.arange(len(known)), known.argmax(axis=1)]
    newest = np.where(n_known > 0, newest, np.float32(0))
    apart = np.where(known, log_prices - newest[:, None], 0).astype(np.float64)
    mean = apart.sum(axis=1) / np.maximum(n_known, 1)
    spread = np.where(known, apart - mean[:, None], 0)
    spread = np.sqrt((spread**2).sum(axis=1) / np.maximum(n_known, 1))
    return [
        newest,
        *apart[:, 1:N_ANCHORS].T,
        *known[:, :N_ANCHORS].T,
        mean,
        spread,
        apart.min(axis=1),
        apart.max(axis=1),
    ]


def _course_columns(window: _Window, n_seen: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Length of the visit, and how much it goes back and forth."""
    # Products without a row differ from one another and from those outside the visit.
    apart = -2 - np.arange(WINDOW)
    items = np.where(window.items == UNKNOWN, apart, window.items)
    in_order = np.sort(items, axis=1)
    n_inside = window.inside.sum(axis=1)
    n_changes = (in_order[:, 1:] != in_order[:, :-1]).sum(axis=1)
    n_distinct = np.maximum(1 + n_changes - (WINDOW - n_inside), 1)
    as_newest = items[:, 1:] == items[:, :1]
    as_second = items[:, 2:] == items[:, 1:2]
    return [
        np.log1p(n_seen),
        np.log(n_distinct),
        np.log(np.maximum(n_inside, 1) / n_distinct),
        as_newest.any(axis=1),
        *as_newest[:, :_N_SAME].T,
        *as_second[:, :_N_SAME].T,
    ]


def _time_columns(window: _Window, pages: Pages) -> list[NDArray[np.float64]]:
    """Pauses, time since the visit began, hour of the day; whether times are known."""
    times_us, n = pages.visits.times_us, len(pages.visit)
    if times_us is None or not len(times_us):
        return [np.zeros(n)] * 7
    times = window.of(times_us, 0)
    is_pause = window.inside[:, 1:]
    took_s = np.where(is_pause, (times[:, :-1] - times[:, 1:]) / 1e6, _SHORTEST_S)
    pauses = np.log(np.maximum(took_s, _SHORTEST_S))
    first = times_us[np.minimum(pages.visits.starts[pages.visit], len(times_us) - 1)]
    known = (pages.n_seen > 0).astype(np.float64)
    since_s = np.maximum(times[:, 0] - first, 0) / 1e6
    hour = times[:, 0] % _DAY_US * (2 * np.pi / _DAY_US)
    return [
        known,
        pauses[:, 0],
        pauses[:, 1],
        pauses.sum(axis=1) / np.maximum(is_pause.sum(axis=1), 1),
        known * np.log1p(since_s),
        known * np.sin(hour),
        known * np.cos(hour),
    ]


def _mark_columns(window: _Window, pages: Pages) -> list[NDArray[np.float64]]:
    """Carts and purchases so far; whether they are known."""
    marks, n = pages.visits.marks, len(pages.visit)
    if marks is None:
        return [np.zeros(n)] * 6
    seen = seen_marks(window.of(marks, 0), np.arange(WINDOW) == 0)
    carts, bought = seen & CART > 0, seen & PURCHASE > 0
    return [
        np.ones(n),
        np.log1p(carts.sum(axis=1)),
        np.log1p(bought.sum(axis=1)),
        carts[:, 0].astype(np.float64),
        bought[:, 0].astype(np.float64),
        bought[:, 1].astype(np.float64),
    ]


_FIRST_TIME = -7 - 6
"""Where the columns of times and marks begin, from the end."""


def _anchors(log_prices: NDArray[np.float32]) -> NDArray[np.float32]:
    newest = log_prices[:, :N_ANCHORS]
    same = newest[:, :, None] == newest[:, None, :]
    again = (same & _OLDER).any(axis=2)
    return np.where(again, np.float32(np.nan), newest)
