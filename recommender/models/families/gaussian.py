"""Gaussian: mean and scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations
from recommender.models.families.family import Family, Parameters
from recommender.models.families.special import LOG_SQRT_2_PI, inverse_softplus, softplus


@dataclass(frozen=True)
class Gaussian(Family):
    """Normal distribution of any real number.

    Attributes:
        smallest_scale: The scale is never below it; keeps a component from collapsing onto one
            target.
    """

    name = "gaussian"
    smallest_scale: float = 1e-3

    @property
    def n_raw(self) -> int:
        """Mean and scale."""
        return 2

    def parameters(self, raw: Array) -> Parameters:
        """`mean` and `scale`, the standard deviation."""
        return {"mean": raw[..., 0], "scale": softplus(raw[..., 1]) + self.smallest_scale}

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log density."""
        ops = operations(parameters["mean"])
        z = (y - parameters["mean"]) / parameters["scale"]
        return -0.5 * z * z - ops.log(parameters["scale"]) - LOG_SQRT_2_PI

    def mean(self, parameters: Parameters) -> Array:
        """Expectation."""
        return parameters["mean"]

    def variance(self, parameters: Parameters) -> Array:
        """Square of the scale."""
        return parameters["scale"] ** 2

    def raw_start(self, y: NDArray[np.float64], least_scale: float) -> NDArray[np.float64]:
        """Mean and standard deviation of the targets."""
        return np.array([y.mean(), scale_start(max(y.std(), least_scale), self.smallest_scale)])


def scale_start(scale: float, smallest_scale: float) -> float:
    """The raw output of this scale, or nearly of the smallest one."""
    return float(inverse_softplus(np.float64(max(scale - smallest_scale, smallest_scale))))
