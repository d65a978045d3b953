"""Fits the networks of the densities by Keras."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from recommender.densities.network import DensityNetwork, standardized
from recommender.models.mixture import Mixture
from recommender.models.mixture_density import MixtureDensity, MixtureLoss

EPOCHS = (6, 20)
"""The fewest and the most. REES46's validation week: price .690 nats after 6, .689 after 8."""
_ALL_STEPS = 1_500
"""That a density should have: small logs are gone through more often."""
BATCH_SIZES = (32, 256)
"""The least and the most; between them, some 200 steps an epoch."""
_STEPS = 200
_LARGEST_STEP = 5.0
_LEAST_SPREAD = 1e-3

OnEpoch = Callable[[dict[str, Any]], None]


class Kind(NamedTuple):
    """How the network of a density is made and trained.

    Attributes:
        hidden: Units of either layer.
        learning_rate: Adam's, at the start; it falls to 0 as a cosine.
        dropout: On both layers.
        weight_decay: AdamW's.
    """

    hidden: int
    learning_rate: float
    dropout: float
    weight_decay: float


KINDS = {
    "price": Kind(64, 3e-3, 0.1, 1e-3),
    "pause": Kind(64, 3e-3, 0.1, 1e-3),
    "purchase": Kind(16, 1e-3, 0.2, 1e-2),
}
"""Few visits buy, so the network of the purchase is small."""


@dataclass(frozen=True)
class Examples:
    """What a density is fitted on, oldest first.

    Attributes:
        columns: Shape (n, n_features), float32.
        offsets: Added to the network's outputs, shape (n, n_outputs), float32.
        targets: Shape (n,), float32.
    """

    columns: NDArray[np.float32]
    offsets: NDArray[np.float32]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.targets)


class Fitted(NamedTuple):
    """A fitted density.

    Attributes:
        network: As it is served.
        epochs: How long it was trained.
        keras_network: Its inputs are standardized columns and offsets.
    """

    network: DensityNetwork
    epochs: int
    keras_network: keras.Model


def fit_density(
    examples: Examples,
    mixture: Mixture,
    start: NDArray[np.float32],
    kind: Kind,
    *,
    epochs: int | None = None,
    seed: int = 0,
    on_epoch: OnEpoch = lambda _: None,
) -> Fitted:
    """Maximize the log-likelihood of a mixture.

    Args:
        examples: Oldest first.
        mixture: How outputs are read.
        start: Bias of the outputs to begin with, shape (n_outputs,).
        kind: Size and course of the training.
        epochs: How long; unset, as long as so many examples need.
        seed: Seed of start and order.
        on_epoch: Called with each epoch's record.
    """
    epochs = epochs or planned_epochs(len(examples))
    fit = _Fit(examples, mixture, start, kind, seed, epochs)
    for epoch in range(1, epochs + 1):
        on_epoch({"epoch": epoch, "of": epochs, "loss": fit.epoch()})
    return Fitted(fit.served(), epochs, fit.network)


def batch_size_of(n_examples: int) -> int:
    """Examples a step."""
    return int(np.clip(n_examples // _STEPS, *BATCH_SIZES))


def planned_epochs(n_examples: int) -> int:
    """How often so many examples are gone through."""
    steps = -(-n_examples // batch_size_of(n_examples))
    return int(np.clip(-(-_ALL_STEPS // max(1, steps)), *EPOCHS))


class _Fit:
    """One training on standardized columns."""

    def __init__(
        self,
        examples: Examples,
        mixture: Mixture,
        start: NDArray[np.float32],
        kind: Kind,
        seed: int,
        epochs: int,
    ) -> None:
        keras.utils.set_random_seed(seed)
        self.center = examples.columns.mean(axis=0)
        spread = examples.columns.std(axis=0)
        # What never differed taught nothing: divided by infinity, it says nothing when it differs.
        self.scale = np.where(spread < _LEAST_SPREAD, np.float32(np.inf), spread)
        self.examples = replace(examples, columns=self._standardized(examples.columns))
        self.network = _network(examples.columns.shape[1], mixture, start, kind)
        self.batch_size = batch_size_of(len(examples))
        steps = epochs * max(1, -(-len(examples) // self.batch_size))
        rate = keras.optimizers.schedules.CosineDecay(kind.learning_rate, steps)
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=kind.weight_decay, clipnorm=_LARGEST_STEP
        )
        self.network.compile(optimizer, MixtureLoss(mixture))

    def epoch(self) -> float:
        own = self.examples
        done = self.network.fit(
            [own.columns, own.offsets], own.targets, batch_size=self.batch_size, verbose=0
        )
        return float(done.history["loss"][0])

    def served(self) -> DensityNetwork:
        widen, mix = (self.network.get_layer(name) for name in ("widen", "mix"))
        out = next(one for one in self.network.layers if isinstance(one, MixtureDensity))
        weights = (widen.kernel, widen.bias, mix.kernel, mix.bias, out.kernel, out.bias)
        arrays = [keras.ops.convert_to_numpy(weight) for weight in weights]
        return DensityNetwork(self.center, self.scale, *arrays)

    def _standardized(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        return standardized(columns, self.center, self.scale)


def _network(
    n_features: int, mixture: Mixture, start: NDArray[np.float32], kind: Kind
) -> keras.Model:
    """The layers of `DensityNetwork`; outputs begin as `start` and the offsets."""
    layers = keras.layers
    columns = keras.Input((n_features,), name="columns")
    offsets = keras.Input((mixture.n_outputs,), name="offsets")
    hidden = layers.Dense(kind.hidden, activation="swish", name="widen")(columns)
    hidden = layers.Dropout(kind.dropout)(hidden)
    hidden = layers.Dense(kind.hidden, activation="swish", name="mix")(hidden)
    hidden = layers.Dropout(kind.dropout)(hidden)
    out = MixtureDensity(mixture)
    outputs = layers.Add()([out(layers.Concatenate()([hidden, columns])), offsets])
    out.bias.assign(start)
    return keras.Model([columns, offsets], outputs)
