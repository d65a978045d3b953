"""Mixture density networks in Keras: output layer, loss, a ready network, dead components.

Importing this module registers layer and loss, so that `keras.models.load_model` opens a saved
network, which then goes on training.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from recommender.models.families.family import Family
from recommender.models.mixture import Mixture

DEAD_BELOW = 0.01


@keras.saving.register_keras_serializable(package="session_recommender")
class MixtureDensity(keras.layers.Layer):  # type: ignore[misc]
    """Output layer: a linear map to the logits of the weights and the components' raw outputs.

    Args:
        mixture: How the outputs are read, or its `config()`.
        **kwargs: As of `keras.layers.Layer`.
    """

    def __init__(self, mixture: Mixture | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mixture = mixture if isinstance(mixture, Mixture) else Mixture.from_config(mixture)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        n_outputs = self.mixture.n_outputs
        # Small, so that training begins near the biases, which come from the targets.
        small = keras.initializers.VarianceScaling(0.01)
        self.kernel = self.add_weight(
            shape=(input_shape[-1], n_outputs), initializer=small, name="kernel"
        )
        self.bias = self.add_weight(shape=(n_outputs,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Outputs of shape (n, n_outputs)."""
        return ops.matmul(inputs, self.kernel) + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Rows as they come, `n_outputs` columns."""
        return (input_shape[0], self.mixture.n_outputs)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "mixture": self.mixture.config()}


@keras.saving.register_keras_serializable(package="session_recommender")
class MixtureLoss(keras.losses.Loss):  # type: ignore[misc]
    """-log p(y|x) in nats.

    Args:
        mixture: How the outputs are read, or its `config()`.
        **kwargs: As of `keras.losses.Loss`.
    """

    def __init__(self, mixture: Mixture | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mixture = mixture if isinstance(mixture, Mixture) else Mixture.from_config(mixture)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Losses of shape (n,)."""
        return -self.mixture.log_prob(y_pred, y_true, in_loss=True)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the loss."""
        return {**super().get_config(), "mixture": self.mixture.config()}


def mixture_network(
    family: Family,
    n_components: int,
    x: NDArray[Any],
    y: NDArray[Any],
    *,
    hidden: Sequence[int] = (32,),
    activation: str = "tanh",
    learning_rate: float = 1e-3,
) -> keras.Model:
    """A compiled network that starts from the data; train it with `fit(x, y)`.

    Args:
        family: D.
        n_components: C.
        x: Training inputs, shape (n, n_inputs).
        y: Training targets, shape (n,) or (n, n_targets); only their spread is looked at.
        hidden: Units of the hidden layers.
        activation: Of the hidden layers.
        learning_rate: Of Adam.
    """
    n_targets = 1 if np.ndim(y) == 1 else int(np.shape(y)[1])
    mixture = Mixture(family, n_components, n_targets).adapted(y)
    network = keras.Sequential([
        keras.Input((np.shape(x)[1],)),
        *[keras.layers.Dense(units, activation=activation) for units in hidden],
        MixtureDensity(mixture),
    ])  # fmt: skip
    network.layers[-1].bias.assign(mixture.start_outputs(y))
    network.compile(keras.optimizers.Adam(learning_rate), MixtureLoss(mixture))
    return network


def serving_arrays(network: keras.Model) -> dict[str, NDArray[np.float32]]:
    """Copies of the weights of a `mixture_network`, as `ServedMixture` takes them."""
    arrays = {}
    for place, layer in enumerate(network.layers):
        arrays[f"kernel_{place}"] = np.array(layer.kernel)
        arrays[f"bias_{place}"] = np.array(layer.bias)
    return arrays


class ComponentUse(NamedTuple):
    """How much each component is used.

    Attributes:
        weights: Mean of α over the inputs, shape (n_components,).
        responsibilities: Mean share in p(y|x), shape (n_components,).
        dead: Components whose share is below the threshold.
    """

    weights: NDArray[np.float64]
    responsibilities: NDArray[np.float64]
    dead: list[int]


def component_use(
    network: keras.Model, x: NDArray[Any], y: NDArray[Any], *, dead_below: float = DEAD_BELOW
) -> ComponentUse:
    """Look for components that explain nothing.

    Args:
        network: Ends in a `MixtureDensity`.
        x: Inputs, shape (n, n_inputs).
        y: Targets, shape (n,) or (n, n_targets).
        dead_below: A component is dead if its mean share in p(y|x) is below.
    """
    mixture = network.layers[-1].mixture
    outputs = np.asarray(network.predict(x, verbose=0))
    weights = np.exp(mixture.log_weights(outputs)).mean(axis=0, dtype=np.float64)
    shares = mixture.responsibilities(outputs, np.asarray(y)).mean(axis=0, dtype=np.float64)
    return ComponentUse(weights, shares, np.flatnonzero(shares < dead_below).tolist())
