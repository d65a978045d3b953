"""The compact softmax network in Keras.

Importing this module registers `SoftmaxNetwork`, so that `keras.models.load_model` opens an
artifact's `network.keras`.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from embeddings.nearest import SMALLEST_NORM
from recommender.data.examples import PAD
from recommender.models.facts import MEMORIES
from recommender.models.returns import MAX_EARLIER


@keras.saving.register_keras_serializable(package="session_recommender")
class SoftmaxNetwork(keras.Model):  # type: ignore[misc]
    """Last items of a session in, log-probabilities of every item as the next one out.

    Two heads stand beside the cosine: returns to items of the session, and the demand for every
    item as its newest clicks tell it.

    Held to the NumPy path of `Softmax` by a test.

    Args:
        n_items: Rows of the table.
        dim: Length of a row.
        hidden: Units of the residual layer.
        window: Items of a session that it sees.
        input_dropout: Share dropped of the items' rows in training.
        dropout: Share dropped of the hidden units in training.
        temperature: Divides the cosine.
        **kwargs: As of `keras.Model`.
    """

    def __init__(
        self,
        n_items: int,
        dim: int,
        hidden: int,
        window: int,
        input_dropout: float,
        dropout: float,
        temperature: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_items, self.dim, self.hidden, self.window = n_items, dim, hidden, window
        self.input_dropout, self.dropout, self.temperature = input_dropout, dropout, temperature
        around_zero = keras.initializers.RandomUniform(-0.1, 0.1)
        self.table = self.add_weight(shape=(n_items, dim), initializer=around_zero, name="table")
        self.age_logits = self.add_weight(shape=(window,), initializer="zeros", name="age_logits")
        self.widen = keras.layers.Dense(hidden, activation="relu", name="widen")
        self.narrow = keras.layers.Dense(dim, name="narrow")
        self.drop_inputs = keras.layers.Dropout(input_dropout)
        self.drop_hidden = keras.layers.Dropout(dropout)
        self.widen.build((None, 2 * dim))
        self.narrow.build((None, hidden))
        # The residual layer begins small: the mean of the rows is a good first guess.
        self.gate = self.add_weight(
            shape=(1,), initializer=keras.initializers.Constant(0.1), name="gate"
        )
        shapes = {
            "return_by_age": (window,),
            "return_by_hidden": (hidden, window),
            "return_by_count": (MAX_EARLIER + 1,),
            "demand_weights": (len(MEMORIES),),
        }
        self.heads = {
            name: self.add_weight(shape=shape, initializer="zeros", name=name)
            for name, shape in shapes.items()
        }
        self.item_bonus = self.add_weight(
            shape=(n_items,), initializer="zeros", trainable=False, name="item_bonus"
        )
        self.built = True

    def call(self, windows: Any) -> Any:
        """Score the item after the newest one of every window.

        Args:
            windows: Item indices, shape (n, window), int32, `PAD` in front of short sessions.

        Returns:
            Log-probabilities in nats, shape (n, n_items).
        """
        known = ops.cast(ops.not_equal(windows, PAD), "float32")
        rows = ops.take(self.table, ops.maximum(windows, 0), axis=0) * known[:, :, None]
        weights = ops.exp(ops.flip(self.age_logits, 0)) * known
        total = ops.maximum(ops.sum(weights, axis=1, keepdims=True), SMALLEST_NORM)
        mean = ops.einsum("nw,nwd->nd", weights / total, rows)
        session, hidden = self.refine(mean, rows[:, -1], training=False)
        return self.log_softmax(session, hidden, windows)

    def log_softmax(self, session: Any, hidden: Any, windows: Any) -> Any:
        """Log-probabilities of every item from session vectors; shapes as in `call`."""
        known = ops.cast(ops.not_equal(windows, PAD), "float32")
        logits = self.logits(session, self.table) + self.item_bonus
        same = ops.equal(windows[:, :, None], windows[:, None, :])
        before = np.tri(self.window, k=-1, dtype=np.bool_)
        is_newest = ops.logical_not(ops.any(ops.logical_and(same, before.T), axis=2))
        earlier = ops.sum(ops.cast(ops.logical_and(same, before), "int32"), axis=2)
        ages = ops.broadcast_to(np.arange(self.window - 1, -1, -1), ops.shape(windows))
        bonus = self.return_bonus(hidden, ages, ops.minimum(earlier, MAX_EARLIER))
        bonus = bonus * known * ops.cast(is_newest, "float32")
        seen = ops.one_hot(ops.maximum(windows, 0), self.n_items)
        return ops.log_softmax(logits + ops.einsum("nw,nwi->ni", bonus, seen), axis=-1)

    @property
    def n_components(self) -> int:
        """Components of the distribution that it gives: one."""
        return 1

    def prefix_components(self, rows: Any, chosen: Any) -> tuple[Any, Any, Any]:
        """What the session vectors of many prefixes are, with dropout, component by component.

        Args:
            rows: The items' rows, shape (n, window, dim), oldest first, padding behind.
            chosen: True for the prefixes wanted, shape (n, window).

        Returns:
            Vectors, shape (n_chosen * n_components, dim), the components of a prefix beside each
            other; the hidden units behind them, shape (n_chosen * n_components, hidden); logs of
            the components' weights, shape (n_chosen, n_components).
        """
        rows = self.drop_inputs(rows, training=True)
        age = np.arange(self.window)[:, None] - np.arange(self.window)[None, :]
        weights = ops.exp(ops.take(self.age_logits, np.maximum(age, 0))) * (age >= 0)
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        means = ops.einsum("ts,nsd->ntd", weights, rows)
        flat = ops.where(ops.reshape(chosen, (-1,)))[0]
        mean = ops.take(ops.reshape(means, (-1, self.dim)), flat, axis=0)
        last = ops.take(ops.reshape(rows, (-1, self.dim)), flat, axis=0)
        session, hidden = self.refine(mean, last, training=True)
        return session, hidden, ops.zeros_like(session[:, :1])

    def refine(self, mean: Any, last: Any, *, training: bool) -> tuple[Any, Any]:
        """Add what the residual layer makes of a pooled row and a single one.

        Args:
            mean: Shape (n, dim).
            last: Shape (n, dim).
            training: Whether hidden units are dropped.

        Returns:
            Session vectors, shape (n, dim), and the hidden units, shape (n, hidden).
        """
        hidden = self.widen(ops.concatenate([mean, last], axis=-1))
        hidden = self.drop_hidden(hidden, training=training)
        return mean + self.gate * self.narrow(hidden), hidden

    def return_bonus(self, hidden: Any, ages: Any, earlier: Any) -> Any:
        """What a session's items have over others, by how long ago and how often they were seen.

        Args:
            hidden: Hidden units of each session, shape (n, hidden).
            ages: Steps since each item, 0 for the newest, shape (n, window).
            earlier: How often each stood before, shape (n, window).
        """
        return (
            ops.take(self.heads["return_by_age"], ages)
            + ops.take_along_axis(ops.matmul(hidden, self.heads["return_by_hidden"]), ages, axis=1)
            + ops.take(self.heads["return_by_count"], earlier)
        )

    def logits(self, session: Any, rows: Any) -> Any:
        """Cosine over temperature; shapes (n, dim) and (m, dim) in, (n, m) out."""
        return ops.matmul(unit(session), ops.transpose(unit(rows))) / self.temperature

    def paired_logits(self, session: Any, rows: Any) -> Any:
        """Cosine over temperature, row by row; twice (n, dim) in, (n,) out."""
        return ops.sum(unit(session) * unit(rows), axis=-1) / self.temperature

    def named_weights(self) -> dict[str, Any]:
        """The weights by the names that `Softmax` saves them under."""
        return {
            "table": self.table,
            "age_logits": self.age_logits,
            "widen_kernel": self.widen.kernel,
            "widen_bias": self.widen.bias,
            "narrow_kernel": self.narrow.kernel,
            "narrow_bias": self.narrow.bias,
            "gate": self.gate,
            **self.heads,
        }

    def assign_arrays(self, arrays: Mapping[str, Any]) -> None:
        """Take over saved weights."""
        for name, weight in self.named_weights().items():
            weight.assign(arrays[name])

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the network."""
        names = ("n_items", "dim", "hidden", "window", "input_dropout", "dropout", "temperature")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def unit(vectors: Any) -> Any:
    """Vectors of length 1; of zeros, zeros."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, SMALLEST_NORM**2))
