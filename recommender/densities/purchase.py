"""The chance to buy: that a visitor who has not bought yet will, before this visit ends."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.densities.features import Features
from recommender.densities.network import DensityNetwork
from recommender.models.families.bernoulli import Bernoulli
from recommender.models.mixture import Mixture

PURCHASE_MIXTURE = Mixture(Bernoulli(), 1)
"""One component: a mixture of yes and no is a yes or no."""


class PurchaseChance(NamedTuple):
    """Chance of a purchase after the page, in the same visit, where nothing was bought before.

    Attributes:
        network: Gives the logit.
    """

    network: DensityNetwork

    def outputs(self, features: Features) -> NDArray[np.float32]:
        """What the mixture reads, shape (n, n_outputs)."""
        return self.network.outputs(features.columns)

    def probability(self, features: Features) -> NDArray[np.float64]:
        """Chance of a purchase, shape (n,)."""
        return np.asarray(PURCHASE_MIXTURE.mean(self.outputs(features).astype(np.float64)))[:, 0]

    def log_prob(self, features: Features, bought: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Log probability of what came, shape (n,)."""
        outputs = self.outputs(features).astype(np.float64)
        return np.asarray(PURCHASE_MIXTURE.log_prob(outputs, bought.astype(np.float64)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads."""
        return self.network.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What `arrays` gave."""
        return cls(DensityNetwork.from_arrays(arrays))
