"""Training of the slides' network in Keras, and how long a step of it takes here."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recommender.data.examples import Sessions
from recommender.models.onehot import WEIGHT_NAMES
from recommender.models.onehot_budget import Pass
from recommender.models.onehot_rows import one_hot_batch
from recommender.settings import Settings

SMALLEST_PROBABILITY = 1e-7
PROBED_ITEMS = 1500
"""Larger networks are timed at this size."""
_PROBED_STEPS = 3

Quality = Callable[[Mapping[str, NDArray[Any]]], dict[str, float]]
"""Serving arrays in, validation figures out."""


@dataclass(frozen=True)
class TrainedOneHot:
    """What training gives back: the best epoch's weights."""

    network: keras.Sequential
    arrays: dict[str, NDArray[Any]]
    epochs: int
    validation_gain: float


def build_network(n_items: int) -> keras.Sequential:
    """N one-hot inputs → 2N, ReLU → N, softmax; rmsprop on cross-entropy, as the slides have it."""
    network = keras.Sequential([
        keras.Input((n_items,)),
        keras.layers.Dense(2 * n_items, activation="relu"),
        keras.layers.Dense(n_items, activation="softmax"),
    ])  # fmt: skip
    network.compile(optimizer="rmsprop", loss=cross_entropy, metrics=["accuracy"])
    return network


@keras.saving.register_keras_serializable(package="session_recommender")  # type: ignore[untyped-decorator]
def cross_entropy(targets: Any, probabilities: Any) -> Any:
    """Categorical cross-entropy -Σ y log p of each row, also where y does not sum to one.

    Keras 3.15's own `categorical_crossentropy` gives this value but, on TensorFlow, not its
    gradient: it hands y to an operation that takes p - y for the gradient of the logits, where a
    row of m ones has m·p - y.
    """
    logs = keras.ops.log(keras.ops.maximum(probabilities, SMALLEST_PROBABILITY))
    return -keras.ops.sum(targets * logs, axis=-1)


def train_network(
    products: Sessions,
    quality: Quality | None,
    planned: Pass,
    *,
    n_items: int,
    settings: Settings,
    seed: int,
    on_epoch: Callable[[dict[str, Any]], None],
) -> TrainedOneHot:
    """Train a network; with validation, keep the epoch that it likes best.

    Args:
        products: Of `session_products`: each item is a training row.
        quality: Asked after each epoch how good its weights are on later sessions; training stops
            after `onehot.patience` epochs without a gain. Without it the last epoch is kept.
        planned: Rows of a step, and epochs at most.
        n_items: Size of the vocabulary.
        settings: Of the workspace.
        seed: Seed of weights and order.
        on_epoch: Called with each epoch's record.
    """
    keras.utils.set_random_seed(seed)
    if settings.model.deterministic:
        tf.config.experimental.enable_op_determinism()
    network, random = build_network(n_items), np.random.default_rng(seed)
    best = TrainedOneHot(network, {}, 0, -math.inf)
    for epoch in range(1, planned.epochs + 1):
        record: dict[str, Any] = {"epoch": epoch, "batch_size": planned.batch_size}
        record |= _train_epoch(network, products, planned.batch_size, random, settings)
        arrays, gain = serving_arrays(network), float(epoch)
        if quality is not None:
            record["validation"] = quality(arrays)
            gain = record["validation"]["log_likelihood"]
        on_epoch(record)
        if gain > best.validation_gain:
            best = TrainedOneHot(network, arrays, epoch, gain)
        elif epoch - best.epochs >= settings.onehot.patience:
            break
    network.set_weights([best.arrays[name] for name in WEIGHT_NAMES])
    return best


def _train_epoch(
    network: keras.Sequential,
    products: Sessions,
    batch_size: int,
    random: np.random.Generator,
    settings: Settings,
) -> dict[str, float]:
    """One pass over all rows; the mean loss in nats, and Keras's accuracy."""
    network.reset_metrics()
    told: dict[str, float] = {}
    for rows in _batches(len(products.items), batch_size, random):
        inputs, targets = one_hot_batch(
            products,
            rows,
            network.output_shape[-1],
            own_product_in_target=settings.onehot.own_product_in_target,
        )
        told = network.train_on_batch(inputs, targets, return_dict=True)
    return {name: round(float(value), 4) for name, value in told.items()}


def _batches(
    n_rows: int, batch_size: int, random: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """All rows in random order; the last batch may be smaller, as in Keras's `fit`."""
    order = random.permutation(n_rows)
    for start in range(0, n_rows, batch_size):
        yield order[start : start + batch_size]


def serving_arrays(network: keras.Sequential) -> dict[str, NDArray[Any]]:
    """Copies of the weights, by the names that `OneHot` saves them under."""
    return dict(zip(WEIGHT_NAMES, network.get_weights(), strict=True))


@cache
def step_seconds(n_items: int, batch_size: int) -> float:
    """How long a step of training takes on this machine.

    Some steps are made on a network of at most `PROBED_ITEMS` products; products of matrices and
    the update of 4N² weights, all that counts at size, grow with N².
    """
    probed = min(n_items, PROBED_ITEMS)
    network = build_network(probed)
    inputs = np.zeros((batch_size, probed), np.float32)
    inputs[np.arange(batch_size), np.arange(batch_size) % probed] = 1
    took = []
    for _ in range(1 + _PROBED_STEPS):
        began = time.perf_counter()
        network.train_on_batch(inputs, inputs)
        took.append(time.perf_counter() - began)
    return float(np.median(took[1:])) * (n_items / probed) ** 2
