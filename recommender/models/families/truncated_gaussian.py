"""Truncated Gaussian: mean and scale, and the two bounds between which y lies."""

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, matching, operations
from recommender.models.families.family import Family, Parameters
from recommender.models.families.gaussian import scale_start
from recommender.models.families.special import inverse_softplus, log_truncated_normal, softplus

MARGIN = 1e-3
"""Learned bounds stay this share of the training range outside of it."""
START_MARGIN = 0.1
"""Where learned bounds start, as a share of the range outside of it."""
_NODES, _SHARES = np.polynomial.legendre.leggauss(32)
_NODES = (_NODES + 1) / 2
_REACH = 40.0


@dataclass(frozen=True)
class TruncatedGaussian(Family):
    """Normal distribution cut to an interval; all four parameters are learned by default.

    `mean` and `scale` are those of the normal distribution before it is cut.

    Attributes:
        low: Fixed lower bound; None to learn it.
        high: Fixed upper bound; None to learn it.
        most_low: A learned lower bound stays below it; set by `adapted`.
        least_high: A learned upper bound stays above it; set by `adapted`.
        smallest_scale: The scale is never below it.
    """

    name = "truncated_gaussian"
    low: float | None = None
    high: float | None = None
    most_low: float | None = None
    least_high: float | None = None
    smallest_scale: float = 1e-3

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not all(math.isfinite(bound) for bound in bounds):
            raise ValueError(f"low and high must be finite, got {bounds}; use Gaussian without")
        if len(bounds) == 2 and bounds[0] >= bounds[1]:
            raise ValueError(f"low must be less than high, got {bounds[0]} and {bounds[1]}")

    @property
    def n_raw(self) -> int:
        """Mean and scale, and a distance for every bound that is learned."""
        return 2 + (self.low is None) + (self.high is None)

    def adapted(self, y: NDArray[Any]) -> Self:
        """Learned bounds are held outside the range of these targets.

        Raises:
            ValueError: If a fixed bound leaves some of them outside.
        """
        low, high = float(np.min(y)), float(np.max(y))
        if (self.low is not None and low < self.low) or (
            self.high is not None and high > self.high
        ):
            raise ValueError(
                f"the bounds low={self.low}, high={self.high} leave targets outside: "
                f"they reach from {low:g} to {high:g}"
            )
        margin = MARGIN * ((high - low) or max(abs(high), 1.0))
        return replace(self, most_low=low - margin, least_high=high + margin)

    def parameters(self, raw: Array) -> Parameters:
        """`mean`, `scale`, `low`, `high`.

        Raises:
            ValueError: If a bound is learned and no targets have been seen.
        """
        mean, place = raw[..., 0], 2
        low = high = None
        if self.low is None:
            low = self._limit("most_low") - softplus(raw[..., place])
            place += 1
        if self.high is None:
            high = self._limit("least_high") + softplus(raw[..., place])
        return {
            "mean": mean,
            "scale": softplus(raw[..., 1]) + self.smallest_scale,
            "low": 0.0 * mean + self.low if low is None else low,
            "high": 0.0 * mean + self.high if high is None else high,
        }

    def _limit(self, name: str) -> float:
        limit: float | None = getattr(self, name)
        if limit is None:
            raise ValueError("learned bounds need the range of the targets: call adapted(y) first")
        return limit

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log density; minus infinity outside of the bounds."""
        ops = operations(parameters["mean"])
        mean, scale = parameters["mean"], parameters["scale"]
        low, high = parameters["low"], parameters["high"]
        point = self.nearest(parameters, y)
        from_low, to_high = (point - low) / scale, (high - point) / scale
        density = log_truncated_normal(
            from_low, to_high, (low - mean) / scale, (high - mean) / scale
        )
        inside = ops.logical_and(y >= low, y <= high)
        return ops.where(inside, density - ops.log(scale), -math.inf)

    def nearest(self, parameters: Parameters, y: Array) -> Array:
        """Within the bounds."""
        ops = operations(parameters["mean"])
        return ops.minimum(ops.maximum(y, parameters["low"]), parameters["high"])

    def mean(self, parameters: Parameters) -> Array:
        """Expectation of the cut distribution."""
        return self._moments(parameters)[0]

    def variance(self, parameters: Parameters) -> Array:
        """Variance of the cut distribution."""
        return self._moments(parameters)[1]

    def _moments(self, parameters: Parameters) -> tuple[Array, Array]:
        """By quadrature over the part that holds the mass: sums of positive terms only."""
        ops = operations(parameters["mean"])
        mean, scale = parameters["mean"], parameters["scale"]
        low, high = (parameters["low"] - mean) / scale, (parameters["high"] - mean) / scale
        mirrored = low + high < 0
        near = ops.where(mirrored, -high, low)
        width = (parameters["high"] - parameters["low"]) / scale
        # From `begin` on, the density falls by exp(-20) within `reach`.
        begin = ops.maximum(near, -math.sqrt(_REACH))
        ahead = ops.maximum(begin, 0.0)
        reach = _REACH / (ahead + ops.sqrt(ahead * ahead + _REACH)) + (ahead - begin)
        reach = ops.minimum(width - (begin - near), reach)
        nodes = matching(_NODES, reach)
        step = nodes * reach[..., None]
        masses = ops.exp(-step * (begin[..., None] + 0.5 * step)) * matching(_SHARES, reach)
        masses = masses / ops.sum(masses, axis=-1, keepdims=True)
        middle = ops.sum(nodes * masses, axis=-1)
        spread = ops.sum((nodes - middle[..., None]) ** 2 * masses, axis=-1)
        step = middle * reach
        side = ops.where(mirrored, -1.0, 1.0)
        bound = ops.where(mirrored, parameters["high"], parameters["low"])
        from_bound = bound + side * scale * ((begin - near) + step)
        from_mean = mean + side * scale * (begin + step)
        return ops.where(near > 0, from_bound, from_mean), (scale * reach) ** 2 * spread

    def raw_start(self, y: NDArray[np.float64], least_scale: float) -> NDArray[np.float64]:
        """As of a Gaussian; learned bounds a tenth of the range outside of it."""
        scale = max(float(y.std()), least_scale)
        raw = [float(y.mean()), scale_start(scale, self.smallest_scale)]
        low = self._limit("most_low") if self.low is None else self.low
        high = self._limit("least_high") if self.high is None else self.high
        distance = float(inverse_softplus(np.float64(START_MARGIN * (high - low))))
        return np.array(raw + [distance] * (self.n_raw - 2))
