"""What every store makes of the rows that it found."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from recommender.catalog.cursor import decode_change, encode_change, encode_place
from recommender.catalog.product import Product
from recommender.catalog.protocol import Changes, FacetValue, Found
from recommender.errors import CatalogError, CursorExpiredError


def in_order(item_ids: Sequence[str], known: Mapping[str, Product]) -> list[Product]:
    """The known ones among `item_ids`, in the order asked for."""
    return [known[item_id] for item_id in item_ids if item_id in known]


def found_of(
    hits: Sequence[tuple[int, Product]],
    limit: int,
    total: int,
    facets: Mapping[str, tuple[FacetValue, ...]],
) -> Found:
    """A page of a search.

    Args:
        hits: Score and product, best first; one more than `limit` where there are more pages.
        limit: Products a page.
        total: Number of products found.
        facets: Counts by field.
    """
    products = [product for _, product in hits[:limit]]
    cursor = encode_place(hits[limit - 1][0], products[-1].id) if len(hits) > limit else None
    return Found(products, cursor, total, facets)


def change_behind(cursor: str, limit: int) -> tuple[str, int]:
    """Filling and number of the change that a cursor stands behind.

    Raises:
        ValueError: If `cursor` is none of a change's, or `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit: expected at least 1, got {limit}")
    return decode_change(cursor)


def changes_of(
    rows: Sequence[tuple[int, str, Product | None]], limit: int, filling: str, newest: int
) -> Changes:
    """What became different since a cursor.

    Args:
        rows: Number of the change, id and, unless it was deleted, product; oldest first.
        limit: So many rows were asked for.
        filling: Tells one filling of the store from the next.
        newest: Number of the last change that may be told.
    """
    reached = rows[-1][0] if len(rows) == limit else newest
    products = [product for _, _, product in rows if product is not None]
    deleted_ids = [item_id for _, item_id, product in rows if product is None]
    return Changes(products, deleted_ids, encode_change(filling, reached), reached < newest)


def expired(where: str) -> CursorExpiredError:
    """A cursor of another filling of a store."""
    return CursorExpiredError(f"{where} holds another filling of the catalog: read all of it again")


def unreadable(where: str, err: ValidationError) -> CatalogError:
    """A stored product that is none."""
    return CatalogError(
        f"{where} holds a product that cannot be read ({err.errors()[0]['msg']}); import the "
        "product feed again: recommender import items FILE"
    )
