"""Log-probability of the next item: among all items, or among sampled ones and the session's."""

import tensorflow as tf

_NEVER = -1e9


def full_log_softmax(
    logits: tf.Tensor, targets: tf.Tensor, seen: tf.Tensor, bonus: tf.Tensor, is_seen: tf.Tensor
) -> tf.Tensor:
    """Log-probabilities of the true next items over the whole catalog, shape (n,).

    Args:
        logits: Shape (n, n_items).
        targets: True next items, shape (n,).
        seen: Items of each session, shape (n, window).
        bonus: What is added to their logits, shape (n, window).
        is_seen: Which of them count, each item once, shape (n, window).
    """
    where = tf.where(is_seen)
    places = tf.stack([tf.cast(where[:, 0], tf.int32), tf.gather_nd(seen, where)], axis=1)
    logits = tf.tensor_scatter_nd_add(logits, places, tf.gather_nd(bonus, where))
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)


def sampled_log_softmax(
    target_logits: tf.Tensor,
    seen_logits: tf.Tensor,
    sampled_logits: tf.Tensor,
    log_noise: tf.Tensor,
    is_seen: tf.Tensor,
    is_target: tf.Tensor,
    taken: tf.Tensor,
) -> tf.Tensor:
    """Log-probabilities of the targets among themselves, the session's items and sampled ones.

    The session's items are always in it, so that returns are learned from every position. Only
    sampled items are corrected for how often they are drawn.

    Args:
        target_logits: Shape (n,), without what a return adds.
        seen_logits: Of the session's items, shape (n, window).
        sampled_logits: Shape (n, n_sampled).
        log_noise: Log of each sampled item's expected number of draws, shape (n_sampled,).
        is_seen: Which of the session's items count, each item once, shape (n, window).
        is_target: Which of these is the target, shape (n, window).
        taken: Places in `sampled_logits` where the item is the target or one of the session's,
            shape (n_taken, 2), int32.

    Source: Bengio, Senecal (2008), "Adaptive Importance Sampling…", section III.
    """
    returns = tf.reduce_any(is_target, axis=1)
    target = tf.where(
        returns, tf.reduce_sum(tf.where(is_target, seen_logits, 0.0), axis=1), target_logits
    )
    logits = tf.concat(
        [
            tf.where(returns, _NEVER, target_logits)[:, None],
            tf.where(is_seen, seen_logits, _NEVER),
            tf.tensor_scatter_nd_update(
                sampled_logits - log_noise, taken, tf.fill([tf.shape(taken)[0]], _NEVER)
            ),
        ],
        axis=1,
    )
    return target - tf.reduce_logsumexp(logits, axis=1)
