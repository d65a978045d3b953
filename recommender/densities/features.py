"""What a visit so far tells, as numbers; training and serving make them by the same code.

Prices stand as differences to the newest one, so that a density learned on cheap products holds
for dear ones. What a page does not know, as times and carts often are, is 0 beside a column that
says so.
"""

from typing import NamedTuple, TypeVar

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

PRICES, COURSE, TIMES, MARKS = slice(0, 20), slice(20, 30), slice(30, 37), slice(37, 43)
"""Where the columns of each kind stand."""
N_FEATURES = MARKS.stop

_STEPS = np.arange(WINDOW)
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
    columns = np.zeros((len(log_prices), N_FEATURES), np.float32)
    _put_prices(columns[:, PRICES], log_prices)
    _put_course(columns[:, COURSE], window)
    if pages.visits.times_us is not None and len(pages.visits.times_us):
        _put_times(columns[:, TIMES], window, pages, pages.visits.times_us)
    if pages.visits.marks is not None:
        _put_marks(columns[:, MARKS], window, pages.visits.marks)
    return Features(columns, _anchors(log_prices))


def without_times_and_marks(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns as they are where neither is known."""
    kept = columns.copy()
    kept[:, TIMES] = kept[:, MARKS] = 0
    return kept


def knows_times(columns: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the page knows when products were seen, shape (n,)."""
    known: NDArray[np.bool_] = columns[:, TIMES.start] > 0
    return known


def knows_prices(features: Features) -> NDArray[np.bool_]:
    """Whether a price of the newest products is known, shape (n,)."""
    return np.asarray(np.isfinite(features.anchors).any(axis=1))


class _Window:
    """The newest steps of pages, newest first; shapes (n, WINDOW)."""

    def __init__(self, pages: Pages) -> None:
        self.n_seen = pages.n_seen
        self.inside = pages.n_seen[:, None] > _STEPS
        self.place = np.where(self.inside, pages.last_step[:, None] - _STEPS, 0)
        self.items = self.of(pages.visits.items, UNKNOWN)

    def of(self, values: NDArray[Number], outside: int) -> NDArray[Number]:
        if not len(values):
            return np.full(self.place.shape, outside, values.dtype)
        return np.where(self.inside, values[self.place], values.dtype.type(outside))


def _put_prices(columns: NDArray[np.float32], log_prices: NDArray[np.float32]) -> None:
    """The newest price and, as differences to it, those before, their mean, spread and ends."""
    known = np.isfinite(log_prices)
    n_known = known.sum(axis=1)
    # The newest that is known; 0 where none is.
    newest = log_prices[np.arange(len(known)), known.argmax(axis=1)]
    newest = np.where(n_known > 0, newest, np.float32(0))
    apart = np.where(known, log_prices - newest[:, None], 0).astype(np.float64)
    n_known = np.maximum(n_known, 1)
    mean = apart.sum(axis=1) / n_known
    spread = np.where(known, apart - mean[:, None], 0)
    columns[:, 0] = newest
    columns[:, 1:N_ANCHORS] = apart[:, 1:N_ANCHORS]
    columns[:, N_ANCHORS : 2 * N_ANCHORS] = known[:, :N_ANCHORS]
    columns[:, -4] = mean
    columns[:, -3] = np.sqrt((spread**2).sum(axis=1) / n_known)
    columns[:, -2] = apart.min(axis=1)
    columns[:, -1] = apart.max(axis=1)


def _put_course(columns: NDArray[np.float32], window: _Window) -> None:
    """Length of the visit, and how much it goes back and forth."""
    # Products without a row differ from one another and from those outside the visit.
    items = np.where(window.items == UNKNOWN, -2 - _STEPS, window.items)
    in_order = np.sort(items, axis=1)
    n_inside = np.minimum(window.n_seen, WINDOW)
    n_changes = (in_order[:, 1:] != in_order[:, :-1]).sum(axis=1)
    n_distinct = np.maximum(1 + n_changes - (WINDOW - n_inside), 1)
    as_newest = items[:, 1:] == items[:, :1]
    columns[:, 0] = np.log1p(window.n_seen)
    columns[:, 1] = np.log(n_distinct)
    columns[:, 2] = np.log(np.maximum(n_inside, 1) / n_distinct)
    columns[:, 3] = as_newest.any(axis=1)
    columns[:, 4 : 4 + _N_SAME] = as_newest[:, :_N_SAME]
    columns[:, 4 + _N_SAME :] = items[:, 2 : 2 + _N_SAME] == items[:, 1:2]


def _put_times(
    columns: NDArray[np.float32], window: _Window, pages: Pages, times_us: NDArray[np.int64]
) -> None:
    """Whether times are known; pauses, time since the visit began, hour of the day."""
    times = window.of(times_us, 0)
    is_pause = window.inside[:, 1:]
    took_s = np.where(is_pause, (times[:, :-1] - times[:, 1:]) / 1e6, _SHORTEST_S)
    pauses = np.log(np.maximum(took_s, _SHORTEST_S))
    first = times_us[np.minimum(pages.visits.starts[pages.visit], len(times_us) - 1)]
    known = window.n_seen > 0
    since_s = np.maximum(times[:, 0] - first, 0) / 1e6
    hour = times[:, 0] % _DAY_US * (2 * np.pi / _DAY_US)
    columns[:, 0] = known
    columns[:, 1:3] = pauses[:, :2]
    columns[:, 3] = pauses.sum(axis=1) / np.maximum(is_pause.sum(axis=1), 1)
    columns[:, 4] = known * np.log1p(since_s)
    columns[:, 5] = known * np.sin(hour)
    columns[:, 6] = known * np.cos(hour)


def _put_marks(columns: NDArray[np.float32], window: _Window, marks: NDArray[np.uint8]) -> None:
    """That they are known; carts and purchases so far."""
    seen = seen_marks(window.of(marks, 0), _STEPS == 0)
    carts, bought = seen & CART > 0, seen & PURCHASE > 0
    columns[:, 0] = 1
    columns[:, 1] = np.log1p(carts.sum(axis=1))
    columns[:, 2] = np.log1p(bought.sum(axis=1))
    columns[:, 3] = carts[:, 0]
    columns[:, 4:6] = bought[:, :2]


def _anchors(log_prices: NDArray[np.float32]) -> NDArray[np.float32]:
    newest = log_prices[:, :N_ANCHORS]
    same = newest[:, :, None] == newest[:, None, :]
    again = (same & _OLDER).any(axis=2)
    return np.where(again, np.float32(np.nan), newest)
