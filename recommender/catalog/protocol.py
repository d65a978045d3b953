"""What a catalog does, whoever keeps it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, Protocol, TypeVar

from recommender.catalog.filters.fields import ATTRIBUTES
from recommender.catalog.filters.tree import Node
from recommender.catalog.product import Product, ProductPatch

MAX_FACET_VALUES = 50
"""Of a facet the values that most products have."""

TOLD_IDS = 100
"""Of unknown ids of a partial update so many are named; all are counted."""

ROWS_A_REQUEST = 500
"""So many rows a store is given, or asked for, at once."""

FACET_FIELDS = (
    "brand", "product_type", "availability", "google_product_category", "color", "size",
    "material", "gender", "age_group", "condition", "currency", "custom_label_0",
    "custom_label_1", "custom_label_2", "custom_label_3", "custom_label_4",
)  # fmt: skip
"""Fields that can be counted, beside the shop's own, `attributes.NAME`."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class DocumentError:
    """A product that the store refused; the others were written."""

    item_id: str
    problem: str


@dataclass(frozen=True)
class UpsertCounts:
    """What an upsert did.

    Attributes:
        added: Products that were not there.
        changed: Products that were there and are different now.
        unchanged: Products that were there as given; nothing was written.
        errors: Products that were refused.
    """

    added: int
    changed: int
    unchanged: int
    errors: tuple[DocumentError, ...] = ()


@dataclass(frozen=True)
class PatchCounts:
    """What a partial update did.

    Attributes:
        changed: Products that are different now.
        unchanged: Products that were already so.
        unknown: How many were of no product.
        unknown_ids: The first of their ids, up to `TOLD_IDS`, in the order given.
        errors: Products that were refused.
        sales_left_out: How many left a sale price out that could not stand, see `ProductPatch.of`.
    """

    changed: int
    unchanged: int
    unknown: int = 0
    unknown_ids: tuple[str, ...] = ()
    errors: tuple[DocumentError, ...] = ()
    sales_left_out: int = 0


@dataclass(frozen=True)
class DeleteCounts:
    """What a deletion did; `unknown_ids` were of no product."""

    deleted: int
    unknown_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Attributes:
        words: Every one must begin a word of the product; empty finds every product.
        filter: Leaves other products out; they count nowhere.
        facets: Fields whose values are counted, of `FACET_FIELDS` or `attributes.NAME`.
        limit: Products a page, at least 1.
        cursor: `Found.next_cursor` of the page before.
    """

    words: str = ""
    filter: Node | None = None
    facets: tuple[str, ...] = ()
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True)
class FacetValue:
    """A value of a field, and how many of the found products have it."""

    value: str
    count: int


@dataclass(frozen=True)
class Found:
    """A page of what a search found.

    Attributes:
        products: Best first: whole words before beginnings, the title before the rest; then by id.
            A product's place among others depends on nothing but itself and the search.
        next_cursor: None after the last page.
        total: Number of products found, on all pages.
        facets: Per field the values of all products found, most frequent first, then by value.
    """

    products: list[Product]
    next_cursor: str | None
    total: int
    facets: Mapping[str, tuple[FacetValue, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What became different since a cursor, oldest first, each product as it is now.

    Attributes:
        products: Added or changed.
        deleted_ids: No longer there.
        cursor: Where to go on.
        more: Whether there is more to read at once.
    """

    products: list[Product]
    deleted_ids: list[str]
    cursor: str
    more: bool


@dataclass(frozen=True)
class Health:
    """How a store is.

    Attributes:
        status: `degraded` answers, but something needs a person; `unavailable` does not answer.
        what: Which store.
        version: Of the store, None if it could not be asked.
        problem: What is wrong and what to do; None when all is well.
    """

    status: Literal["ok", "degraded", "unavailable"]
    what: str
    version: str | None = None
    problem: str | None = None


class Catalog(Protocol):
    """Products by id; every method raises `CatalogError` if the store cannot answer.

    Any number of threads may use one catalog. What a call wrote, every later call sees.

    A long write is no single step: others read and write meanwhile, and of one that fails a part
    may have been written. Then the same is given again.
    """

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """The known ones among `item_ids`, in the order asked for."""
        ...

    def scan(self) -> Iterator[Product]:
        """Every product, in id order, as the catalog is when the first one is asked for."""
        ...

    def search(self, search: Search) -> Found:
        """Products by words and filter.

        Raises:
            ValueError: If the cursor is none of a search's, the limit is below 1, a facet is no
                field that can be counted, or there are too many words.
        """
        ...

    def upsert(self, products: Iterable[Product]) -> UpsertCounts:
        """Add or replace whole products; the same once more changes nothing.

        The embedded catalog writes a few thousand at a time, those all or none. Elasticsearch
        writes each product by itself: those it refuses are in the counts.
        """
        ...

    def patch(self, patches: Iterable[ProductPatch]) -> PatchCounts:
        """Change price, currency or availability of products that are there."""
        ...

    def delete(self, item_ids: Sequence[str]) -> DeleteCounts:
        """Take products out; `changes_since` tells it."""
        ...

    def count(self) -> int:
        """Number of products."""
        ...

    def had_products(self) -> bool:
        """Whether it has a product or had one, as far as it remembers."""
        ...

    def change_cursor(self) -> str:
        """The present, for `changes_since`: read it before a scan, then nothing is missed."""
        ...

    def changes_since(self, cursor: str, limit: int = 1000) -> Changes:
        """Up to about `limit` changes behind a cursor.

        Raises:
            ValueError: If `cursor` was made by no `change_cursor` or `changes_since`.
            CursorExpiredError: If the catalog was rebuilt or replaced since: read all of it again.
        """
        ...

    def health(self) -> Health:
        """How the store is; never raises."""
        ...

    def close(self) -> None:
        """Give the store back."""
        ...


class UnknownIds:
    """Counts ids of no product.

    Attributes:
        count: Of all.
        first: The first `TOLD_IDS` of them.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, item_id: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < TOLD_IDS:
            self.first.append(item_id)


def check_search(search: Search) -> None:
    """Raise ValueError for a limit or a facet that no store takes."""
    if search.limit < 1:
        raise ValueError(f"limit: expected at least 1, got {search.limit}")
    for name in search.facets:
        if name not in FACET_FIELDS and not name.startswith(ATTRIBUTES):
            raise ValueError(
                f"facets: {name!r} cannot be counted; there are {', '.join(FACET_FIELDS)} and "
                "attributes.NAME"
            )


def in_parts(rows: Iterable[Row], n_rows: int = ROWS_A_REQUEST) -> Iterator[list[Row]]:
    """Rows in parts, by default small enough for one request to a store."""
    rest = iter(rows)
    while some := list(islice(rest, n_rows)):
        yield some
