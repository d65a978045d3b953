"""A mixture density network in NumPy: what serves, without Keras."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.family import Parameters
from recommender.models.mixture import Mixture

Arrays = Mapping[str, NDArray[Any]]

ACTIVATIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
}


class ServedMixture:
    """Inputs in, densities out; held to the Keras network by a test.

    Args:
        mixture: How the outputs are read.
        arrays: `kernel_0`, `bias_0`, … of the layers, first to last, of
            `mixture_density.serving_arrays`.
        activation: Of the hidden layers, one of `ACTIVATIONS`.
    """

    def __init__(self, mixture: Mixture, arrays: Arrays, activation: str = "tanh") -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}"
            )
        self.mixture, self.activation = mixture, activation
        n_layers = sum(name.startswith("kernel_") for name in arrays)
        self.layers = [(arrays[f"kernel_{n}"], arrays[f"bias_{n}"]) for n in range(n_layers)]

    def outputs(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """What the network gives, shape (n, n_outputs).

        Args:
            x: Inputs, shape (n, n_inputs).
        """
        values = np.asarray(x, np.float32)
        for kernel, bias in self.layers[:-1]:
            values = ACTIVATIONS[self.activation](values @ kernel + bias)
        kernel, bias = self.layers[-1]
        return np.asarray(values @ kernel + bias, np.float32)

    def log_prob(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float32]:
        """Log p(y|x), shape (n,); y of shape (n,) or (n, n_targets)."""
        return np.asarray(self.mixture.log_prob(self.outputs(x), y))

    def weights(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Weights α of the components, shape (n, n_components)."""
        return np.asarray(np.exp(self.mixture.log_weights(self.outputs(x))))

    def parameters(self, x: NDArray[Any]) -> Parameters:
        """Parameters λ by name, each of shape (n, n_components, n_targets)."""
        return self.mixture.parameters(self.outputs(x))

    def mean(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """E[y|x], shape (n, n_targets)."""
        return np.asarray(self.mixture.mean(self.outputs(x)))

    def variance(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Var[y|x], shape (n, n_targets)."""
        return np.asarray(self.mixture.variance(self.outputs(x)))
