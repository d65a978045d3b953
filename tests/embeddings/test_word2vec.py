"""word2vec on sessions."""

import numpy as np
import pytest

from embeddings.word2vec import train_word2vec


def two_worlds() -> tuple[np.ndarray, np.ndarray]:
    """Sessions within items 0..9 or within items 10..19; item 20 never occurs."""
    random = np.random.default_rng(0)
    sessions = [random.permutation(10)[:8] + 10 * (number % 2) for number in range(1000)]
    return np.concatenate(sessions).astype(np.int32), np.arange(1001) * 8


@pytest.mark.parametrize("algorithm", ["cbow", "skip_gram"])
def test_items_of_one_world_are_near(algorithm: str) -> None:
    items, starts = two_worlds()
    vectors = train_word2vec(items, starts, 21, dim=8, epochs=20, algorithm=algorithm, workers=1)  # type: ignore[arg-type]
    assert vectors.inputs.shape == vectors.outputs.shape == (21, 8)
    assert not vectors.inputs[20].any()
    unit = vectors.inputs[:20] / np.linalg.norm(vectors.inputs[:20], axis=1, keepdims=True)
    cosines = unit @ unit.T
    same_world = np.equal.outer(np.arange(20) // 10, np.arange(20) // 10)
    same_item = np.eye(20, dtype=bool)
    assert cosines[same_world & ~same_item].mean() > cosines[~same_world].mean() + 0.3


def test_one_worker_and_one_seed_give_the_same_vectors() -> None:
    items, starts = two_worlds()
    first, second, other = (
        train_word2vec(items, starts, 21, dim=4, epochs=2, workers=1, seed=seed)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.inputs, second.inputs)
    np.testing.assert_array_equal(first.outputs, second.outputs)
    assert np.abs(first.inputs - other.inputs).max() > 0


def test_no_pair_of_items_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="two items"):
        train_word2vec(np.int32([0, 1]), np.array([0, 1, 2]), 2)
