"""Visits with a structure to find."""

from collections.abc import Sequence

import numpy as np
import pytest

from recommender.data.examples import Sessions
from recommender.data.marks import CART, PURCHASE, WITHIN
from recommender.data.noise import NEVER
from recommender.data.steps import SessionLog
from recommender.densities.densities import Densities
from recommender.densities.fit import fit_densities
from recommender.densities.visits import PriceList
from recommender.settings import Settings

N_PRODUCTS = 400


def log_of(
    items: Sequence[int], starts: Sequence[int], times_us: Sequence[int], marks: Sequence[int],
    n_items: int,
) -> SessionLog:  # fmt: skip
    starts = np.asarray(starts, np.int64)
    times = np.asarray(times_us, np.int64)
    return SessionLog(
        [f"p{row:03}" for row in range(n_items)],
        Sessions(np.asarray(items, np.int32), starts, times[starts[:-1]]),
        times,
        np.full(len(starts) - 1, NEVER, np.int64),
        len(items),
        {},
        np.asarray(marks, np.uint8),
    )


def planted_log(seed: int, n_visits: int = 900) -> SessionLog:
    """Visitors keep to a price and to a pace, go back to products, and buy what is in the cart.

    Products are sorted by price. A next product is an earlier one of the visit with probability
    .5, else one at most 40 places away from the first; pauses are 5 s or 100 s, give or take
    10 %; of the visits a third put something into the cart, and of these two thirds buy at the
    end, of the others one in twenty.
    """
    random = np.random.default_rng(seed)
    items, starts, times, marks = [], [0], [], []
    for visit in range(n_visits):
        length = int(random.integers(2, 8))
        place = int(random.integers(40, N_PRODUCTS - 40))
        pace_s = (5.0, 100.0)[int(random.integers(2))]
        own = [place]
        for _ in range(length - 1):
            others = [item for item in own if item != own[-1]]
            back = others and random.random() < 0.5
            new = place + int(random.integers(-40, 41))
            own.append(int(random.choice(others)) if back else new + (new == own[-1]))
        at = 10_000_000_000 * visit
        cart = random.random() < 1 / 3
        buys = random.random() < (2 / 3 if cart else 1 / 20)
        own_marks = np.zeros(length, int)
        own_marks[0] = CART * cart
        own_marks[-1] |= (PURCHASE * buys) << WITHIN
        for step in range(length):
            items.append(own[step])
            times.append(at)
            at += round(1e6 * pace_s * np.exp(0.1 * random.standard_normal()))
        marks += own_marks.tolist()
        starts.append(len(items))
    return log_of(items, starts, times, marks, N_PRODUCTS)


def planted_prices(log: SessionLog) -> PriceList:
    """From 10 to 1000, the next one always dearer by the same share."""
    prices = np.geomspace(10, 1000, N_PRODUCTS)
    return PriceList.of(log.item_ids, dict(zip(log.item_ids, prices.tolist(), strict=True)))


@pytest.fixture(scope="session")
def planted() -> tuple[SessionLog, SessionLog, PriceList]:
    """A log to learn from, another to judge on, and the prices."""
    learned, judged = planted_log(1), planted_log(2, 300)
    return learned, judged, planted_prices(learned)


@pytest.fixture(scope="session")
def fitted(planted: tuple[SessionLog, SessionLog, PriceList]) -> Densities:
    """Densities of the planted log."""
    learned, _, prices = planted
    return fit_densities(learned, prices, Settings())
