"""Nearest neighbors of a vector by cosine, exact."""

import numpy as np
from numpy.typing import NDArray

SMALLEST_NORM = 1e-6
"""Vectors shorter than this count as this long, so that a zero vector stays zero."""


def nearest(
    vectors: NDArray[np.float32], index: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k rows nearest to one row, that row left out.

    Args:
        vectors: Shape (n, dim). Rows of zeros are near nothing.
        index: Row that is asked about.
        k: Neighbors wanted, at least 1; never more than n - 1 come back.

    Returns:
        Row numbers and cosines, both of shape (min(k, n - 1),), nearest first, ties by lower row.

    Raises:
        ValueError: If k is below 1 or the row is outside 0..n-1.

    Example:
        >>> nearest(np.float32([[1, 0], [0, 2], [3, 1]]), 0, 2)[0]
        array([2, 1])
    """
    n = len(vectors)
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if not 0 <= index < n:
        raise ValueError(f"index must be in 0..{n - 1}, got {index}")
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vectors[index])
    cosines = (vectors @ vectors[index]) / np.maximum(lengths, np.float32(SMALLEST_NORM**2))
    cosines[index] = -np.inf
    order = np.argsort(-cosines, kind="stable")[: min(k, n - 1)]
    return order, cosines[order]
