"""Training of the compact softmax network, epoch by epoch, with the best weights kept."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM
from recommender.data.examples import PAD, Sessions, training_windows
from recommender.errors import SettingsError
from recommender.models.softmax_network import SoftmaxNetwork
from recommender.settings import Settings, SoftmaxSettings

ADAM_BETA_1, ADAM_BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-7
Quality = Callable[[Mapping[str, NDArray[Any]]], dict[str, float]]
"""Serving arrays in, validation figures out."""

WARM_UP_STEPS = 200
LAST_RATE = 0.01
"""The learning rate ends at this share of its peak."""


@dataclass(frozen=True)
class TrainedNetwork:
    """What training gives back: the best epoch's weights."""

    network: SoftmaxNetwork
    arrays: dict[str, NDArray[Any]]
    epochs: int
    validation_gain: float


def train_network(
    train: Sessions,
    quality: Quality | None,
    *,
    n_items: int,
    settings: Settings,
    start: NDArray[np.float32] | None,
    epochs: int | None,
    seed: int,
    on_epoch: Callable[[dict[str, Any]], None],
) -> TrainedNetwork:
    """Train a network and keep the epoch that validation likes best.

    Args:
        train: Sessions of item indices below `n_items`.
        quality: Asked after each epoch how good its weights are on later sessions; its
            `log_likelihood` chooses the epoch. Without it exactly `epochs` epochs are trained.
        n_items: Size of the vocabulary.
        settings: Of the workspace.
        start: Vectors that the table starts from, shape (n_items, dim); None for a random start.
        epochs: Where to stop, as an earlier call found it; None for the schedule's whole length.
        seed: Seed of start, order, dropout and sampling.
        on_epoch: Called with each epoch's record.

    Raises:
        SettingsError: If training diverges.
    """
    chosen = settings.softmax
    keras.utils.set_random_seed(seed)
    if settings.model.deterministic:
        tf.config.experimental.enable_op_determinism()
    network = SoftmaxNetwork(n_items, chosen.dim, chosen.hidden, chosen.window, chosen.dropout,
                             chosen.temperature)  # fmt: skip
    if start is not None:
        network.table.assign(prepared_start(start, network.table.numpy()))
    # More sessions plan fewer epochs: what was found on fewer sessions must still fit in.
    planned = max(chosen.epochs or planned_epochs(len(train.items)), epochs or 0)
    trainer = _Trainer(network, train, chosen, planned, seed)
    best = TrainedNetwork(network, {}, 0, -math.inf)
    for epoch in range(1, (epochs or planned) + 1):
        loss = trainer.epoch()
        if not math.isfinite(loss):
            raise SettingsError(
                f"training diverged in epoch {epoch}: the loss is no number; lower "
                f"softmax.learning_rate ({chosen.learning_rate}) or raise softmax.temperature"
            )
        record: dict[str, Any] = {"epoch": epoch, "of": planned, "loss": round(loss, 4)}
        arrays, gain = serving_arrays(network), float(epoch)
        if quality is not None:
            record["validation"] = quality(arrays)
            gain = record["validation"]["log_likelihood"]
        on_epoch(record)
        if gain > best.validation_gain:
            best = TrainedNetwork(network, arrays, epoch, gain)
        elif epoch - best.epochs >= chosen.patience:
            break
    network.assign_arrays(best.arrays)
    return best


def planned_epochs(n_steps: int) -> int:
    """Length of the learning-rate schedule: about a million steps in all, 5 to 12 epochs."""
    return int(np.clip(round(1_200_000 / max(n_steps, 1)), 5, 12))


def serving_arrays(network: SoftmaxNetwork) -> dict[str, NDArray[Any]]:
    """Copies of the weights, by the names that `Softmax` saves them under."""
    return {
        **{name: weight.numpy().copy() for name, weight in network.named_weights().items()},
        "temperature": np.array(network.temperature, np.float32),
    }


def prepared_start(vectors: NDArray[np.float32], like: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make vectors a start of the table: without their common direction, as long as random rows.

    word2vec's vectors share a direction (mean cosine .65 on rsc64) that a softmax over cosines
    has to unlearn first: without it Recall@20 there is .684 instead of .639.

    Args:
        vectors: Shape (n_items, dim); rows of zeros stand for items without a vector.
        like: Random rows of the same shape; they replace the rows of zeros.

    Source: Mu, Viswanath (2018), "All-but-the-Top", arXiv:1702.01417.
    """
    known = np.abs(vectors).max(axis=1) > 0
    centered = vectors - vectors[known].mean(axis=0)
    norms = np.linalg.norm(centered, axis=1, keepdims=True)
    length = np.linalg.norm(like, axis=1).mean()
    usable = known[:, None] & (norms > SMALLEST_NORM)
    return np.where(usable, centered * (length / np.maximum(norms, SMALLEST_NORM)), like)


class _Trainer:
    """Lazy Adam over the rows of the table that a batch touches.

    The table is gathered once a step over the unique items of the batch, so that the gradients of
    an item that occurs several times are summed before Adam sees them: Keras 3.15 applies them one
    by one. Rows outside the batch, and their moments, stay as they are.
    """

    def __init__(
        self,
        network: SoftmaxNetwork,
        train: Sessions,
        settings: SoftmaxSettings,
        planned_epochs: int,
        seed: int,
    ) -> None:
        self.network, self.settings = network, settings
        self.windows = training_windows(train, network.window)
        self.random = np.random.default_rng(seed)
        self.full = network.n_items <= settings.full_below
        self.n_steps = math.ceil(len(self.windows) / settings.batch_size)
        self.rates = iter(learning_rates(self.n_steps * planned_epochs, settings.learning_rate))
        self.table, *self.dense = [weight.value for weight in network.trainable_weights]
        self.moments = [
            (tf.Variable(tf.zeros_like(weight)), tf.Variable(tf.zeros_like(weight)))
            for weight in (self.table, *self.dense)
        ]
        self.step_number = tf.Variable(0.0)
        share = np.sqrt(np.bincount(train.items, minlength=network.n_items) + 1e-9)
        self.sampling = np.cumsum(share / share.sum())
        self.log_noise = tf.constant(np.log(settings.negatives * share / share.sum()), tf.float32)
        batch_of_windows = tf.TensorSpec((None, network.window + 1), tf.int32)
        self.step = tf.function(
            self._step,
            input_signature=[batch_of_windows, tf.TensorSpec((None,), tf.int32),
                             tf.TensorSpec((), tf.float32)],
        )  # fmt: skip

    def epoch(self) -> float:
        """One pass over all windows; returns the mean loss in nats."""
        losses = [
            self.step(tf.constant(windows), tf.constant(sampled), tf.constant(next(self.rates)))
            for windows, sampled in self._batches()
        ]
        return float(np.mean([loss.numpy() for loss in losses]))

    def _batches(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Windows in random order, each batch with its sampled items (none in the full softmax)."""
        order = self.random.permutation(len(self.windows))
        for rows in np.array_split(order, self.n_steps):
            draws = self.random.random(0 if self.full else self.settings.negatives)
            sampled = np.searchsorted(self.sampling, draws).clip(max=self.network.n_items - 1)
            yield self.windows[rows], sampled.astype(np.int32)

    def _step(self, windows: tf.Tensor, sampled: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        used, place, sampled_place = self._used_rows(windows, sampled)
        is_target = windows[:, 1:] != PAD
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            rows = tf.gather(self.table, used)
            tape.watch([rows, *self.dense])
            session = self.network.prefix_vectors(tf.gather(rows, place[:, :-1]), is_target)
            targets = tf.boolean_mask(place[:, 1:], is_target)
            if self.full:
                loss = full_softmax_loss(self.network.logits(session, rows), targets)
            else:
                loss = sampled_softmax_loss(
                    self.network.logits(session, tf.gather(rows, sampled_place)),
                    self.network.paired_logits(session, tf.gather(rows, targets)),
                    tf.gather(self.log_noise, sampled),
                    sampled_place[None, :] == targets[:, None],
                )
        gradients = tape.gradient(loss, [rows, *self.dense])
        self._adam(used, [tf.convert_to_tensor(gradient) for gradient in gradients], rate)
        return loss

    def _used_rows(
        self, windows: tf.Tensor, sampled: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The items of a batch, each once, and where windows and samples find theirs."""
        items = tf.maximum(windows, 0)
        if self.full:
            return tf.range(self.network.n_items), items, sampled
        used, place = tf.unique(tf.concat([tf.reshape(items, [-1]), sampled], 0))
        n_window = tf.size(items)
        return used, tf.reshape(place[:n_window], tf.shape(items)), place[n_window:]

    def _adam(self, used: tf.Tensor, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
        """Source: Kingma, Ba (2015), "Adam", Algorithm 1; moments of unused rows rest."""
        self.step_number.assign_add(1.0)
        rate *= tf.sqrt(1 - ADAM_BETA_2**self.step_number) / (1 - ADAM_BETA_1**self.step_number)
        for weight, (first, second), gradient in zip(
            (self.table, *self.dense), self.moments, gradients, strict=True
        ):
            where = used if weight is self.table else tf.range(tf.shape(weight)[0])
            new_first = ADAM_BETA_1 * tf.gather(first, where) + (1 - ADAM_BETA_1) * gradient
            new_second = ADAM_BETA_2 * tf.gather(second, where) + (1 - ADAM_BETA_2) * gradient**2
            change = rate * new_first / (tf.sqrt(new_second) + ADAM_EPSILON)
            first.scatter_update(tf.IndexedSlices(new_first, where))
            second.scatter_update(tf.IndexedSlices(new_second, where))
            weight.scatter_sub(tf.IndexedSlices(change, where))


def learning_rates(n_steps: int, peak: float) -> NDArray[np.float32]:
    """Rates of all steps: up to `peak` in the warm-up, then straight down to `LAST_RATE` of it."""
    warm_up = max(1, min(WARM_UP_STEPS, n_steps // 10))
    falling = np.linspace(1, LAST_RATE, max(n_steps - warm_up, 1))
    factors = np.concatenate([np.arange(1, warm_up + 1) / warm_up, falling])
    return (peak * factors[:n_steps]).astype(np.float32)


def full_softmax_loss(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy; shapes (n, n_items) and (n,)."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(losses)


def sampled_softmax_loss(
    sampled_logits: tf.Tensor,
    target_logits: tf.Tensor,
    log_noise: tf.Tensor,
    is_target: tf.Tensor,
) -> tf.Tensor:
    """Mean cross-entropy against sampled items, corrected for how often each is drawn.

    Args:
        sampled_logits: Shape (n, n_sampled).
        target_logits: Shape (n,).
        log_noise: Log of each sampled item's expected number of draws, shape (n_sampled,).
        is_target: Where a sampled item is the row's own target, shape (n, n_sampled).

    Source: Bengio, Senecal (2008), "Adaptive Importance Sampling…", section III.
    """
    corrected = tf.where(is_target, -np.inf, sampled_logits - log_noise)
    logits = tf.concat([target_logits[:, None], corrected], axis=1)
    return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=1) - target_logits)
