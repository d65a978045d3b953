"""A filter run over column arrays."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.columns import ProductColumns
from recommender.catalog.filters.fields import kind_of
from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or, Order

_SIDES: dict[Order, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


def mask_of(node: Node, columns: ProductColumns) -> NDArray[np.bool_]:
    """Which products a filter lets through, shape (n_products,)."""
    match node:
        case And(parts):
            return np.asarray(np.logical_and.reduce([mask_of(part, columns) for part in parts]))
        case Or(parts):
            return np.asarray(np.logical_or.reduce([mask_of(part, columns) for part in parts]))
        case Not(part):
            return np.logical_not(mask_of(part, columns))
        case Compare(field, order, bound):
            # NaN, a number that is missing, lies on neither side.
            side: NDArray[np.bool_] = _SIDES[order](columns.numbers(field), bound)
            return side
        case AnyOf():
            return _any_of(node, columns)


def _any_of(node: AnyOf, columns: ProductColumns) -> NDArray[np.bool_]:
    kind = kind_of(node.field)
    if kind == "number":
        numbers = columns.numbers(node.field)
        found: NDArray[np.bool_] = np.logical_or.reduce([numbers == one for one in node.values])
        return found
    if kind == "text":
        text = columns.text(node.field)
        return _is_wanted(text.codes, text.code_of, node)
    texts = columns.texts(node.field)
    inside = np.flatnonzero(_is_wanted(texts.codes, texts.code_of, node))
    mask = np.zeros(len(columns), np.bool_)
    mask[np.searchsorted(texts.starts, inside, side="right") - 1] = True
    return mask


def _is_wanted(codes: NDArray[np.int32], code_of: dict[str, int], node: AnyOf) -> NDArray[np.bool_]:
    wanted = [code for value in node.values if (code := code_of.get(str(value))) is not None]
    if len(wanted) < 3:
        found = np.zeros(len(codes), np.bool_)
        for code in wanted:
            found |= codes == code
        return found
    # One place more at the end: -1, a text that is missing, finds it there.
    is_wanted = np.zeros(len(code_of) + 1, np.bool_)
    is_wanted[wanted] = True
    return is_wanted[codes]
