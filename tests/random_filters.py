"""Random filters over products that are there: many fit some product, some fit none."""

import random
from collections.abc import Callable, Sequence

from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or
from recommender.catalog.product import Product

_FIELDS = ("brand", "color", "availability", "product_type", "custom_label_0", "price",
           "sale_price", "attributes.fabric", "attributes.section")  # fmt: skip
_ORDERS = ("<", "<=", ">", ">=")


class RandomFilters:
    """Trees of up to three levels, with values of the products and some that no product has.

    Args:
        products: Where the values come from.
        seed: The same one gives the same trees.
    """

    def __init__(self, products: Sequence[Product], seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._values: dict[str, list[str]] = {}
        self._numbers: dict[str, list[float]] = {}
        for name in _FIELDS:
            values = {value for product in products for value in _values_of(product, name)}
            if name in ("price", "sale_price"):
                self._numbers[name] = sorted(float(value) for value in values) or [1.0]
            else:
                self._values[name] = [*sorted(map(str, values)), "no product's", ""]

    def tree(self, depth: int = 3) -> Node:
        """The next one."""
        if depth == 0 or self._rng.random() < 0.3:
            return self._leaf()
        parts = tuple(self.tree(depth - 1) for _ in range(self._rng.randrange(2, 4)))
        make: Callable[[], Node] = self._rng.choice(
            [lambda: And(parts), lambda: Or(parts), lambda: Not(parts[0])]
        )
        return make()

    def _leaf(self) -> Node:
        if self._rng.random() < 0.3:
            name = self._rng.choice(list(self._numbers))
            bound = self._rng.choice(self._numbers[name])
            if self._rng.random() < 0.2:
                return AnyOf(name, (bound,))
            return Compare(name, self._rng.choice(_ORDERS), bound)
        name = self._rng.choice(list(self._values))
        values = self._rng.choices(self._values[name], k=self._rng.randrange(1, 5))
        if self._rng.random() < 0.2:
            values += [f"x{number}" for number in range(9)]
        return AnyOf(name, tuple(values))


def _values_of(product: Product, name: str) -> list[str | float]:
    if name.startswith("attributes."):
        found = product.attributes.get(name.removeprefix("attributes."))
    else:
        found = getattr(product, name)
    return found if isinstance(found, list) else [] if found is None else [found]


def random_products(n: int, seed: int = 0) -> list[Product]:
    """Products with missing fields, several categories and odd texts."""
    rng = random.Random(seed)
    texts = ["", "Acme", "acme", "B", 'say "hi"', "back\\slash", "ä ö", "a" * 300, "*", "x OR y"]

    def some() -> str | None:
        return rng.choice([None, *texts])

    def one(number: int) -> Product:
        fabric = some()
        return Product(
            id=f"p{number:06}", title=f"Thing {rng.choice(texts[1:])} {number}", brand=some(),
            color=some(), custom_label_0=some(),
            price=rng.choice([None, 0.0, 0.1, 0.1 + 0.2, round(rng.random() * 100, 2), 1e6]),
            sale_price=rng.choice([None, None, round(rng.random() * 50, 2)]),
            availability=rng.choice(["in_stock", "out_of_stock", "preorder"]),
            product_type=rng.sample(texts, rng.randrange(4)),
            attributes={"other": "x"} if fabric is None else {"fabric": fabric},
        )  # fmt: skip

    return [one(number) for number in range(n)]
