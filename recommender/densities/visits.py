"""Visits with prices, times and carts, and the pages at which densities are asked."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.marks import CART, PURCHASE, WITHIN
from recommender.data.vocabulary import Vocabulary

MOST = 1e9
"""A price from here on is a mistake, and no price is known."""
UNKNOWN = -1
"""Row of a product that the price list does not hold."""


class PriceList(NamedTuple):
    """Every product of the log, also those too rare to be recommended, and what it costs.

    Attributes:
        products: Their ids.
        log_prices: Natural logarithms, shape (n_products,), float32; NaN where nothing is known.
    """

    products: Vocabulary
    log_prices: NDArray[np.float32]

    @classmethod
    def of(cls, item_ids: Sequence[str], *prices: Mapping[str, float]) -> Self:
        """The list of some products, each with the first possible price that is found for it."""
        found = np.full(len(item_ids), np.nan)
        for row, item_id in enumerate(item_ids):
            named = (source[item_id] for source in prices if item_id in source)
            found[row] = next((price for price in named if 0 < price < MOST), np.nan)
        return cls(Vocabulary(item_ids), np.log(found).astype(np.float32))

    def rows_of(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Log prices of rows of this list, NaN for `UNKNOWN`; any shape."""
        if not len(self.log_prices):
            return np.full(items.shape, np.nan, np.float32)
        return np.where(items == UNKNOWN, np.float32(np.nan), self.log_prices[items])

    def prices_of(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Log prices of products by id, shape (n,)."""
        return self.rows_of(self.products.numbers_of(item_ids))


class Visits(NamedTuple):
    """Visits laid end to end.

    Attributes:
        items: Rows of a price list, shape (n_steps,), int32; oldest step of a visit first.
        starts: Where each visit starts in `items`, with the end behind, shape (n_visits + 1,).
        times_us: When each step began, µs since 1970, shape (n_steps,), int64; None where it is
            not known.
        marks: What was done at each step, as in `SessionLog`, shape (n_steps,), uint8; None where
            it is not known.
    """

    items: NDArray[np.int32]
    starts: NDArray[np.int64]
    times_us: NDArray[np.int64] | None = None
    marks: NDArray[np.uint8] | None = None


class Pages(NamedTuple):
    """Moments at which something is asked: a visit so far.

    Attributes:
        visits: What they are part of.
        visit: The visit of each page, shape (n,).
        n_seen: Steps that were seen by then, the page's own included, shape (n,); 0 before the
            first.
    """

    visits: Visits
    visit: NDArray[np.int64]
    n_seen: NDArray[np.int64]

    @property
    def last_step(self) -> NDArray[np.int64]:
        """Place of the page's own step in the visits' arrays, shape (n,)."""
        return self.visits.starts[self.visit] + self.n_seen - 1

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Pages":
        """Some of the pages."""
        return self._replace(visit=self.visit[chosen], n_seen=self.n_seen[chosen])


def visit_of_ids(
    item_ids: Sequence[str],
    products: Vocabulary,
    cart: Collection[str] | None = None,
    times_us: NDArray[np.int64] | None = None,
) -> Visits:
    """One visit as a shop's page knows it.

    Args:
        item_ids: What was seen, oldest first.
        products: Of the price list.
        cart: What lies in the cart; None where the page does not say.
        times_us: When each was seen, shape (n,); None where the page does not say.

    Raises:
        ValueError: If the times are not as many as the products.
    """
    if times_us is not None and len(times_us) != len(item_ids):
        raise ValueError(f"{len(item_ids)} products came with {len(times_us)} times")
    marks = None
    if cart is not None:
        marks = np.array([CART * (item_id in cart) for item_id in item_ids], np.uint8)
    starts = np.array([0, len(item_ids)], np.int64)
    return Visits(products.numbers_of(item_ids), starts, times_us, marks)


def every_page(visits: Visits) -> Pages:
    """Every step of every visit, in their order."""
    lengths = np.diff(visits.starts)
    visit = np.repeat(np.arange(len(lengths)), lengths)
    return Pages(visits, visit, np.arange(len(visit)) - visits.starts[visit] + 1)


def whole_visits(visits: Visits) -> Pages:
    """The present page of every visit, empty ones included."""
    return Pages(visits, np.arange(len(visits.starts) - 1), np.diff(visits.starts))


def seen_marks(marks: NDArray[np.uint8], is_own: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What is known of steps at a page: of its own step only the event that began it.

    Args:
        marks: As in `SessionLog`, any shape.
        is_own: Whether a step is the page's own, same shape.

    Returns:
        `CART` and `PURCHASE`, same shape.
    """
    known = np.where(is_own, marks, marks | marks >> WITHIN) & (CART | PURCHASE)
    return known.astype(np.uint8)
