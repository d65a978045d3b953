"""One step of training the compact network: loss, gradients, lazy Adam."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from recommender.errors import DataError
from recommender.models.softmax_batches import Batch, Batches
from recommender.models.softmax_loss import full_log_softmax, sampled_log_softmax
from recommender.models.softmax_network import SoftmaxNetwork

ADAM_BETA_1, ADAM_BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-7


class Trainer:
    """Lazy Adam over the rows of the table that a batch touches.

    The table is gathered once a step over the unique items of the batch, so that the gradients of
    an item that occurs several times are summed before Adam sees them: Keras 3.15 applies them one
    by one. Rows outside the batch, and their moments, stay as they are.

    Args:
        network: Trained in place.
        batches: Of every epoch.
        rates: The learning rate of every step.
    """

    def __init__(self, network: SoftmaxNetwork, batches: Batches, rates: Iterable[float]) -> None:
        self.network, self.batches, self.rates = network, batches, iter(rates)
        self.table, *self.dense = [weight.value for weight in network.trainable_weights]
        self.moments = [
            (tf.Variable(tf.zeros_like(weight)), tf.Variable(tf.zeros_like(weight)))
            for weight in (self.table, *self.dense)
        ]
        self.step_number = tf.Variable(0.0)
        by_place = tf.TensorSpec((None, network.window), tf.int32)
        # Traced here once: TensorFlow takes short trainings in a row for one that is traced anew
        # and again, and warns.
        step = tf.function(
            self._step,
            input_signature=[
                Batch(
                    used=tf.TensorSpec((None,), tf.int32),
                    demand=tf.TensorSpec((None, None), tf.float32),
                    windows=tf.TensorSpec((None, network.window + 1), tf.int32),
                    is_target=tf.TensorSpec((None, network.window), tf.bool),
                    next_seen=by_place,
                    earlier=by_place,
                    sampled=tf.TensorSpec((None,), tf.int32),
                    log_noise=tf.TensorSpec((None,), tf.float32),
                ),
                tf.TensorSpec((), tf.float32),
            ],
            # Nothing in it depends on a tensor's value; looking for that takes half of the tracing.
            autograph=False,
        )
        self.step = step.get_concrete_function()

    def epoch(self) -> float:
        """One pass over all windows; returns the mean loss in nats.

        Raises:
            DataError: If returns are no targets and the sessions hold nothing else.
        """
        losses = [
            self.step(Batch(*map(tf.constant, batch)), tf.constant(next(self.rates)))
            for batch in self.batches.epoch()
            if batch.is_target.any()
        ]
        if not losses:
            raise DataError(
                "too little to train on: no session goes on to a product that it has not seen; "
                "import more events or set softmax.returns = true"
            )
        return float(np.mean([loss.numpy() for loss in losses]))

    def _step(self, batch: Batch, rate: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            rows = tf.gather(self.table, batch.used)
            tape.watch([rows, *self.dense])
            loss = self._loss(rows, batch)
        gradients = tape.gradient(loss, [rows, *self.dense])
        self._adam(batch.used, [tf.convert_to_tensor(gradient) for gradient in gradients], rate)
        return loss

    def _loss(self, rows: tf.Tensor, batch: Any) -> tf.Tensor:
        network, length = self.network, self.network.window
        inputs = batch.windows[:, :-1]
        n_components = network.n_components
        session, hidden, log_weights = network.prefix_components(
            tf.gather(rows, inputs), batch.is_target
        )
        # One row below for every component of every prefix.
        targets = tf.repeat(tf.boolean_mask(batch.windows[:, 1:], batch.is_target), n_components)
        window, place = (
            tf.repeat(tf.cast(axis, tf.int32), n_components)
            for axis in tf.unstack(tf.where(batch.is_target), axis=1)
        )
        # Of each session's items, those seen by now, at their newest place.
        places = tf.range(length)[None, :]
        is_seen = (places <= place[:, None]) & (place[:, None] < tf.gather(batch.next_seen, window))
        seen = tf.gather(inputs, window)
        bonus = network.return_bonus(
            hidden, tf.maximum(place[:, None] - places, 0), tf.gather(batch.earlier, window)
        )
        demand = tf.linalg.matvec(batch.demand, network.heads["demand_weights"].value)
        if self.batches.full:
            logits = network.logits(session, rows) + demand
            told = full_log_softmax(logits, targets, seen, bonus, is_seen)
            return _loss_of_mixture(log_weights, told)
        seen_rows = tf.gather(tf.gather(rows, inputs), window)
        told = sampled_log_softmax(
            network.paired_logits(session, tf.gather(rows, targets)) + tf.gather(demand, targets),
            network.paired_logits(session[:, None], seen_rows) + tf.gather(demand, seen) + bonus,
            network.logits(session, tf.gather(rows, batch.sampled))
            + tf.gather(demand, batch.sampled),
            batch.log_noise,
            is_seen,
            is_seen & (seen == targets[:, None]),
            _taken(batch, tf.concat([targets[:, None], seen], 1), is_seen, tf.shape(rows)[0]),
        )
        return _loss_of_mixture(log_weights, told)

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


def _loss_of_mixture(log_weights: tf.Tensor, told: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy in nats of sum_c weight_c p_c.

    Args:
        log_weights: Shape (n, n_components).
        told: log p_c of the target, shape (n * n_components,).
    """
    told = tf.reshape(told, tf.shape(log_weights))
    return -tf.reduce_mean(tf.reduce_logsumexp(log_weights + told, axis=1))


def _taken(batch: Any, items: tf.Tensor, is_seen: tf.Tensor, n_used: tf.Tensor) -> tf.Tensor:
    """Where a sampled item is the row's target or one of its session, shape (n_taken, 2).

    Args:
        batch: With `sampled`.
        items: The target and the session's items of each row, shape (n, 1 + window).
        is_seen: Which of the latter count, shape (n, window).
        n_used: Rows of the batch.
    """
    n_sampled = tf.shape(batch.sampled)[0]
    column = tf.tensor_scatter_nd_update(
        tf.fill([n_used], -1), batch.sampled[:, None], tf.range(n_sampled)
    )
    columns = tf.gather(column, items)
    counts = tf.concat([tf.ones_like(is_seen[:, :1]), is_seen], axis=1) & (columns >= 0)
    rows = tf.broadcast_to(tf.range(tf.shape(items)[0])[:, None], tf.shape(items))
    return tf.stack([tf.boolean_mask(rows, counts), tf.boolean_mask(columns, counts)], axis=1)
