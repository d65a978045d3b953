"""The products as a visitor walks through them: by category, page by page."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable

PAGE_SIZE = 24
SEPARATOR = " > "
"""Between the names of a category's path, as in a product feed."""

Path = tuple[str, ...]


@dataclass
class Category:
    """A category with everything below it.

    Attributes:
        path: Names from the widest to this one; empty for the whole shop.
        products: Its products and those of the categories below, in catalog order.
        children: The categories right below, by name.
    """

    path: Path
    products: list[Product] = field(default_factory=list)
    children: dict[str, "Category"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path[-1] if self.path else "All products"

    @property
    def key(self) -> str:
        """The path as it travels in an address."""
        return SEPARATOR.join(self.path)


class Shown(NamedTuple):
    """One page of a category: `number` of `n_pages`, from 1."""

    products: list[Product]
    number: int
    n_pages: int


class Browse:
    """The categories of one product table."""

    def __init__(self, table: ProductTable) -> None:
        self.table = table
        self.shop = Category(())
        for item_id in table.ids:
            product = table.get(item_id)
            if product is not None:
                self._put(product)
        self.shop.products = _mixed(self.shop.products)

    def category(self, key: str) -> Category | None:
        """The category of an address; None if there is none of that name."""
        place = self.shop
        for name in key.split(SEPARATOR) if key else ():
            if name not in place.children:
                return None
            place = place.children[name]
        return place

    def beside(self, product: Product, limit: int) -> list[Product]:
        """Others of the product's category that can be bought."""
        place = self.category(SEPARATOR.join(product.product_type)) or self.shop
        others = (other for other in place.products if other.id != product.id)
        return [other for other in others if self.table.sellable(other.id)][:limit]

    def _put(self, product: Product) -> None:
        place = self.shop
        place.products.append(product)
        for depth, name in enumerate(product.product_type, start=1):
            path = tuple(product.product_type[:depth])
            place = place.children.setdefault(name, Category(path))
            place.products.append(product)


def _mixed(products: list[Product]) -> list[Product]:
    """One of each category in turn: a first page of armchairs only says little of a shop."""
    by_category: defaultdict[Path, list[Product]] = defaultdict(list)
    for product in products:
        by_category[tuple(product.product_type)].append(product)
    turns = zip_longest(*by_category.values())
    return [product for turn in turns for product in turn if product is not None]


def page_of(products: list[Product], number: int) -> Shown:
    """One page; a number behind the last page gives the last."""
    n_pages = max(1, -(-len(products) // PAGE_SIZE))
    number = min(max(number, 1), n_pages)
    first = (number - 1) * PAGE_SIZE
    return Shown(products[first : first + PAGE_SIZE], number, n_pages)
