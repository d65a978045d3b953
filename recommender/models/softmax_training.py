"""Training of the compact softmax network, epoch by epoch, with the best weights kept."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM
from recommender.data.examples import Sessions
from recommender.errors import SettingsError
from recommender.models.facts import MEMORIES, demand_bonus
from recommender.models.softmax_batches import Batches
from recommender.models.softmax_network import SoftmaxNetwork
from recommender.models.softmax_step import Trainer
from recommender.settings import Settings, row_length

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
    center: bool,
    epochs: int | None,
    seed: int,
    on_epoch: Callable[[dict[str, Any]], None],
    kind: Callable[..., SoftmaxNetwork] = SoftmaxNetwork,
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
        center: Whether their common direction is taken out.
        seed: Seed of start, order, dropout and sampling.
        on_epoch: Called with each epoch's record.
        kind: The network to build.

    Raises:
        SettingsError: If training diverges.
    """
    chosen = settings.softmax
    keras.utils.set_random_seed(seed)
    if settings.model.deterministic:
        tf.config.experimental.enable_op_determinism()
    dim = row_length(n_items, chosen)
    network = kind(
        n_items,
        dim,
        hidden=chosen.hidden or 2 * dim,
        window=chosen.window,
        input_dropout=chosen.input_dropout,
        dropout=chosen.dropout,
        temperature=chosen.temperature,
    )
    if start is not None:
        network.table.assign(prepared_start(start, network.table.numpy(), center=center))
    # More sessions plan fewer epochs: what was found on fewer sessions must still fit in.
    planned = max(chosen.epochs or planned_epochs(len(train.items)), epochs or 0)
    batches = Batches(train, n_items, chosen, seed)
    rates = learning_rates(batches.n_steps * planned, chosen.learning_rate)
    trainer = Trainer(network, batches, rates)
    demand = batches.history[-1]
    best = TrainedNetwork(network, {}, 0, -math.inf)
    for epoch in range(1, (epochs or planned) + 1):
        loss = trainer.epoch()
        if not math.isfinite(loss):
            raise SettingsError(
                f"training diverged in epoch {epoch}: the loss is no number; lower "
                f"softmax.learning_rate ({chosen.learning_rate}) or raise softmax.temperature"
            )
        if not batches.tells_demand:
            # All that moved these weights is rounding, which Adam takes for a gradient.
            network.heads["demand_weights"].assign(np.zeros(len(MEMORIES)))
        record: dict[str, Any] = {"epoch": epoch, "of": planned, "loss": round(loss, 4)}
        weights = network.heads["demand_weights"].numpy()
        network.item_bonus.assign(demand_bonus(demand, weights))
        arrays, gain = {**serving_arrays(network), "demand": demand}, float(epoch)
        if quality is not None:
            record["validation"] = quality(arrays)
            gain = record["validation"]["log_likelihood"]
            if not math.isfinite(gain):
                raise SettingsError(
                    f"training diverged in epoch {epoch}: validation is told nothing; lower "
                    f"softmax.learning_rate ({chosen.learning_rate})"
                )
        on_epoch(record)
        if gain > best.validation_gain:
            best = TrainedNetwork(network, arrays, epoch, gain)
        elif epoch - best.epochs >= chosen.patience:
            break
    network.assign_arrays(best.arrays)
    network.item_bonus.assign(demand_bonus(demand, best.arrays["demand_weights"]))
    return best


def planned_epochs(n_steps: int) -> int:
    """Length of the learning-rate schedule: about a million steps in all, 5 to 10 epochs."""
    return int(np.clip(round(1_000_000 / max(n_steps, 1)), 5, 10))


def serving_arrays(network: SoftmaxNetwork) -> dict[str, NDArray[Any]]:
    """Copies of the weights, by the names that `Softmax` saves them under."""
    return {
        **{name: weight.numpy().copy() for name, weight in network.named_weights().items()},
        "temperature": np.array(network.temperature, np.float32),
    }


def prepared_start(
    vectors: NDArray[np.float32], like: NDArray[np.float32], *, center: bool = True
) -> NDArray[np.float32]:
    """Make vectors a start of the table: all of one length.

    word2vec's vectors share a direction (mean cosine .65 on rsc64) that a softmax over cosines
    has to unlearn first: without it Recall@20 there is .684 instead of .639.

    Args:
        vectors: Shape (n_items, any); rows of zeros stand for items without a vector. Of vectors
            longer than `dim` the directions are kept that differ most; shorter ones are filled up
            at random.
        like: Random rows, shape (n_items, dim); they replace the rows of zeros.
        center: Whether their common direction is taken out.

    Source: Mu, Viswanath (2018), "All-but-the-Top", arXiv:1702.01417.
    """
    known = np.abs(vectors).max(axis=1) > 0
    centered = vectors - vectors[known].mean(axis=0) * center
    if vectors.shape[1] > like.shape[1]:
        _, directions = np.linalg.eigh(centered.T @ centered)
        centered = centered @ directions[:, -like.shape[1] :]
    missing = like.shape[1] - centered.shape[1]
    centered = np.hstack([centered, like[:, :missing] * centered.std()]) if missing else centered
    norms = np.linalg.norm(centered, axis=1, keepdims=True)
    length = np.linalg.norm(like, axis=1).mean()
    usable = known[:, None] & (norms > SMALLEST_NORM)
    return np.where(usable, centered * (length / np.maximum(norms, SMALLEST_NORM)), like)


def learning_rates(n_steps: int, peak: float) -> NDArray[np.float32]:
    """Rates of all steps: up to `peak` in the warm-up, then straight down to `LAST_RATE` of it."""
    warm_up = max(1, min(WARM_UP_STEPS, n_steps // 10))
    falling = np.linspace(1, LAST_RATE, max(n_steps - warm_up, 1))
    factors = np.concatenate([np.arange(1, warm_up + 1) / warm_up, falling])
    return (peak * factors[:n_steps]).astype(np.float32)
