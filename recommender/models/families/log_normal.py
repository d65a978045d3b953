"""Log-normal: positive numbers whose logarithm is Gaussian."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations
from recommender.models.families.family import SMALLEST, Family, Parameters
from recommender.models.families.gaussian import Gaussian

_LARGEST_LOG = 88.0


@dataclass(frozen=True)
class LogNormal(Family):
    """The density is that of y, not of its logarithm: it may be compared with other families'.

    Attributes:
        smallest_scale: The logarithm's scale is never below it.
        edge: The loss takes targets nearer than this to 0 for this: times are rounded.
    """

    name = "log_normal"
    smallest_scale: float = 1e-3
    edge: float = 1e-6

    @property
    def n_raw(self) -> int:
        """Mean and scale of the logarithm."""
        return 2

    @property
    def of_log(self) -> Gaussian:
        """The distribution of log y."""
        return Gaussian(self.smallest_scale)

    def parameters(self, raw: Array) -> Parameters:
        """`mean` and `scale`, both of log y."""
        return self.of_log.parameters(raw)

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log density of y; minus infinity from 0 down."""
        ops = operations(parameters["mean"])
        log_y = ops.log(ops.maximum(y, SMALLEST))
        return ops.where(y > 0, self.of_log.log_prob(parameters, log_y) - log_y, -np.inf)

    def nearest(self, parameters: Parameters, y: Array) -> Array:
        """At least `edge`."""
        return operations(parameters["mean"]).maximum(y, self.edge)

    def mean(self, parameters: Parameters) -> Array:
        """Expectation of y, at most 1.6e38."""
        ops = operations(parameters["mean"])
        log_mean = parameters["mean"] + 0.5 * parameters["scale"] ** 2
        return ops.exp(ops.minimum(log_mean, _LARGEST_LOG))

    def variance(self, parameters: Parameters) -> Array:
        """Variance of y, at most 1.6e38."""
        ops = operations(parameters["mean"])
        square = parameters["scale"] ** 2
        # log(exp(s²) - 1) = s² + log(1 - exp(-s²)).
        log_variance = 2.0 * (parameters["mean"] + square) + ops.log(-ops.expm1(-square))
        return ops.exp(ops.minimum(log_variance, _LARGEST_LOG))

    def raw_start(self, y: NDArray[np.float64], least_scale: float) -> NDArray[np.float64]:
        """Of the logarithms; so is the least scale."""
        return self.of_log.raw_start(self._logs(y), least_scale)

    def start(self, y: NDArray[Any], n_components: int) -> NDArray[np.float32]:
        """Of the logarithms."""
        return self.of_log.start(self._logs(y), n_components)

    def _logs(self, y: NDArray[Any]) -> NDArray[np.float64]:
        return np.log(np.maximum(np.asarray(y, np.float64), self.edge))
