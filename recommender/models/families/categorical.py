"""Categorical: one of several classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations
from recommender.models.families.family import Family, Parameters
from recommender.models.families.special import log_softmax


@dataclass(frozen=True)
class Categorical(Family):
    """y is a class, 0 to n_classes - 1.

    Attributes:
        n_classes: How many there are.
    """

    name = "categorical"
    n_classes: int = 2

    def __post_init__(self) -> None:
        if self.n_classes < 1:
            raise ValueError(f"n_classes must be at least 1, got {self.n_classes}")

    @property
    def n_raw(self) -> int:
        """A logit a class."""
        return self.n_classes

    def parameters(self, raw: Array) -> Parameters:
        """`log_probabilities`, shape (..., n_classes)."""
        return {"log_probabilities": log_softmax(raw)}

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log probability of class y; minus infinity if there is no such class."""
        logs = parameters["log_probabilities"]
        ops = operations(logs)
        chosen = ops.equal(y[..., None], np.arange(self.n_classes, dtype=np.float32))
        found = ops.sum(ops.where(chosen, logs, 0.0), axis=-1)
        return ops.where(ops.any(chosen, axis=-1), found, -np.inf)

    def nearest(self, parameters: Parameters, y: Array) -> Array:
        """The class beside it that there is."""
        ops = operations(parameters["log_probabilities"])
        return ops.round(ops.minimum(ops.maximum(y, 0.0), self.n_classes - 1.0))

    def mean(self, parameters: Parameters) -> Array:
        """Expectation of the one-hot y: the probabilities, shape (..., n_classes)."""
        logs = parameters["log_probabilities"]
        return operations(logs).exp(logs)

    def variance(self, parameters: Parameters) -> Array:
        """Variance of the one-hot y, shape (..., n_classes)."""
        shares = self.mean(parameters)
        return shares * (1.0 - shares)

    def raw_start(
        self,
        y: NDArray[np.float64],
        least_scale: float,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Logarithms of the shares, each class counted once more than it occurs."""
        counts = np.bincount(y.astype(np.int64), minlength=self.n_classes)[: self.n_classes] + 1.0
        return np.asarray(np.log(counts / counts.sum()), np.float64)
