"""Bernoulli: the chance of a yes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, operations
from recommender.models.families.family import Family, Parameters
from recommender.models.families.special import log_sigmoid


@dataclass(frozen=True)
class Bernoulli(Family):
    """y is 1 with probability 1 / (1 + exp -logit), else 0."""

    name = "bernoulli"

    @property
    def n_raw(self) -> int:
        """The logit."""
        return 1

    def parameters(self, raw: Array) -> Parameters:
        """`logit`: the probability itself would lose what lies near 0 and 1."""
        return {"logit": raw[..., 0]}

    def log_prob(self, parameters: Parameters, y: Array) -> Array:
        """Log probability of y in {0, 1}; of a share between, the expectation; else -infinity."""
        logit = parameters["logit"]
        ops = operations(logit)
        expected = y * log_sigmoid(logit) + (1.0 - y) * log_sigmoid(-logit)
        return ops.where(ops.logical_and(y >= 0, y <= 1), expected, -np.inf)

    def nearest(self, parameters: Parameters, y: Array) -> Array:
        """Within 0 to 1."""
        ops = operations(parameters["logit"])
        return ops.minimum(ops.maximum(y, 0.0), 1.0)

    def mean(self, parameters: Parameters) -> Array:
        """The probability."""
        return operations(parameters["logit"]).exp(log_sigmoid(parameters["logit"]))

    def variance(self, parameters: Parameters) -> Array:
        """Probability times its opposite."""
        logit = parameters["logit"]
        return operations(logit).exp(log_sigmoid(logit) + log_sigmoid(-logit))

    def raw_start(
        self,
        y: NDArray[np.float64],
        least_scale: float = 0.0,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """The logit of the share of ones, drawn towards a half by one target."""
        share = (y.sum() + 0.5) / (len(y) + 1)
        return np.array([np.log(share) - np.log1p(-share)])

    def start(self, y: NDArray[np.float64], n_components: int) -> NDArray[np.float32]:
        """Logits in a row around that of the whole: an ordered part would be all zeros or ones."""
        spread = np.linspace(-1, 1, n_components) if n_components > 1 else np.zeros(1)
        return (self.raw_start(np.asarray(y, np.float64)) + spread[:, None]).astype(np.float32)
