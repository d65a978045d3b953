"""The mixture density p(y|x) = Σ_c α_c(x) D(y | λ_c(x)), from the outputs of a network.

NumPy arrays and Keras tensors take the same way: what serving computes is what was trained.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.arrays import Array, matching, operations
from recommender.models.families.family import Family, Parameters
from recommender.models.families.registry import family_from_config
from recommender.models.families.special import log_softmax, log_sum_exp


@dataclass(frozen=True)
class Mixture:
    """How outputs are read, and what they say about y.

    Of several targets each has its own distribution in every component; within a component they
    are independent of one another, in the mixture they are not.

    Attributes:
        family: D.
        n_components: C.
        n_targets: Numbers that one y has.

    Source: Bishop (1994), "Mixture Density Networks", NCRG/94/004, Eq. 22 to 29.
    """

    family: Family
    n_components: int
    n_targets: int = 1

    def __post_init__(self) -> None:
        for name in ("n_components", "n_targets"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def n_outputs(self) -> int:
        """Outputs a network must have: C logits of the weights, then the components' raw ones."""
        return self.n_components * (1 + self.n_targets * self.family.n_raw)

    def log_weights(self, outputs: Array) -> Array:
        """Log α, shape (n, n_components).

        Args:
            outputs: Of the network, shape (n, n_outputs).
        """
        return log_softmax(outputs[:, : self.n_components])

    def parameters(self, outputs: Array) -> Parameters:
        """λ by name, each of shape (n, n_components, n_targets)."""
        raw = outputs[:, self.n_components :]
        shape = (-1, self.n_components, self.n_targets, self.family.n_raw)
        return self.family.parameters(operations(outputs).reshape(raw, shape))

    def joint_log_prob(self, outputs: Array, y: Array, *, in_loss: bool = False) -> Array:
        """Log α_c D(y | λ_c), shape (n, n_components).

        Args:
            outputs: Of the network, shape (n, n_outputs).
            y: Targets, shape (n, n_targets) or, of one target, (n,).
            in_loss: Whether a target outside of the support costs a penalty instead of all.
        """
        ops = operations(outputs)
        family, parameters = self.family, self.parameters(outputs)
        log_prob = family.loss_log_prob if in_loss else family.log_prob
        targets = ops.reshape(matching(y, outputs), (-1, 1, self.n_targets))
        inside = log_prob(parameters, targets)
        return self.log_weights(outputs) + ops.sum(inside, axis=-1)

    def log_prob(self, outputs: Array, y: Array, *, in_loss: bool = False) -> Array:
        """Log p(y|x), shape (n,); arguments as of `joint_log_prob`."""
        return log_sum_exp(self.joint_log_prob(outputs, y, in_loss=in_loss))

    def log_prob_at(self, outputs: Array, points: Array) -> Array:
        """Log p(y|x) of every row at the same points, as for a curve or all prices of a shop.

        Args:
            outputs: Of the network, shape (n, n_outputs).
            points: Values of y, shape (m,); for one target only.

        Returns:
            Shape (n, m).

        Raises:
            ValueError: If there are several targets.
        """
        if self.n_targets != 1:
            raise ValueError(f"log_prob_at is for one target, not for {self.n_targets}")
        parameters = {name: each[:, :, 0] for name, each in self.parameters(outputs).items()}
        ops = operations(outputs)
        points = ops.reshape(matching(points, outputs), (1, -1))
        if outputs.shape[0] == 1:
            # Components as rows: no more operations than for one of them.
            own = {name: each[0][:, None] for name, each in parameters.items()}
            inside = self.family.log_prob(own, points)
            return log_sum_exp(inside + self.log_weights(outputs)[0][:, None], axis=0)[None]
        joint = []
        # By component: (n, m) arrays stay in the cache where (n, m, C) ones do not.
        for component in range(self.n_components):
            own = {name: each[:, component, None] for name, each in parameters.items()}
            inside = self.family.log_prob(own, points)
            joint.append(inside + self.log_weights(outputs)[:, component, None])
        return log_sum_exp(ops.stack(joint), axis=0)

    def responsibilities(self, outputs: Array, y: Array) -> Array:
        """Shares of the components in p(y|x), shape (n, n_components).

        Source: Bishop (1994), Eq. 31.
        """
        joint = self.joint_log_prob(outputs, y, in_loss=True)
        return operations(outputs).exp(log_softmax(joint))

    def mean(self, outputs: Array) -> Array:
        """E[y|x], shape (n, n_targets); of a categorical family the classes' probabilities."""
        return self._averaged(outputs, self.family.mean(self.parameters(outputs)))

    def variance(self, outputs: Array) -> Array:
        """Var[y|x], within the components and between them; shape as of `mean`."""
        parameters = self.parameters(outputs)
        means = self.family.mean(parameters)
        apart = means - self._averaged(outputs, means)[:, None]
        return self._averaged(outputs, self.family.variance(parameters) + apart**2)

    def _averaged(self, outputs: Array, of_components: Array) -> Array:
        """Mean over the components, weighted by them."""
        ops = operations(outputs)
        more = (1,) * (len(of_components.shape) - 2)
        weights = ops.reshape(ops.exp(self.log_weights(outputs)), (-1, self.n_components, *more))
        return ops.sum(weights * of_components, axis=1)

    def adapted(self, y: NDArray[Any]) -> Self:
        """The mixture with its family adapted to these targets, shape (n, n_targets) or (n,)."""
        return type(self)(self.family.adapted(np.asarray(y)), self.n_components, self.n_targets)

    def start_outputs(self, y: NDArray[Any]) -> NDArray[np.float32]:
        """Outputs that training starts from: equal weights, components spread over the targets.

        Args:
            y: Training targets, shape (n, n_targets) or (n,).

        Returns:
            Shape (n_outputs,).
        """
        columns = np.asarray(y).reshape(-1, self.n_targets).T
        raw = np.stack([self.family.start(one, self.n_components) for one in columns], axis=1)
        return np.concatenate([np.zeros(self.n_components, np.float32), raw.ravel()])

    def config(self) -> dict[str, Any]:
        """What `from_config` makes the mixture from; plain JSON."""
        return {
            "family": self.family.config(),
            "n_components": self.n_components,
            "n_targets": self.n_targets,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The mixture that gave this `config()`."""
        return cls(**{**config, "family": family_from_config(config["family"])})
