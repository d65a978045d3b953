"""The pause before the next click, given that one comes: a mixture of log-normals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.densities.cumulative import cumulative, quantiles
from recommender.densities.features import Features
from recommender.densities.network import DensityNetwork
from recommender.densities.targets import SHORTEST_S
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.mixture import Mixture

SMALLEST_SCALE = 0.1
"""Of a component, in log seconds: logs know times to the second."""


def pause_mixture(n_components: int) -> Mixture:
    """Log-normal components."""
    return Mixture(LogNormal(SMALLEST_SCALE, edge=SHORTEST_S), n_components)


class PauseDensity(NamedTuple):
    """Density of the seconds to the next click.

    Attributes:
        network: Gives the outputs.
        mixture: Reads them.
    """

    network: DensityNetwork
    mixture: Mixture

    @property
    def of_log(self) -> Mixture:
        """The same of the logarithm of the seconds."""
        return Mixture(Gaussian(SMALLEST_SCALE), self.mixture.n_components)

    def outputs(self, features: Features) -> NDArray[np.float32]:
        """What the mixture reads, shape (n, n_outputs)."""
        return self.network.outputs(features.columns)

    def log_prob(self, features: Features, pauses_s: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log density of the seconds, shape (n,)."""
        outputs = self.outputs(features).astype(np.float64)
        return np.asarray(self.mixture.log_prob(outputs, pauses_s.astype(np.float64)))

    def cumulative(self, features: Features, pauses_s: NDArray[np.floating]) -> NDArray[np.float64]:
        """Chance of at most so many seconds, shape (n,)."""
        points = pauses_s.astype(np.float64)[:, None]
        return cumulative(self.mixture, self.outputs(features), points)[:, 0]

    def quantiles(self, features: Features, shares: Sequence[float]) -> NDArray[np.float64]:
        """Seconds below which each share lies, shape (n, n_shares)."""
        return quantiles(self.mixture, self.outputs(features), shares)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads."""
        return self.network.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], mixture: Mixture) -> Self:
        """What `arrays` gave."""
        return cls(DensityNetwork.from_arrays(arrays), mixture)
