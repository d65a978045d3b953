"""Log-probabilities against what they stand for, worked out slowly."""

import numpy as np
import pytest
import tensorflow as tf

from recommender.models.softmax_loss import full_log_softmax, sampled_log_softmax


def test_full_loss_adds_the_bonus_of_returns() -> None:
    logits = np.array([[1.0, 2.0, 3.0]], np.float32)
    seen = np.array([[2, 0, 0]], np.int32)
    told = full_log_softmax(
        tf.constant(logits), tf.constant([2]), tf.constant(seen),
        tf.constant([[0.5, -1.0, 9.0]]), tf.constant([[True, True, False]]),
    )  # fmt: skip
    with_bonus = np.array([0.0, 2.0, 3.5])
    assert -float(told[0]) == pytest.approx(np.log(np.exp(with_bonus).sum()) - 3.5, abs=1e-5)


def sampled(target_is_seen: bool) -> float:
    """Items 0..4; the session saw 0 and 1; 0 and 4 are sampled; the target is 1 or 3."""
    told = sampled_log_softmax(
        tf.constant([1.0 if target_is_seen else 0.7]),
        tf.constant([[2.0, 1.5]]),
        tf.constant([[2.0, 0.2]]),
        tf.constant([0.1, 0.4]),
        tf.constant([[True, True]]),
        tf.constant([[False, target_is_seen]]),
        tf.constant([[0, 0]]),
    )
    return -float(told[0])


def test_sampled_loss_of_a_new_item() -> None:
    """The session's items stand beside the target; the sampled 0 is the session's own: masked."""
    terms = np.array([0.7, 2.0, 1.5, 0.2 - 0.4])
    assert sampled(target_is_seen=False) == pytest.approx(
        np.log(np.exp(terms).sum()) - 0.7, abs=1e-5
    )


def test_sampled_loss_of_a_return() -> None:
    """The target counts once, with its bonus."""
    terms = np.array([2.0, 1.5, 0.2 - 0.4])
    assert sampled(target_is_seen=True) == pytest.approx(
        np.log(np.exp(terms).sum()) - 1.5, abs=1e-5
    )


def test_sampled_loss_is_the_full_loss_in_expectation() -> None:
    """With the correction, exp of the sampled logits sums to the full sum on average."""
    random = np.random.default_rng(0)
    logits = random.normal(size=50).astype(np.float32)
    share = random.dirichlet(np.ones(50))
    n_draws = 200_000
    drawn, times = np.unique(random.choice(50, n_draws, p=share), return_counts=True)
    told = sampled_log_softmax(
        tf.constant(logits[:1]),
        tf.zeros((1, 0)),
        tf.constant(logits[None, drawn]),
        tf.constant((np.log(n_draws * share[drawn]) - np.log(times)).astype(np.float32)),
        tf.zeros((1, 0), tf.bool),
        tf.zeros((1, 0), tf.bool),
        tf.constant([[0, int(np.flatnonzero(drawn == 0)[0])]]),
    )
    full = np.log(np.exp(logits).sum()) - logits[0]
    assert -float(told[0]) == pytest.approx(full, abs=0.02)
