"""Distributions of scipy from a family's parameters: CDF, quantiles, samples. For reports only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from recommender.models.families.family import Family, Parameters
from recommender.models.families.special import log_sigmoid
from recommender.models.mixture import Mixture

_HALVINGS = 60
_DISCRETE = ("bernoulli", "categorical")


class Distribution(Protocol):
    """What scipy's frozen distributions and `Classes` have in common."""

    def cdf(self, x: Any, /) -> Any:
        """Chance of at most x."""

    def ppf(self, q: Any, /) -> Any:
        """Smallest x whose `cdf` is at least q."""

    def rvs(self, *, size: Any, random_state: Any) -> Any:
        """Draw; `size` ends in the parameters' shape."""


def distribution(family: Family, parameters: Parameters) -> Distribution:
    """The distribution, in float64.

    Args:
        family: Of `FAMILIES`.
        parameters: Its `parameters(raw)` in NumPy, of any shape.
    """
    known = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    return _MAKERS[family.name](known)


def _truncated(known: Mapping[str, NDArray[np.float64]]) -> Distribution:
    mean, scale = known["mean"], known["scale"]
    bounds = (known["low"] - mean) / scale, (known["high"] - mean) / scale
    return stats.truncnorm(*bounds, mean, scale)


_MAKERS: dict[str, Callable[[Mapping[str, NDArray[np.float64]]], Distribution]] = {
    "gaussian": lambda known: stats.norm(known["mean"], known["scale"]),
    "truncated_gaussian": _truncated,
    "beta": lambda known: stats.beta(known["a"], known["b"]),
    "bernoulli": lambda known: stats.bernoulli(np.exp(log_sigmoid(known["logit"]))),
    "chi_squared": lambda known: stats.chi2(known["df"], scale=known["scale"]),
    "log_normal": lambda known: stats.lognorm(known["scale"], scale=np.exp(known["mean"])),
    "categorical": lambda known: Classes(np.exp(known["log_probabilities"])),
}


@dataclass(frozen=True)
class Classes:
    """Categorical distributions over classes 0 to n_classes - 1, as scipy has none in arrays.

    Attributes:
        shares: Probabilities, shape (..., n_classes).
    """

    shares: NDArray[np.float64]

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Chance of class x or an earlier one; x broadcasts against the shape without classes."""
        classes = np.arange(self.shares.shape[-1])
        return np.asarray((self.shares * (classes <= np.asarray(x)[..., None])).sum(axis=-1))

    def ppf(self, q: ArrayLike) -> NDArray[np.int64]:
        """First class whose `cdf` is at least q."""
        sums = np.cumsum(self.shares, axis=-1)
        sums[..., -1] = 1.0
        return np.asarray((sums < np.asarray(q)[..., None]).sum(axis=-1))

    def rvs(self, *, size: tuple[int, ...], random_state: np.random.Generator) -> NDArray[np.int64]:
        """Draw classes; `size` ends in the shape without classes."""
        return self.ppf(random_state.random(size))


class MixtureDistribution:
    """p(y|x) of one target for every row of outputs.

    Args:
        mixture: How outputs are read.
        outputs: Of the network, shape (n, n_outputs).
        target: Which target, of several.
    """

    def __init__(self, mixture: Mixture, outputs: NDArray[Any], target: int = 0) -> None:
        self.weights: NDArray[np.float64] = np.exp(mixture.log_weights(np.float64(outputs)))
        parameters = mixture.parameters(np.float64(outputs))
        # Shapes (n, 1, n_components): the points asked about come between.
        own = {name: value[:, None, :, target] for name, value in parameters.items()}
        self.components = distribution(mixture.family, own)
        self.is_discrete = mixture.family.name in _DISCRETE

    def cdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Chance of at most y.

        Args:
            y: Points, shape (m,) for all rows or (n, m).

        Returns:
            Shape (n, m).
        """
        points = np.atleast_2d(np.asarray(y, np.float64))[:, :, None]
        return np.asarray((self.weights[:, None, :] * self.components.cdf(points)).sum(axis=2))

    def quantiles(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Smallest y whose chance of at most y is at least each share, by halving.

        Args:
            shares: Between 0 and 1, both excluded, shape (m,).

        Returns:
            Shape (n, m).
        """
        wanted = np.asarray(shares, np.float64)[None, :]
        of_components = np.asarray(self.components.ppf(wanted[:, :, None]), np.float64)
        # The mixture's quantile lies between those of its components.
        low, high = of_components.min(axis=2), of_components.max(axis=2)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            enough = self.cdf(middle) >= wanted
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.asarray(np.floor(high) if self.is_discrete else high)

    def sample(self, n_samples: int, seed: int) -> NDArray[np.float64]:
        """Draw from each row's distribution; shape (n, n_samples)."""
        random = np.random.default_rng(seed)
        n_rows, n_components = self.weights.shape
        sums = np.cumsum(self.weights, axis=1)
        chosen = (random.random((n_rows, n_samples, 1)) > sums[:, None, :]).sum(axis=2)
        chosen = np.minimum(chosen, n_components - 1)
        drawn = self.components.rvs(size=(n_rows, n_samples, n_components), random_state=random)
        return np.asarray(
            np.take_along_axis(drawn, chosen[:, :, None], axis=2)[:, :, 0], np.float64
        )
