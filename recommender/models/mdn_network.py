"""The mixture over the catalog in Keras: several session vectors, each a query into one table.

Importing this module registers `MixtureNetwork`, so that `keras.models.load_model` opens an
artifact's `network.keras`.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from recommender.data.examples import PAD
from recommender.models.intents import AGE_PENALTY, ATTENTION, NEVER, SAME
from recommender.models.softmax_network import SoftmaxNetwork, unit


class _Components(NamedTuple):
    """Of q prefixes of each of n windows: rows (n, q, C, dim), ages and weights (n, q, C)."""

    means: Any
    anchors: Any
    ages: Any
    is_further: Any


@keras.saving.register_keras_serializable(package="session_recommender")
class MixtureNetwork(SoftmaxNetwork):
    """p(item | session) = sum_c weight_c(session) softmax(cosine(vector_c(session), item) / τ).

    Every component stands at an item of the session, its anchor: the newest one, then each time the
    one least like the anchors so far. Its vector is made of the session's items, those like its
    anchor first. A component whose anchor is no further item has no weight.

    Held to the NumPy path of `Mdn` by a test.

    Args:
        components: C.
        **kwargs: As of `SoftmaxNetwork`.
    """

    def __init__(self, *args: Any, components: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.components = components
        self.attention = self.add_weight(
            shape=(1,), initializer=keras.initializers.Constant(ATTENTION), name="attention"
        )
        self.weight_by_age = self.add_weight(
            shape=(self.window,), initializer="zeros", name="weight_by_age"
        )
        self.weight_by_hidden = self.add_weight(
            shape=(self.hidden,), initializer="zeros", name="weight_by_hidden"
        )

    @property
    def n_components(self) -> int:
        """Components of the distribution that it gives."""
        return self.components

    def call(self, windows: Any) -> Any:
        """Score the item after the newest one of every window; see `SoftmaxNetwork.call`."""
        known = ops.not_equal(windows, PAD)
        rows = ops.take(self.table, ops.maximum(windows, 0), axis=0)
        rows = rows * ops.cast(known, "float32")[:, :, None]
        ages = np.arange(self.window - 1, -1, -1)[None, :]
        found = self._components(rows, rows, known[:, None, :], ages)
        per_component = [
            self.refine(found.means[:, 0, c], found.anchors[:, 0, c], training=False)
            for c in range(self.components)
        ]
        hidden = ops.stack([one for _, one in per_component], axis=1)
        weights = self._log_weights(hidden, found.ages[:, 0], found.is_further[:, 0])
        told = [
            weights[:, c, None] + self.log_softmax(*per_component[c], windows)
            for c in range(self.components)
        ]
        return ops.logsumexp(ops.stack(told, axis=1), axis=1)

    def prefix_components(self, rows: Any, chosen: Any) -> tuple[Any, Any, Any]:
        """See `SoftmaxNetwork.prefix_components`."""
        ages = np.arange(self.window)[:, None] - np.arange(self.window)[None, :]
        dropped = self.drop_inputs(rows, training=True)
        found = self._components(dropped, rows, (ages >= 0)[None], np.maximum(ages, 0))
        flat = ops.where(ops.reshape(chosen, (-1,)))[0]
        means, anchors, ages, is_further = (
            ops.take(ops.reshape(one, (-1, *one.shape[2:])), flat, axis=0) for one in found
        )
        means, anchors = (ops.reshape(one, (-1, self.dim)) for one in (means, anchors))
        session, hidden = self.refine(means, anchors, training=True)
        per_prefix = ops.reshape(hidden, (-1, self.components, self.hidden))
        return session, hidden, self._log_weights(per_prefix, ages, is_further)

    def _components(self, rows: Any, plain: Any, allowed: Any, ages: Any) -> _Components:
        """Anchors and pooled rows.

        Args:
            rows: Of the windows' items, as they are pooled, shape (n, window, dim).
            plain: Those rows without dropout: what decides on anchors.
            allowed: Which items each prefix has seen, shape (n or 1, q, window).
            ages: Steps since each item, shape (q, window); the newest item's is 0.
        """
        directions = ops.stop_gradient(unit(plain))
        cosines = ops.einsum("nsd,nwd->nsw", directions, directions)
        newest = np.argmax(ages == 0, axis=1)
        chosen = ops.broadcast_to(newest[None, :], (ops.shape(rows)[0], len(newest)))
        closest = ops.take_along_axis(cosines, chosen[:, :, None], axis=1)
        found = [(chosen, closest, ops.ones_like(chosen, "bool"))]
        for _ in range(1, self.components):
            penalized = ops.where(allowed, closest + AGE_PENALTY * ages[None], -NEVER)
            chosen = ops.argmin(penalized, axis=2)
            own = ops.take_along_axis(cosines, chosen[:, :, None], axis=1)
            nearest = ops.take_along_axis(closest, chosen[:, :, None], axis=2)[:, :, 0]
            is_known = ops.take_along_axis(
                ops.broadcast_to(allowed, ops.shape(closest)), chosen[:, :, None], axis=2
            )[:, :, 0]
            found.append((chosen, own, ops.logical_and(nearest < SAME, is_known)))
            closest = ops.maximum(closest, own)
        by_age = ops.take(self.age_logits, ages)[None]
        means, anchors, anchor_ages = [], [], []
        every_age = ops.broadcast_to(ages[None], ops.shape(closest))
        for chosen, own, _ in found:
            logits = ops.where(allowed, by_age + self.attention * own, NEVER)
            means.append(ops.einsum("nqw,nwd->nqd", ops.softmax(logits, axis=2), rows))
            anchors.append(ops.take_along_axis(rows, chosen[:, :, None], axis=1))
            anchor_ages.append(ops.take_along_axis(every_age, chosen[:, :, None], axis=2)[:, :, 0])
        return _Components(
            ops.stack(means, axis=2),
            ops.stack(anchors, axis=2),
            ops.stack(anchor_ages, axis=2),
            ops.stack([one for _, _, one in found], axis=2),
        )

    def _log_weights(self, hidden: Any, ages: Any, is_further: Any) -> Any:
        """Logs of the components' weights, shape (n, C); hidden units (n, C, hidden)."""
        logits = ops.einsum("nch,h->nc", hidden, self.weight_by_hidden)
        logits = logits + ops.take(self.weight_by_age, ages)
        return ops.log_softmax(ops.where(is_further, logits, NEVER), axis=1)

    def named_weights(self) -> dict[str, Any]:
        """The weights by the names that `Mdn` saves them under."""
        return {
            **super().named_weights(),
            "attention": self.attention,
            "weight_by_age": self.weight_by_age,
            "weight_by_hidden": self.weight_by_hidden,
        }

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the network."""
        return {**super().get_config(), "components": self.components}
