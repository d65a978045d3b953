"""The made-up shop's assortment: which product stands on which place of the shelf, and when.

Visits are drawn over places of the shelf ("slots"). Most slots hold one product for good; a few
are rolling: their product sells out after a month or so and a new one follows. Everything hangs on
the seed and on calendar dates only, so that the same day is the same in every run.
"""

from dataclasses import dataclass
from datetime import date
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from pipelines.simulate.categories import (
    BRANDS,
    CATEGORIES,
    INDEX_OF_CODE,
    LEVEL_FACTORS,
    N_TASTES,
)

N_LEVELS = len(LEVEL_FACTORS)
CYCLE_DAYS = 40
"""A rolling slot gets a new product every so many days."""
NEW_DAYS = 4
"""A product is new on its first days."""
SHARE_WITH_COMPLEMENT = 0.3
MIN_PRODUCTS = 2 * len(CATEGORIES)
_WORDS = (
    "Amber", "Aspen", "Basalt", "Bay", "Birch", "Breeze", "Cedar", "Cliff", "Cloud", "Clover",
    "Coral", "Cove", "Delta", "Dune", "Echo", "Ember", "Fable", "Field", "Fjord", "Flint",
    "Forest", "Frost", "Garden", "Glade", "Grove", "Harbor", "Heath", "Hollow", "Island", "Juniper",
    "Lagoon", "Lark", "Linden", "Loft", "Maple", "Marsh", "Meadow", "Mesa", "Mist", "Moor",
    "Moss", "Nest", "Orchard", "Pebble", "Pine", "Plume", "Prairie", "Quarry", "Quill", "Reed",
    "Ridge", "River", "Saffron", "Sage", "Shore", "Slate", "Spruce", "Summit", "Tide", "Vale",
)  # fmt: skip


@dataclass(frozen=True)
class Assortment:
    """What every slot holds; all arrays have shape (n_slots,) and are sorted by category.

    Attributes:
        category: Index into `CATEGORIES`.
        level: Price level, 0 is the cheapest.
        taste: Taste of the slot's brand.
        brand: Index into `BRANDS`.
        price: In euros.
        popularity: Relative chance to be looked at, mean about 1.
        complement: The slot that goes with it, in another category; -1 for none.
        number: Running number inside the category, from 1.
        typed: Whether the feed gives its `product_type`.
        phase: Day of the cycle on which a new product comes; -1 for slots that never change.
        days_on_sale: Days after which a rolling slot's product is sold out.
    """

    seed: int
    category: NDArray[np.int64]
    level: NDArray[np.int64]
    taste: NDArray[np.int64]
    brand: NDArray[np.int64]
    price: NDArray[np.float64]
    popularity: NDArray[np.float64]
    complement: NDArray[np.int64]
    number: NDArray[np.int64]
    typed: NDArray[np.bool_]
    phase: NDArray[np.int64]
    days_on_sale: NDArray[np.int64]

    @property
    def n_slots(self) -> int:
        """Places on the shelf."""
        return len(self.category)

    def age(self, day: date) -> NDArray[np.int64]:
        """Days since each slot's product came, -1 for products that were always there."""
        return np.where(self.phase < 0, -1, (day.toordinal() - self.phase) % CYCLE_DAYS)

    def on_sale(self, day: date) -> NDArray[np.bool_]:
        """Which slots can be bought on a day."""
        return self.age(day) < self.days_on_sale

    def item_id(self, slot: int, day: date) -> str:
        """The id of the product that a slot holds on a day; it ends in the day it came."""
        item_id = f"{CATEGORIES[self.category[slot]].code}-{self.number[slot]:03d}"
        if self.phase[slot] < 0:
            return item_id
        came = date.fromordinal(day.toordinal() - int(self.age(day)[slot]))
        return f"{item_id}-{came:%y%m%d}"


def make_assortment(n_products: int, seed: int) -> Assortment:
    """Fill the shelf.

    Args:
        n_products: Number of slots, at least `MIN_PRODUCTS`.
        seed: The shop's seed.

    Raises:
        ValueError: If there are too few products for the categories.
    """
    if n_products < MIN_PRODUCTS:
        raise ValueError(f"n_products: expected at least {MIN_PRODUCTS}, got {n_products}")
    rng = np.random.default_rng([seed, 1])
    category = np.sort(np.arange(n_products) % len(CATEGORIES))
    number = np.arange(n_products) - np.searchsorted(category, category) + 1
    level = rng.permuted(np.arange(n_products) % N_LEVELS)
    taste = rng.integers(0, N_TASTES, n_products)
    brand = np.array([_brand(t, lv) for t, lv in zip(taste, level, strict=True)])
    bases = np.array([c.base_price for c in CATEGORIES])
    raw = bases[category] * np.array(LEVEL_FACTORS)[level] * rng.uniform(0.85, 1.15, n_products)
    price = np.where(raw < 30, np.round(raw) - 0.1, np.maximum(np.round(raw / 5) * 5, 5) - 0.05)
    typed = np.ones(n_products, np.bool_)
    typed[rng.choice(n_products, round(n_products / 10), replace=False)] = False
    phase, days_on_sale = _rolling(number, rng)
    return Assortment(
        seed=seed,
        category=category,
        level=level,
        taste=taste,
        brand=brand,
        price=np.round(price, 2),
        popularity=rng.lognormal(-0.25, 0.7, n_products),
        complement=_complements(category, level, taste, phase, rng),
        number=number,
        typed=typed,
        phase=phase,
        days_on_sale=days_on_sale,
    )


def model_name(assortment: Assortment, slot: int, day: date) -> str:
    """The name of the product that a slot holds on a day, unlike its neighbors' on the shelf."""
    category, number = assortment.category[slot], int(assortment.number[slot])
    came = "" if assortment.phase[slot] < 0 else assortment.item_id(slot, day)[-6:]
    place = crc32(f"{assortment.seed}/{category}/{came}".encode()) + number
    series = number // len(_WORDS)
    return _WORDS[place % len(_WORDS)] + (f" {series + 1}" if series else "")


def _brand(taste: int, level: int) -> int:
    """The brand that serves a taste at a price level."""
    return next(i for i, b in enumerate(BRANDS) if b.taste == taste and level in b.levels)


def _rolling(
    number: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the slots that change; at least one new product comes every `NEW_DAYS` days."""
    n_products = len(number)
    n_rolling = max(n_products // 10, CYCLE_DAYS // NEW_DAYS)
    # The first product of every category stays, so that no category is ever empty.
    chosen = rng.choice(np.flatnonzero(number > 1), n_rolling, replace=False)
    phase = np.full(n_products, -1)
    phase[chosen] = np.arange(n_rolling) * CYCLE_DAYS // n_rolling
    days_on_sale = np.where(phase < 0, 1, rng.integers(30, 36, n_products))
    return phase, days_on_sale


def _complements(
    category: NDArray[np.int64],
    level: NDArray[np.int64],
    taste: NDArray[np.int64],
    phase: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Give some slots a partner in the complement category, alike in level and taste."""
    partner = np.full(len(category), -1)
    for slot in np.flatnonzero((phase < 0) & (rng.random(len(category)) < SHARE_WITH_COMPLEMENT)):
        wanted = INDEX_OF_CODE[CATEGORIES[category[slot]].complement]
        others = np.flatnonzero((category == wanted) & (phase < 0))
        if not len(others):
            continue
        distance = np.abs(level[others] - level[slot]) + 2 * (taste[others] != taste[slot])
        partner[slot] = others[np.argmin(distance + rng.random(len(others)))]
    return partner
