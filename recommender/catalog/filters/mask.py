"""A filter run over column arrays."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.columns import ProductColumns
from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or, Order, merged

_SIDES: dict[Order, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip
_FEW = 8
"""Looking so many numbers up one by one takes less than a table of all of them."""


def mask_of(node: Node, columns: ProductColumns) -> NDArray[np.bool_]:
    """Which products a filter lets through, shape (n_products,); a new array."""
    match node:
        case And(parts):
            return _joined(parts, columns, np.logical_and)
        case Or(parts):
            return _joined(merged(parts), columns, np.logical_or)
        case Not(part):
            mask = mask_of(part, columns)
            return np.logical_not(mask, out=mask)
        case Compare(field, order, bound):
            # NaN, a number that is missing, lies on neither side.
            side: NDArray[np.bool_] = _SIDES[order](columns.numbers(field), bound)
            return side
        case AnyOf():
            return _any_of(node, columns)


def _joined(parts: Sequence[Node], columns: ProductColumns, join: np.ufunc) -> NDArray[np.bool_]:
    """In the first part's mask: a mask of its own for each would have to be fetched again."""
    mask = mask_of(parts[0], columns)
    for part in parts[1:]:
        join(mask, mask_of(part, columns), out=mask)
    return mask


def _any_of(node: AnyOf, columns: ProductColumns) -> NDArray[np.bool_]:
    column = columns.coded(node.field)
    wanted = column.wanted(node.values)
    if len(wanted) <= _FEW:
        mask = np.zeros(len(columns), np.bool_)
        for code in wanted:
            mask |= column.codes == code
        return mask
    # One place more at the end: -1, where nothing is held, finds it there.
    is_wanted = np.zeros(len(column.code_of) + 1, np.bool_)
    is_wanted[wanted] = True
    return is_wanted.take(column.codes, mode="wrap")
