"""What every family of distributions can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations

Parameters = Mapping[str, Array]
"""A family's parameters by name, each of the shape of the raw outputs without their last axis."""

OUTSIDE_PENALTY = 10.0
"""Nats per unit that a target lies outside of the support, in the loss."""
SMALLEST = 1e-37
"""Stands for 0 in logarithms: float32 still has it in full."""

START_SCALE = 0.1
"""No component starts narrower than this share of the spread of all targets."""


@dataclass(frozen=True)
class Family(ABC):
    """A distribution D(y | λ) whose parameters λ come from raw outputs of a network.

    Everything takes NumPy arrays as well as Keras tensors of any backend and broadcasts.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def n_raw(self) -> int:
        """Raw outputs that one distribution needs."""

    @abstractmethod
    def parameters(self, raw: Array) -> Parameters:
        """Bring raw outputs into the range of the parameters.

        Args:
            raw: Any real numbers, shape (..., n_raw).
        """

    @abstractmethod
    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log density, or log probability of a discrete family; minus infinity outside."""

    @abstractmethod
    def mean(self, parameters: Parameters) -> Array:
        """Expectation of y."""

    @abstractmethod
    def variance(self, parameters: Parameters) -> Array:
        """Variance of y."""

    @abstractmethod
    def raw_start(self, y: NDArray[np.float64], least_scale: float) -> NDArray[np.float64]:
        """Raw outputs whose distribution has about the mean and the spread of y.

        Args:
            y: Targets of one component, shape (n,), n > 0.
            least_scale: A smaller standard deviation than this counts as this.

        Returns:
            Shape (n_raw,).
        """

    def nearest(self, parameters: Parameters, y: Array) -> Array:  # noqa: ARG002
        """The point of the support that the loss takes y for; y itself if it is well inside."""
        return y

    def loss_log_prob(self, parameters: Parameters, y: Array) -> Array:
        """As `log_prob`, but finite everywhere, with a gradient that leads back inside."""
        nearest = self.nearest(parameters, y)
        away = operations(nearest).abs(y - nearest)
        return self.log_prob(parameters, nearest) - OUTSIDE_PENALTY * away

    def adapted(self, y: NDArray[Any]) -> Self:  # noqa: ARG002
        """The family with what it must know of the targets; most need nothing."""
        return self

    def start(self, y: NDArray[Any], n_components: int) -> NDArray[np.float32]:
        """Raw outputs that components start from, each from its own part of the targets.

        The targets are put in order and cut into equal parts: every component has some that it
        explains best, so none starts dead.

        Args:
            y: Targets, shape (n,), n > 0.
            n_components: How many.

        Returns:
            Shape (n_components, n_raw).
        """
        ordered = np.sort(np.asarray(y, np.float64))
        least_scale = START_SCALE * float(ordered.std())
        edges = np.linspace(0, len(ordered), n_components + 1)
        parts = [
            ordered[min(int(low), len(ordered) - 1) : max(int(high), int(low) + 1)]
            for low, high in pairwise(edges)
        ]
        return np.stack([self.raw_start(part, least_scale) for part in parts]).astype(np.float32)

    def config(self) -> dict[str, Any]:
        """What `family_from_config` makes the family from."""
        return {"name": self.name, **asdict(self)}
