"""One formula for Keras tensors of any backend and for NumPy arrays."""

from typing import Any

import numpy as np

Array = Any
"""A NumPy array or a tensor of Keras's backend."""


def operations(array: Array) -> Any:
    """Where the operations on an array are found: `numpy` or `keras.ops`.

    Only what both know by the same name and arguments is used; so serving computes what training
    has computed, without Keras.
    """
    if isinstance(array, np.ndarray | np.generic | float | int):
        return np
    from keras import ops

    return ops


def matching(array: Array, other: Array) -> Array:
    """An array or numbers as what `other` is, of its type: NumPy array or tensor."""
    ops = operations(other)
    return (
        np.asarray(array, other.dtype) if ops is np else ops.convert_to_tensor(array, other.dtype)
    )
