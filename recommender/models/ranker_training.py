"""Fits the second stage on sessions that the network has not seen."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recommender.models.ranker import Candidates, Ranker

HIDDEN = 32
EPOCHS = 12
BATCH_SIZE = 128
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
MIN_QUERIES = 500
"""Fewer held-out queries teach nothing that would hold."""
_CHECKED_SHARE = 0.2


def fit_ranker(
    found: Candidates,
    targets: NDArray[np.int32],
    *,
    seed: int,
    on_epoch: Callable[[dict[str, Any]], None],
) -> Ranker | None:
    """Learn to rank candidates by the cross-entropy of the true one among them.

    The newest fifth of the queries chooses the number of epochs; then all are learned from.

    Args:
        found: Candidates of held-out queries, oldest first.
        targets: The true next items, shape (n,).
        seed: Seed of start and order.
        on_epoch: Called with each epoch's record: `loss`, of the newest fifth, while that chooses;
            then, as nothing is held out any more, only how far it is.

    Returns:
        None if there are too few queries, or if the newest fifth is told no better than by the
        network.
    """
    places = found.items == targets[:, None]
    answered = places.any(axis=1)
    features, labels = found.features[answered], places[answered].argmax(axis=1)
    n_learned = round(len(labels) * (1 - _CHECKED_SHARE))
    if n_learned < MIN_QUERIES:
        return None
    learned, newest = slice(n_learned), slice(n_learned, None)
    checked = _Fit(features[learned], labels[learned], seed)
    losses = [checked.loss(features[newest], labels[newest])]
    for epoch in range(1, EPOCHS + 1):
        checked.epoch()
        losses.append(checked.loss(features[newest], labels[newest]))
        on_epoch({"part": "ranker", "epoch": epoch, "of": EPOCHS, "loss": losses[-1]})
    best = int(np.argmin(losses))
    if best == 0:
        return None
    fit = _Fit(features, labels, seed)
    for epoch in range(1, best + 1):
        fit.epoch()
        on_epoch({"part": "ranker", "epoch": epoch, "of": best})
    return Ranker(fit.weights())


class RankerNetwork(keras.Model):  # type: ignore[misc]
    """The layers of `Ranker` in Keras; begins as the network's own order.

    Args:
        n_features: Columns of a candidate; the first is the network's log-probability.
        hidden: Units of both layers.
    """

    def __init__(self, n_features: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.widen = keras.layers.Dense(hidden, activation="relu")
        self.mix = keras.layers.Dense(hidden, activation="relu")
        self.narrow = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.line = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.widen.build((None, n_features))
        self.mix.build((None, hidden))
        self.narrow.build((None, hidden))
        self.line.build((None, n_features))
        self.built = True

    def call(self, features: Any) -> Any:
        """Score candidates; shape (n, n_candidates, n_features) in, (n, n_candidates) out."""
        hidden = self.mix(self.widen(features))
        return keras.ops.squeeze(self.narrow(hidden) + self.line(features), -1)


class _Fit:
    """One training of the ranker on standardized features."""

    def __init__(self, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> None:
        self.features, self.labels = features, labels
        self.random = np.random.default_rng(seed)
        keras.utils.set_random_seed(seed)
        # Column by column: in float64 all of them at once are twice the features again.
        columns = np.moveaxis(features, 2, 0)
        means = [column.mean(dtype=np.float64) for column in columns]
        spreads = [column.std(dtype=np.float64) for column in columns]
        self.mean: NDArray[np.float32] = np.array(means, np.float32)
        self.scale: NDArray[np.float32] = np.maximum(spreads, 1e-3).astype(np.float32)
        self.network = RankerNetwork(features.shape[2])
        line = np.zeros((features.shape[2], 1), np.float32)
        line[0] = self.scale[0]
        self.network.line.kernel.assign(line)
        self.n_steps = math.ceil(len(labels) / BATCH_SIZE)
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, self.n_steps * EPOCHS)
        self.optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
        self.optimizer.build(self.network.trainable_variables)
        shape = (None, *features.shape[1:])
        # As in the network's `Trainer`: traced once, without TensorFlow's warning.
        step = tf.function(
            self._step,
            input_signature=[tf.TensorSpec(shape, tf.float32), tf.TensorSpec((None,), tf.int64)],
            autograph=False,
        )
        self.step = step.get_concrete_function()

    def epoch(self) -> None:
        for rows in np.array_split(self.random.permutation(len(self.labels)), self.n_steps):
            features = tf.constant(self._standardized(self.features[rows]))
            self.step(features, tf.constant(self.labels[rows]))

    def loss(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        """Mean cross-entropy in nats."""
        scores = Ranker(self.weights()).scores(features)
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[np.arange(len(labels)), labels]
        return float((np.log(np.exp(scores).sum(axis=1)) - own).mean())

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """What `Ranker` takes: the layers with the standardization folded in."""
        network = self.network
        widen = network.widen.kernel.numpy() / self.scale[:, None]
        return {
            "widen_kernel": widen,
            "widen_bias": network.widen.bias.numpy() - self.mean @ widen,
            "mix_kernel": network.mix.kernel.numpy(),
            "mix_bias": network.mix.bias.numpy(),
            "narrow_kernel": network.narrow.kernel.numpy()[:, 0],
            "line": network.line.kernel.numpy()[:, 0] / self.scale,
        }

    def _standardized(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        standardized: NDArray[np.float32] = (features - self.mean) / self.scale
        return standardized

    def _step(self, features: tf.Tensor, labels: tf.Tensor) -> None:
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=labels, logits=self.network(features)
            )
            loss = tf.reduce_mean(losses)
        self.optimizer.apply(tape.gradient(loss, weights), weights)
