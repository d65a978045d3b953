"""What a catalog does, whoever keeps it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from recommender.catalog.product import Product


@dataclass(frozen=True)
class UpsertCounts:
    """What an upsert did."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class Page:
    """Some products in id order, and where to go on; None after the last page."""

    products: list[Product]
    next_cursor: str | None


class Catalog(Protocol):
    """Products by id; every method raises `CatalogError` if the store cannot answer."""

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """The known ones among `item_ids`, in the order asked for."""
        ...

    def scan(self) -> Iterator[Product]:
        """Every product, in id order."""
        ...

    def page(self, cursor: str | None, limit: int) -> Page:
        """Up to `limit` products behind `cursor`.

        Raises:
            ValueError: If `cursor` was not made by this method.
        """
        ...

    def upsert(self, products: Iterable[Product]) -> UpsertCounts:
        """Add or replace whole products, all or none."""
        ...

    def count(self) -> int:
        """Number of products."""
        ...

    def data_version(self) -> int:
        """A number that changes whenever anyone changed the catalog."""
        ...

    def close(self) -> None:
        """Give the store back."""
        ...
