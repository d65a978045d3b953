"""Chi-squared, and with a learned scale Gamma: positive numbers such as waiting times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations
from recommender.models.families.family import SMALLEST, Family, Parameters
from recommender.models.families.special import (
    LOG_SQRT_2_PI,
    inverse_softplus,
    log_ratio,
    softplus,
    stirling_rest,
)


@dataclass(frozen=True)
class ChiSquared(Family):
    """Sum of squares of `df` standard normal numbers; `df` need not be whole.

    At 0 itself the density may be 0 or infinite; `log_prob` takes it for the next number inside.

    Attributes:
        scaled: Whether y / scale is chi-squared, with a learned scale: then this is the Gamma
            distribution of shape df / 2 and scale 2 · scale.
        smallest: Neither `df` nor the scale is below it.
        edge: The loss takes targets nearer than this to 0 for this: times are rounded.
    """

    name = "chi_squared"
    scaled: bool = False
    smallest: float = 1e-3
    edge: float = 1e-6

    @property
    def n_raw(self) -> int:
        """Degrees of freedom, and the scale if it is learned."""
        return 1 + self.scaled

    def parameters(self, raw: Array) -> Parameters:
        """`df` and `scale`, which is 1 unless it is learned."""
        positive = softplus(raw) + self.smallest
        df = positive[..., 0]
        return {"df": df, "scale": positive[..., 1] if self.scaled else 0.0 * df + 1.0}

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log density; minus infinity below 0."""
        shape = 0.5 * parameters["df"]
        ops = operations(shape)
        point = ops.maximum(0.5 * y / parameters["scale"], SMALLEST)
        # Around the mode, where the large terms meet: their difference is taken before the product.
        large = shape * log_ratio(point, shape) - (point - shape)
        small = (
            0.5 * ops.log(shape)
            - LOG_SQRT_2_PI
            - stirling_rest(shape)
            - ops.log(2.0 * parameters["scale"])
            - ops.log(point)
        )
        density = large + small
        return ops.where(y >= 0, density, -np.inf)

    def nearest(self, parameters: Parameters, y: Array) -> Array:
        """At least `edge`."""
        return operations(parameters["df"]).maximum(y, self.edge)

    def mean(self, parameters: Parameters) -> Array:
        """Degrees of freedom times scale."""
        return parameters["df"] * parameters["scale"]

    def variance(self, parameters: Parameters) -> Array:
        """Twice the degrees of freedom times the squared scale."""
        return 2.0 * parameters["df"] * parameters["scale"] ** 2

    def raw_start(self, y: NDArray[np.float64], least_scale: float) -> NDArray[np.float64]:
        """By the mean; with a scale by mean and variance."""
        mean = max(y.mean(), 10 * self.smallest)
        if not self.scaled:
            return np.asarray(inverse_softplus(np.array([mean - self.smallest])), np.float64)
        variance = max(y.var(), least_scale**2)
        scale = np.clip(0.5 * variance / mean, 0.05 * mean, 5 * mean)
        positive = np.maximum(np.array([mean / scale, scale]) - self.smallest, self.smallest)
        return np.asarray(inverse_softplus(positive), np.float64)
