"""Beta: a share between 0 and 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations
from recommender.models.families.family import SMALLEST, Family, Parameters
from recommender.models.families.special import (
    LOG_SQRT_2_PI,
    inverse_softplus,
    softplus,
    stirling_rest,
)

_LARGEST_SHARE = 1 - 2.0**-24


@dataclass(frozen=True)
class Beta(Family):
    """Density of a share, proportional to y^(a-1) (1-y)^(b-1).

    At 0 and 1 themselves it may be 0 or infinite; `log_prob` takes them for the next number inside.

    Attributes:
        smallest: Neither a nor b is below it.
        edge: The loss takes targets nearer than this to 0 or 1 for this: shares are rounded.
    """

    name = "beta"
    smallest: float = 1e-3
    edge: float = 1e-6

    @property
    def n_raw(self) -> int:
        """The shapes a and b."""
        return 2

    def parameters(self, raw: Array) -> Parameters:
        """`a` and `b`, both positive; the mean is a / (a + b)."""
        shapes = softplus(raw) + self.smallest
        return {"a": shapes[..., 0], "b": shapes[..., 1]}

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log density; minus infinity outside of 0 to 1."""
        a, b = parameters["a"], parameters["b"]
        ops = operations(a)
        share = ops.minimum(ops.maximum(y, SMALLEST), _LARGEST_SHARE)
        # Around the mean, where the large terms meet: their difference is taken before the product.
        mean, rest = a / (a + b), b / (a + b)
        large = a * _log_ratio(share, mean, share - mean)
        large = large + b * _log_ratio(1.0 - share, rest, mean - share)
        small = (
            0.5 * (ops.log(a) + ops.log(rest))
            - LOG_SQRT_2_PI
            + (stirling_rest(a + b) - stirling_rest(a) - stirling_rest(b))
            - ops.log(share)
            - ops.log1p(-share)
        )
        density = large + small
        return ops.where(ops.logical_and(y >= 0, y <= 1), density, -np.inf)

    def nearest(self, parameters: Parameters, y: Array) -> Array:
        """At least `edge` inside."""
        ops = operations(parameters["a"])
        return ops.minimum(ops.maximum(y, self.edge), 1 - self.edge)

    def mean(self, parameters: Parameters) -> Array:
        """a / (a + b)."""  # noqa: D403
        return parameters["a"] / (parameters["a"] + parameters["b"])

    def variance(self, parameters: Parameters) -> Array:
        """Mean times its opposite, by a + b + 1."""
        a, b = parameters["a"], parameters["b"]
        return (a / (a + b)) * (b / (a + b)) / (a + b + 1.0)

    def raw_start(self, y: NDArray[np.float64], least_scale: float) -> NDArray[np.float64]:
        """By mean and variance, with shapes from 1 up."""
        mean = np.clip(y.mean(), 0.01, 0.99)
        together = mean * (1 - mean) / max(y.var(), least_scale**2, 1e-3) - 1
        shapes = np.maximum(together * np.array([mean, 1 - mean]), 1.0)
        return np.asarray(inverse_softplus(shapes - self.smallest), np.float64)


def _log_ratio(share: Array, mean: Array, difference: Array) -> Array:
    """Log of share / mean, from their difference where they are near."""
    ops = operations(share)
    relative = difference / mean
    near = ops.abs(relative) < 0.5
    return ops.where(
        near,
        ops.log1p(ops.where(near, relative, 0.0)),
        ops.log(ops.maximum(share / mean, SMALLEST)),
    )
