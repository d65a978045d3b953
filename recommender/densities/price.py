"""The next product's price: a mixture around the prices that the visit has seen.

Visitors come back to products, and what they see next costs about what they saw before. Some
components stand at the newest products' own prices and can be as narrow as `SMALLEST_SCALE`;
the others start from the newest price and are free.

Source: Bishop (1994), "Mixture Density Networks", NCRG/94/004.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.densities.cumulative import cumulative, quantiles
from recommender.densities.features import N_ANCHORS, Features
from recommender.densities.network import DensityNetwork
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.special import inverse_softplus
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.mixture import Mixture

SMALLEST_SCALE = 0.02
"""Of a component, in log price: two percent."""
_START_SCALE = 0.05
_ABSENT = -30.0
"""Added to the weight's logit of a component that has no price to stand at."""


def price_family(name: str) -> Family:
    """The family of the components: `gaussian` or `truncated_gaussian`.

    Raises:
        ValueError: If it is another one.
    """
    families: dict[str, Family] = {
        "gaussian": Gaussian(SMALLEST_SCALE),
        "truncated_gaussian": TruncatedGaussian(smallest_scale=SMALLEST_SCALE),
    }
    if name not in families:
        raise ValueError(f"prices are {' or '.join(families)}, got {name!r}")
    return families[name]


def price_mixture(name: str, n_free: int, log_prices: NDArray[np.float64]) -> Mixture:
    """Components at the visit's prices, and free ones.

    Args:
        name: Of the family.
        n_free: Free components.
        log_prices: Training targets, shape (n,).
    """
    return Mixture(price_family(name), N_ANCHORS + n_free).adapted(log_prices)


class PriceDensity(NamedTuple):
    """Density of the next product's log price.

    Attributes:
        network: Gives the outputs before the offsets.
        mixture: Reads them.
        typical: Log price that free components start from before any price was seen.
    """

    network: DensityNetwork
    mixture: Mixture
    typical: float

    @property
    def of_log(self) -> Mixture:
        """The mixture of the price's logarithm: the one that it is."""
        return self.mixture

    def outputs(self, features: Features) -> NDArray[np.float32]:
        """What the mixture reads, shape (n, n_outputs)."""
        return self.network.outputs(features.columns) + price_offsets(
            features, self.mixture, self.typical
        )

    def log_prob(self, features: Features, log_prices: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log density at one log price a page, shape (n,)."""
        outputs = self.outputs(features).astype(np.float64)
        return np.asarray(self.mixture.log_prob(outputs, log_prices.astype(np.float64)))

    def log_prob_at(
        self, features: Features, log_prices: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Log density of every page at several log prices, shape (n, m).

        Args:
            features: Of n pages.
            log_prices: Shape (m,); NaN gives NaN.
        """
        outputs = self.outputs(features).astype(np.float64)
        return np.asarray(self.mixture.log_prob_at(outputs, log_prices.astype(np.float64)))

    def cumulative(
        self, features: Features, log_prices: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Chance that the next product costs at most so much, shape (n,)."""
        points = log_prices.astype(np.float64)[:, None]
        return cumulative(self.mixture, self.outputs(features), points)[:, 0]

    def quantiles(self, features: Features, shares: Sequence[float]) -> NDArray[np.float64]:
        """Log prices below which each share lies, shape (n, n_shares)."""
        return quantiles(self.mixture, self.outputs(features), shares)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads."""
        return {**self.network.arrays(), "typical": np.array(self.typical)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], mixture: Mixture) -> Self:
        """What `arrays` gave."""
        return cls(DensityNetwork.from_arrays(arrays), mixture, float(arrays["typical"]))


def price_offsets(features: Features, mixture: Mixture, typical: float) -> NDArray[np.float32]:
    """What is added to the network's outputs: where the means start, which components are there.

    Returns:
        Shape (n, n_outputs).
    """
    n, anchors = len(features.columns), features.anchors
    known = np.isfinite(anchors)
    offsets = np.zeros((n, mixture.n_outputs), np.float32)
    offsets[:, :N_ANCHORS] = np.where(known, 0, _ABSENT)
    newest = anchors[np.arange(n), known.argmax(axis=1)]
    newest = np.where(known.any(axis=1), newest, np.float32(typical))[:, None]
    means = offsets[:, mixture.n_components :: mixture.family.n_raw]
    means[:, :N_ANCHORS] = np.where(known, anchors, newest)
    means[:, N_ANCHORS:] = newest
    return offsets


def price_start(
    features: Features, log_prices: NDArray[np.float64], mixture: Mixture, typical: float
) -> NDArray[np.float32]:
    """Outputs that training starts from, less the offsets; shape (n_outputs,)."""
    family, n_free = mixture.family, mixture.n_components - N_ANCHORS
    newest = price_offsets(features, mixture, typical)[:, -family.n_raw]
    raw = family.start(log_prices, mixture.n_components)
    raw[:N_ANCHORS, 0] = 0
    raw[:N_ANCHORS, 1] = inverse_softplus(np.float64(_START_SCALE - SMALLEST_SCALE))
    raw[N_ANCHORS:, :2] = Gaussian(SMALLEST_SCALE).start(log_prices - newest, n_free)
    return np.concatenate([np.zeros(mixture.n_components, np.float32), raw.ravel()])
