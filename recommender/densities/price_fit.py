"""How well every product's price fits a visit, joined with what the model says.

A model that ranks by clicks alone knows a price only through the products that carry it; the price
density knows what the visit has looked at. Both are joined as a product of experts, whose powers
held-out visits choose.

Source: Hinton (2002), "Training Products of Experts by Minimizing Contrastive Divergence", Eq. 1.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions
from recommender.data.vocabulary import Vocabulary
from recommender.densities.features import Features, features_of, knows_prices
from recommender.densities.price import PriceDensity
from recommender.densities.visits import PriceList, Visits, whole_visits

_LEVEL = 0.005
"""Log prices this near are one price; the narrowest component is four times as wide."""
_LEAST = -8.0
"""Below this log density every price is as unlikely as the next one."""


class Powers(NamedTuple):
    """Of the two experts.

    Attributes:
        own: Of the model's probabilities.
        price: Of the price density; 0 leaves the model alone.
    """

    own: float = 1.0
    price: float = 0.0


ALONE = Powers()
"""The model without prices."""


@dataclass(frozen=True)
class PriceFit:
    """A `Blend` of a model with the density of the next price.

    Attributes:
        density: Of the next product's log price.
        prices: What products cost.
        vocabulary: The products of the model.
        powers: Of both.
    """

    density: PriceDensity
    prices: PriceList
    vocabulary: Vocabulary
    powers: Powers = ALONE

    def __call__(
        self, log_probabilities: NDArray[np.float32], sessions: Sessions
    ) -> NDArray[np.float32]:
        """Log-probabilities of both together, shape (n_sessions, n_items)."""
        told = self.fits(sessions)
        told *= np.float32(self.powers.price)
        told += np.float32(self.powers.own) * log_probabilities
        told -= told.max(axis=1, keepdims=True)
        told -= np.log(np.exp(told).sum(axis=1, keepdims=True))
        return told

    @property
    def n_bytes(self) -> int:
        """Bytes of the density's arrays; what products cost is the catalog's."""
        return sum(array.nbytes for array in self.density.arrays().values())

    def fits(self, sessions: Sessions) -> NDArray[np.float32]:
        """Log density of every product's price, shape (n_sessions, n_items).

        Products without a price get the mean of the others; a visit that has seen no price fits
        all alike.
        """
        visits = Visits(self._rows[sessions.items], sessions.starts)
        features = features_of(whole_visits(visits), self.prices)
        fits = self._fits_of(features)
        # There the density would speak of what it hardly met in training.
        fits[~knows_prices(features)] = 0
        return fits

    def factors(self, features: Features, items: NDArray[np.integer]) -> list[float | None]:
        """How many times as likely the price of each item is as that of one drawn by chance.

        Args:
            features: Of one page.
            items: Of the vocabulary, shape (n,); -1 for an unknown one.

        Returns:
            One factor an item; None where its price is not known.
        """
        told = np.exp(self._at_levels(features)[0])
        by_chance = told @ self._shares
        levels = np.append(self._level_of_item, -1)[items]
        return [float(told[level] / by_chance) if level >= 0 else None for level in levels]

    def _at_levels(self, features: Features) -> NDArray[np.float32]:
        """Log density of each price that products have, shape (n, n_levels)."""
        # In float32, as the levels are: what float64 would add is lost in rounding prices.
        outputs = self.density.outputs(features)
        told: NDArray[np.float32] = np.maximum(
            self.density.mixture.log_prob_at(outputs, self._levels), np.float32(_LEAST)
        )
        return told

    def _fits_of(self, features: Features) -> NDArray[np.float32]:
        told = self._at_levels(features)
        # The mean stands behind the last level: -1, of a product without a price, finds it there.
        mean = np.einsum("nl,l->n", told, self._shares)
        return np.concatenate([told, mean[:, None]], axis=1).take(self._level_of_item, axis=1)

    def with_powers(self, powers: Powers) -> "PriceFit":
        """The same with others."""
        return replace(self, powers=powers)

    @cached_property
    def _rows(self) -> NDArray[np.int32]:
        """Row in the price list of each product, shape (n_items,)."""
        return self.prices.products.numbers_of(self.vocabulary.item_ids)

    @cached_property
    def _levels(self) -> NDArray[np.float32]:
        """Log prices that products have, shape (n_levels,)."""
        return np.unique(self._rounded[np.isfinite(self._rounded)])

    @cached_property
    def _level_of_item(self) -> NDArray[np.int64]:
        """Shape (n_items,); -1 without a price."""
        found = np.searchsorted(self._levels, self._rounded)
        return np.where(np.isfinite(self._rounded), found, -1)

    @cached_property
    def _shares(self) -> NDArray[np.float32]:
        """Share of the products with a price that have each, shape (n_levels,)."""
        known = self._level_of_item[self._level_of_item >= 0]
        counts = np.bincount(known, minlength=len(self._levels))
        return (counts / max(1, len(known))).astype(np.float32)

    @cached_property
    def _rounded(self) -> NDArray[np.float32]:
        log_prices = self.prices.rows_of(self._rows).astype(np.float64)
        return (np.round(log_prices / _LEVEL) * _LEVEL).astype(np.float32)
