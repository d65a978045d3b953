"""Spectral vectors find groups of items that stand together."""

import numpy as np
import pytest

from embeddings.cooccurrence import cooccurrences
from embeddings.decomposition import spectral_vectors


def sessions(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *map(len, lists)])
    return np.concatenate([np.array(row, np.int32) for row in lists]), starts.astype(np.int64)


def test_pairs_by_hand() -> None:
    """In 0 1 0 2: 0-1 twice at distance 1, 0-2 at 1 and at 3, 1-2 at 2; 0-0 is no pair."""
    items, starts = sessions([[0, 1, 0, 2], [3]])
    pairs = cooccurrences(items, starts, 4, window=3, decay=0.5).toarray()
    assert pairs[0, 1] == pairs[1, 0] == 2
    assert pairs[0, 2] == pytest.approx(1 + 0.25)
    assert pairs[1, 2] == pytest.approx(0.5)
    assert pairs[0, 0] == pairs[3].sum() == 0


def test_groups_are_near() -> None:
    random = np.random.default_rng(0)
    groups = [random.choice(10, 4, replace=False) + 10 * random.integers(3) for _ in range(500)]
    items, starts = sessions([group.tolist() for group in groups])
    vectors = spectral_vectors(items, starts, 30, dim=3)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = np.arange(30)[:, None] // 10 == np.arange(30)[None, :] // 10
    assert cosines[same].min() > cosines[~same].max()


def test_more_numbers_than_items_stay_zero_and_lonely_items_do_no_harm() -> None:
    items, starts = sessions([[0, 1], [1, 0], [2]])
    vectors = spectral_vectors(items, starts, 3, dim=8)
    assert vectors.shape == (3, 8)
    assert np.isfinite(vectors).all()
    assert (vectors[:, 3:] == 0).all()


def test_same_seed_same_vectors() -> None:
    items, starts = sessions([[0, 1, 2], [2, 3, 4], [4, 0]])
    first, again = (spectral_vectors(items, starts, 5, dim=3, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first, again)
