"""The fields of all products as arrays, so that a filter takes a fraction of a millisecond."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.fields import ATTRIBUTES, kind_of
from recommender.catalog.filters.tree import Value
from recommender.catalog.product import Product

MISSING = -1

Held = Value | tuple[str, ...] | None
"""What a product holds in a field: a text, a number, a whole list, nothing."""


class CodedColumn(NamedTuple):
    """What each product holds in a field, by number.

    A whole list has one number: products of one category have the same path.

    Attributes:
        codes: Shape (n_products,), int32; `MISSING` where nothing is held.
        code_of: Number by what is held.
        codes_with: Numbers of the lists with a text in them; None where no list is held.
    """

    codes: NDArray[np.int32]
    code_of: dict[Held, int]
    codes_with: dict[str, list[int]] | None

    @classmethod
    def of(cls, held: Sequence[Held], is_list: bool) -> "CodedColumn":
        """The column of some products."""
        code_of = _numbered(held, {})
        return cls(_codes(held, code_of), code_of, _lists_with(code_of) if is_list else None)

    def wanted(self, values: Sequence[Value]) -> list[int]:
        """Numbers of whatever has one of the values in it."""
        if self.codes_with is None:
            codes = {self.code_of.get(value, MISSING) for value in values}
        else:
            codes = {code for value in values for code in self.codes_with.get(str(value), ())}
        return sorted(codes - {MISSING})

    def moved(
        self, source: NDArray[np.int64], fresh: Sequence[int], held: Sequence[Held]
    ) -> "CodedColumn":
        """The column once products move and change; see `ProductColumns.moved`."""
        code_of, codes_with = self.code_of, self.codes_with
        if any(one is not None and one not in code_of for one in held):
            # Copied, for a thread may still ask the older column.
            code_of = _numbered(held, dict(code_of))
            codes_with = None if codes_with is None else _lists_with(code_of)
        codes = self.codes[source]
        codes[fresh] = _codes(held, code_of)
        return CodedColumn(codes, code_of, codes_with)


def _numbered(held: Iterable[Held], code_of: dict[Held, int]) -> dict[Held, int]:
    for one in held:
        if one is not None:
            code_of.setdefault(one, len(code_of))
    return code_of


def _codes(held: Sequence[Held], code_of: dict[Held, int]) -> NDArray[np.int32]:
    return np.array([code_of.get(one, MISSING) for one in held], np.int32)


def _lists_with(code_of: dict[Held, int]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for held, code in code_of.items():
        for text in set(held) if isinstance(held, tuple) else ():
            found[text].append(code)
    return dict(found)


class ProductColumns:
    """Columns of some products, each made when a filter first names its field.

    Args:
        products: In the order of the masks.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._coded: dict[str, CodedColumn] = {}

    def __len__(self) -> int:
        return len(self._products)

    def moved(
        self, products: Sequence[Product], source: NDArray[np.int64], fresh: Sequence[int]
    ) -> "ProductColumns":
        """The columns once products came, went or changed; those made are not made again.

        Args:
            products: All of them, in the order of the new masks.
            source: Present row of each, -1 for a new one, shape (n_products,).
            fresh: New rows of those that came or changed.
        """
        columns = ProductColumns(products)
        some = [products[row] for row in fresh]
        # A snapshot each: another thread may name one more field meanwhile.
        for field, numbers in list(self._numbers.items()):
            columns._numbers[field] = numbers[source]
            columns._numbers[field][fresh] = _numbers(some, field)
        for field, column in list(self._coded.items()):
            held = [_held(product, field) for product in some]
            columns._coded[field] = column.moved(source, fresh, held)
        return columns

    def numbers(self, field: str) -> NDArray[np.float64]:
        """A number a product, NaN without one, shape (n_products,)."""
        if field not in self._numbers:
            self._numbers[field] = _numbers(self._products, field)
        return self._numbers[field]

    def coded(self, field: str) -> CodedColumn:
        """What each product holds, by number."""
        if field not in self._coded:
            held = [_held(product, field) for product in self._products]
            self._coded[field] = CodedColumn.of(held, is_list(field))
        return self._coded[field]


def _numbers(products: Iterable[Product], field: str) -> NDArray[np.float64]:
    found = (getattr(product, field) for product in products)
    return np.array([np.nan if number is None else number for number in found], np.float64)


def _held(product: Product, field: str) -> Held:
    if field.startswith(ATTRIBUTES):
        return product.attributes.get(field.removeprefix(ATTRIBUTES))
    held: str | float | list[str] | None = getattr(product, field)
    return tuple(held) if isinstance(held, list) else held


def is_list(field: str) -> bool:
    """Whether a product may have several values of a field."""
    return kind_of(field) == "texts"
