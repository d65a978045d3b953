"""Which products a day's visitors look at: every visit follows an intent.

A visitor has a taste and a price level and keeps to both, across categories. A visit aims at one
category, some at two in turn; its next product depends on category, level and taste together, so
that all of a visit says more than its last product. From a product with a complement many go on
to it, and often stay in its category.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipelines.simulate.categories import CATEGORIES, INDEX_OF_CODE, N_TASTES
from pipelines.simulate.shop import N_LEVELS, NEW_DAYS, Assortment

MAX_STEPS = 15
_POOL_DAYS = 4
"""A visitor comes on every fourth day only, so that visits of one visitor never overlap."""
_POOL_FACTOR = 5

# Chosen so that all of a visit says clearly more about the next product than its last one. On the
# default shop a softmax network over the visit finds about 65 % of next products in 20 places,
# rules from the last product about 50 %, the list of most viewed products about 10 %.
_LEVEL_SHARPNESS = 2.0
_OTHER_TASTE = 0.02
_NEW_FACTOR = 2.5
_P_END = 0.2
_P_SINGLE = 0.06
_P_TWO_AIMS = 0.35
_P_SWITCH = 0.5
_P_RETURN = 0.2
_P_COMPLEMENT = 0.25
_P_AT_ONCE = 0.25
_P_STAY = 0.6
_P_ASTRAY = 0.15
_P_BROWSE = 0.05
_P_DRIFT = 0.12
_WEEKDAY_FACTORS = (1.0, 0.95, 0.95, 1.0, 0.9, 1.05, 1.2)
_COMPLEMENT_CATEGORY = np.array([INDEX_OF_CODE[category.complement] for category in CATEGORIES])
_HOUR_WEIGHTS = (
    3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 11, 12, 11, 10, 10, 11, 12, 14, 17, 20, 20, 15, 9,
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """Everyone who may come; arrays by visitor number."""

    level: NDArray[np.int64]
    taste: NDArray[np.int64]
    consents: NDArray[np.bool_]
    visitors: int

    def of_day(self, day: date, rng: np.random.Generator) -> NDArray[np.int64]:
        """The numbers of those who come on a day, in no order."""
        factor = _WEEKDAY_FACTORS[day.weekday()] * rng.normal(1, 0.04)
        n_today = max(1, round(self.visitors * factor))
        pool = rng.permutation(_POOL_FACTOR * self.visitors)[:n_today]
        return pool * _POOL_DAYS + day.toordinal() % _POOL_DAYS


@dataclass(frozen=True)
class Visits:
    """A day's visits; the steps of visit i are `starts[i]:starts[i + 1]`.

    Attributes:
        visitor: Visitor numbers, shape (n_visits,).
        start_s: Seconds from the day's midnight, shape (n_visits,); returns come up to a day later.
        aims: Indices of the two categories aimed at, the same twice for one aim, (n_visits, 2).
        slot: The product of every step, shape (n_steps,).
        starts: Shape (n_visits + 1,).
    """

    visitor: NDArray[np.int64]
    start_s: NDArray[np.float64]
    aims: NDArray[np.int64]
    slot: NDArray[np.int64]
    starts: NDArray[np.int64]


def make_people(visitors: int, seed: int) -> People:
    """Everyone who may come, about `visitors` of them a day."""
    rng = np.random.default_rng([seed, 2])
    n_people = _POOL_DAYS * _POOL_FACTOR * visitors
    return People(
        level=rng.choice(N_LEVELS, n_people, p=[0.25, 0.35, 0.25, 0.15]),
        taste=rng.integers(0, N_TASTES, n_people),
        consents=rng.random(n_people) > 0.03,
        visitors=visitors,
    )


def visits_of(shelf: Assortment, people: People, day: date, rng: np.random.Generator) -> Visits:
    """Draw the visits that begin on a day, and their returns some hours later."""
    visitor = people.of_day(day, rng)
    n_first = len(visitor)
    start_s = _start_times(n_first, rng)
    taste = people.taste[visitor]
    level = np.clip(people.level[visitor] + rng.choice([-1, 0, 0, 0, 0, 1], n_first), 0, 3)
    aims = rng.choice(len(CATEGORIES), (n_first, 2), p=_category_shares(shelf))
    one_aim = rng.random(n_first) >= _P_TWO_AIMS
    aims[one_aim, 1] = aims[one_aim, 0]

    returns = np.flatnonzero(rng.random(n_first) < _P_RETURN)
    who = np.concatenate([np.arange(n_first), returns])
    start_s = np.concatenate([start_s, start_s[returns] + rng.uniform(3, 20, len(returns)) * 3600])
    walk = _Walk(shelf, day, aims[who], level[who], taste[who], rng)
    table = walk.steps()
    lengths = (table >= 0).sum(axis=1)
    # Who comes back begins where the visit before ended, every second time.
    again = returns[rng.random(len(returns)) < 0.5]
    table[n_first + np.searchsorted(returns, again), 0] = table[again, lengths[again] - 1]
    return Visits(
        visitor=visitor[who],
        start_s=start_s,
        aims=aims[who],
        slot=table[table >= 0],
        starts=np.concatenate([[0], np.cumsum(lengths)]),
    )


def slots_for_sale(shelf: Assortment, day: date) -> NDArray[np.bool_]:
    """What visits of a day may touch: a visit may run into the next day, so both days count."""
    return shelf.on_sale(day) & shelf.on_sale(date.fromordinal(day.toordinal() + 1))


def _category_shares(shelf: Assortment) -> NDArray[np.float64]:
    weights = np.random.default_rng([shelf.seed, 3]).lognormal(0, 0.4, len(CATEGORIES))
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _start_times(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    weights = np.array(_HOUR_WEIGHTS, float)
    return (rng.choice(24, n, p=weights / weights.sum()) + rng.random(n)) * 3600


def _lengths(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    lengths = np.minimum(1 + rng.geometric(_P_END, n), MAX_STEPS)
    return np.where(rng.random(n) < _P_SINGLE, 1, lengths)


class _Choice:
    """Draws a slot for an intent: one cumulative table over all (category, level, taste)."""

    def __init__(self, shelf: Assortment, day: date, rng: np.random.Generator) -> None:
        self.rng = rng
        age = shelf.age(day)
        weight = shelf.popularity * np.where((age >= 0) & (age < NEW_DAYS + 2), _NEW_FACTOR, 1.0)
        weight = np.where(slots_for_sale(shelf, day), weight, 0.0)
        first = np.searchsorted(shelf.category, np.arange(len(CATEGORIES) + 1))
        parts: list[NDArray[np.float64]] = []
        whole: list[NDArray[np.float64]] = []
        slots: list[NDArray[np.int64]] = []
        for category in range(len(CATEGORIES)):
            here = np.arange(first[category], first[category + 1])
            whole.append(category + np.cumsum(weight[here]) / weight[here].sum())
            for level in range(N_LEVELS):
                near = np.exp(-_LEVEL_SHARPNESS * np.abs(shelf.level[here] - level))
                for taste in range(N_TASTES):
                    liked = np.where(shelf.taste[here] == taste, 1.0, _OTHER_TASTE)
                    chances = np.cumsum(weight[here] * near * liked)
                    parts.append(len(parts) + chances / chances[-1])
                    slots.append(here)
        self._table = np.concatenate(parts)
        self._slots = np.concatenate(slots)
        self._whole = np.concatenate(whole)
        self._anything = np.cumsum(weight) / weight.sum()

    def draw(
        self, category: NDArray[np.int64], level: NDArray[np.int64], taste: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """One slot for every intent."""
        cell = (category * N_LEVELS + level) * N_TASTES + taste
        place = np.searchsorted(self._table, cell + self.rng.random(len(cell)), side="right")
        return self._slots[np.minimum(place, len(self._slots) - 1)]

    def of_category(self, category: NDArray[np.int64]) -> NDArray[np.int64]:
        """Slots of a category by popularity alone."""
        place = np.searchsorted(self._whole, category + self.rng.random(len(category)), "right")
        return np.minimum(place, len(self._whole) - 1)

    def anything(self, n: int) -> NDArray[np.int64]:
        """Slots by popularity alone."""
        place = np.searchsorted(self._anything, self.rng.random(n), side="right")
        return np.minimum(place, len(self._anything) - 1)


class _Walk:
    """All visits of a day, one step at a time."""

    def __init__(
        self,
        shelf: Assortment,
        day: date,
        aims: NDArray[np.int64],
        level: NDArray[np.int64],
        taste: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        self.shelf, self.level, self.taste, self.rng = shelf, level, taste, rng
        self.choice = _Choice(shelf, day, rng)
        self.for_sale = slots_for_sale(shelf, day)
        self.category = aims.copy()
        self.two_aims = aims[:, 0] != aims[:, 1]
        self.active = np.zeros(len(aims), np.int64)
        self.lengths = _lengths(len(aims), rng)
        # A complement is looked at one or two steps after its product.
        self.pending = np.full(len(aims), -1)
        self.wait = np.zeros(len(aims), np.int64)
        self.table = np.full((len(aims), MAX_STEPS), -1)

    def steps(self) -> NDArray[np.int64]:
        """Shape (n_visits, `MAX_STEPS`); -1 behind the end of a visit."""
        for step in range(MAX_STEPS):
            rows = np.flatnonzero(self.lengths > step)
            if not len(rows):
                break
            self.table[rows, step] = self._next(rows, step)
            self._plan(rows, self.table[rows, step])
        return self.table

    def _next(self, rows: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        switches = self.two_aims[rows] & (self.rng.random(len(rows)) < _P_SWITCH) & (step > 0)
        self.active[rows[switches]] ^= 1
        if step:
            self._drift(rows)
        slot = self._by_intent(rows)
        looks_around = self.rng.random(len(rows)) < _P_BROWSE
        slot = np.where(looks_around, self._of_category(rows), slot)
        astray = self.rng.random(len(rows)) < _P_ASTRAY
        slot = np.where(astray, self.choice.anything(len(rows)), slot)
        for _ in range(3):
            seen = (self.table[rows] == slot[:, None]).any(axis=1)
            slot = np.where(seen, self._by_intent(rows), slot)
        return self._complements(rows, slot)

    def _drift(self, rows: NDArray[np.int64]) -> None:
        """Let some go on to the category that goes with theirs, at their own level and taste."""
        moved = rows[self.rng.random(len(rows)) < _P_DRIFT]
        here = self.category[moved, self.active[moved]]
        self.category[moved, self.active[moved]] = _COMPLEMENT_CATEGORY[here]

    def _by_intent(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        category = self.category[rows, self.active[rows]]
        return self.choice.draw(category, self.level[rows], self.taste[rows])

    def _of_category(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.choice.of_category(self.category[rows, self.active[rows]])

    def _complements(self, rows: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.int64]:
        """Put the complement in whose turn has come; many visits then stay in its category."""
        self.wait[rows] -= 1
        partner = self.pending[rows]
        seen = (self.table[rows] == partner[:, None]).any(axis=1)
        due = (partner >= 0) & (self.wait[rows] <= 0)
        self.pending[rows[due]] = -1
        due &= ~seen
        stays = due & (self.rng.random(len(rows)) < _P_STAY)
        moved = rows[stays]
        self.category[moved, self.active[moved]] = self.shelf.category[partner[stays]]
        return np.where(due, partner, slot)

    def _plan(self, rows: NDArray[np.int64], slot: NDArray[np.int64]) -> None:
        partner = self.shelf.complement[slot]
        wants = (partner >= 0) & (self.pending[rows] < 0)
        wants &= self.rng.random(len(rows)) < _P_COMPLEMENT
        self.pending[rows[wants]] = partner[wants]
        self.wait[rows[wants]] = np.where(self.rng.random(int(wants.sum())) < _P_AT_ONCE, 1, 2)
