"""Batches: every window once, from one span, with what was known before it."""

import numpy as np
import pytest

from recommender.data.examples import Sessions, sessions_from_lists
from recommender.models.softmax_batches import Batches
from recommender.settings import SoftmaxSettings


def sessions(n: int = 300) -> Sessions:
    random = np.random.default_rng(0)
    return sessions_from_lists(
        [random.integers(30, size=random.integers(1, 9)).tolist() for _ in range(n)]
    )


def batches(train: Sessions, **chosen: object) -> Batches:
    wanted = {"window": 4, "batch_size": 16, "full_below": 0, "negatives": 10, **chosen}
    return Batches(train, 30, SoftmaxSettings.model_validate(wanted), 0)


@pytest.mark.parametrize("full_below", [0, 100])
def test_every_step_with_a_next_item_is_a_target_once(full_below: int) -> None:
    train = sessions()
    made = batches(train, full_below=full_below)
    epoch = list(made.epoch())
    assert len(epoch) == made.n_steps
    targets = np.concatenate([b.used[b.windows[:, 1:][b.is_target]] for b in epoch])
    is_first = np.zeros(len(train.items), np.bool_)
    is_first[train.starts[:-1]] = True
    expected = np.bincount(train.items[~is_first], minlength=30)
    np.testing.assert_array_equal(np.bincount(targets, minlength=30), expected)


def test_places_point_at_their_items_and_samples_come_once() -> None:
    for batch in batches(sessions()).epoch():
        assert (np.diff(batch.used) > 0).all()
        assert len(np.unique(batch.sampled)) == len(batch.sampled) == len(batch.log_noise)
        assert batch.demand.shape == (len(batch.used), 5)


def test_a_batch_knows_no_click_of_its_own_span() -> None:
    """Item 29 is clicked in the newest tenth only: no batch before that has seen it."""
    lists = [[1, 2, 3]] * 270 + [[29, 1, 2]] * 30
    made = batches(sessions_from_lists(lists), batch_size=8)
    nothing = np.float32(np.float16(np.log(0.3)))
    known = [
        batch.demand[batch.used == 29].max(initial=nothing)
        for _ in range(3)
        for batch in made.epoch()
        if 3 in batch.used[batch.windows[:, 2]]
    ]
    assert max(known) == nothing


def test_one_span_knows_neither_the_past_nor_the_future() -> None:
    """Too little for several spans: demand is the same for all items and teaches nothing."""
    made = batches(sessions(8), batch_size=512)
    assert made.n_spans == 1
    assert not made.tells_demand
    assert batches(sessions()).tells_demand
    (batch,) = made.epoch()
    np.testing.assert_array_equal(batch.demand, np.float32(np.float16(np.log(0.3))))
    assert np.ptp(made.history[-1].astype(float)) > 1, "what serving knows does differ"


def test_returns_left_out_are_no_targets() -> None:
    train = sessions_from_lists([[1, 2, 1, 3]])
    (batch,) = batches(train, returns=False).epoch()
    np.testing.assert_array_equal(batch.is_target, [[True, False, True, False]])


def test_a_return_to_an_earlier_window_is_no_target_either() -> None:
    """Seven steps in windows of four: the second row is 5, 1, 6 and does not tell that 1 came."""
    train = sessions_from_lists([[1, 2, 3, 4, 5, 1, 6]])
    found = [
        batch.used[batch.windows[:, 1:][batch.is_target]]
        for batch in batches(train, returns=False, half_life=None).epoch()
    ]
    assert sorted(np.concatenate(found).tolist()) == [2, 3, 4, 5, 6]
