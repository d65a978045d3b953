"""The k best items of a row of scores."""

import numpy as np
from numpy.typing import NDArray

NOTHING = -1
"""Index that fills a list for which fewer than k items may be recommended."""


def top_k(
    scores: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best items of every row, best first, ties by lower index.

    Args:
        scores: Shape (n, n_items); -inf marks an item that must not be recommended.
        k: Length of the lists, at least 1; lists are never longer than n_items.
        allowed: True where an item may be recommended, shape (n_items,) or (n, n_items).

    Returns:
        Item indices, int64, and scores, both of shape (n, min(k, n_items)). Where fewer items are
        allowed the row ends in `NOTHING` with score -inf.

    Raises:
        ValueError: If k is below 1.

    Example:
        >>> top_k(np.float32([[1, 3, 3, 2]]), 3)[0]
        array([[1, 2, 3]])
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if allowed is not None:
        scores = np.where(allowed, scores, np.float32(-np.inf))
    n, n_items = scores.shape
    k = min(k, n_items)
    if k == 0 or n == 0:
        return np.zeros((n, k), np.int64), np.zeros((n, k), np.float32)
    # The k-th best value parts the items; those equal to it enter by lower index.
    threshold = np.partition(scores, n_items - k, axis=1)[:, n_items - k, None]
    chosen = scores >= threshold
    if np.count_nonzero(chosen) > n * k:
        crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k)
        equal = scores[crowded] == threshold[crowded]
        room = k - (chosen[crowded] & ~equal).sum(axis=1, keepdims=True)
        chosen[crowded] &= ~equal | (np.cumsum(equal, axis=1, dtype=np.int32) <= room)
    every = np.arange(n)[:, None]
    indices = np.flatnonzero(chosen).reshape(n, k) - every * n_items
    order = np.argsort(-scores[every, indices], axis=1, kind="stable")
    indices = indices[every, order]
    values = scores[every, indices]
    return np.where(np.isneginf(values), NOTHING, indices), values
