"""Vectors as bytes: one scale a row, 127 steps to either side."""

import numpy as np
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM

_LARGEST = 127


def quantize(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round rows to bytes.

    Args:
        rows: Shape (n, dim).

    Returns:
        The bytes, shape (n, dim), and the scale of each row, shape (n, 1).

    Example:
        >>> quantize(np.float32([[0.5, -1.27]]))[0]
        array([[  50, -127]], dtype=int8)
    """
    scales = np.abs(rows).max(axis=1, keepdims=True, initial=SMALLEST_NORM) / _LARGEST
    return np.rint(rows / scales).astype(np.int8), scales.astype(np.float32)


def dequantize(rows: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows that bytes and scales stand for, shape (n, dim)."""
    return rows * scales
