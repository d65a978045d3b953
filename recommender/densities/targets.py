"""What came after a page: the next product's price, the pause before it, a purchase."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.marks import PURCHASE, WITHIN
from recommender.densities.visits import Pages, PriceList

SHORTEST_S = 0.5
"""Pauses count as no shorter: times are known to the second in many logs."""


def next_log_prices(pages: Pages, prices: PriceList) -> NDArray[np.float64]:
    """Log price of the next product, shape (n,); NaN where none came or its price is not known."""
    following = _following(pages)
    items = np.where(following < 0, np.int32(-1), pages.visits.items[following])
    return prices.rows_of(items).astype(np.float64)


def pauses_s(pages: Pages) -> NDArray[np.float64]:
    """Seconds to the next click, shape (n,); NaN where none came.

    Raises:
        ValueError: If the visits have no times.
    """
    times_us = pages.visits.times_us
    if times_us is None:
        raise ValueError("pauses need visits with times")
    following = _following(pages)
    took_s = (times_us[following] - times_us[pages.last_step]) / 1e6
    return np.where(following < 0, np.nan, np.maximum(took_s, SHORTEST_S))


class Purchases(NamedTuple):
    """Whether the visitor buys after a page.

    Attributes:
        is_open: Whether nothing was bought before, so that the question is one, shape (n,).
        bought: Whether something is bought after the page opened, in the same visit, shape (n,).
    """

    is_open: NDArray[np.bool_]
    bought: NDArray[np.bool_]


def purchases(pages: Pages) -> Purchases:
    """Look for a purchase before and after each page.

    Raises:
        ValueError: If the visits have no marks.
    """
    visits = pages.visits
    if visits.marks is None:
        raise ValueError("purchases need visits with marks")
    at_once, within = visits.marks & PURCHASE > 0, visits.marks >> WITHIN & PURCHASE > 0
    bought = np.concatenate([[0], np.cumsum(at_once | within)])
    first, last = visits.starts[pages.visit], pages.last_step
    before = (bought[last] > bought[first]) | at_once[last]
    after = (bought[visits.starts[pages.visit + 1]] > bought[last + 1]) | within[last]
    return Purchases(~before, after)


def _following(pages: Pages) -> NDArray[np.int64]:
    """Place of the next step, -1 where the visit ends."""
    following = pages.last_step + 1
    return np.where(following < pages.visits.starts[pages.visit + 1], following, -1)
