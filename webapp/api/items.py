"""`/v1/items`: the catalog is searched, and taken in many products at a time."""

from flask import Blueprint, Response
from pydantic import BaseModel

from recommender.catalog.product import Product
from recommender.catalog.protocol import Found, Search
from webapp.api.item_cursor import broken_cursor, open_cursor, seal_cursor
from webapp.api.item_schemas import (
    FacetCount,
    FaultyError,
    Listing,
    Refused,
    Upserted,
    id_of,
    read_item,
)
from webapp.bodies import JSON, LARGEST_BODY, Limits, NotJson, read_values
from webapp.guard import refuse_forwarded
from webapp.parameters import Parameters
from webapp.service import current_service

LIMITS = Limits(max_bytes=LARGEST_BODY, max_values=500, noun="products")

items = Blueprint("items", __name__)


@items.get("/v1/items")
def list_items() -> Response:
    """A page of the products that words and filter find, or the ones asked for by id.

    Those asked for by id come from this process's memory: pages ask so for what a visitor saw.
    """
    parameters = Parameters(("q", "filter", "facets", "cursor", "limit", "id"), repeatable=("id",))
    item_ids = parameters.texts("id")
    if item_ids:
        parameters.alone("id", beside=("limit",))
    words, facets, limit = parameters.words(), parameters.facets(), parameters.limit(20)
    node = parameters.filter()
    parameters.check()
    if item_ids:
        table = current_service().catalog.table()
        found = [product for item_id in item_ids if (product := table.get(item_id))]
        return answered(Listing(items=found, next_cursor=None, total=len(found)))
    cursor = open_cursor(parameters.cursor(), words, parameters.given("filter"))
    return _listing(Search(words, node, facets, limit, cursor), parameters.given("filter"))


def _listing(search: Search, filter_text: str) -> Response:
    try:
        found = current_service().store.search(search)
    except ValueError as err:
        # All else was checked before.
        raise broken_cursor() from err
    cursor = found.next_cursor
    return answered(
        Listing(
            items=found.products,
            next_cursor=None if cursor is None else seal_cursor(cursor, search.words, filter_text),
            total=found.total,
            facets=_counts(found),
        )
    )


def _counts(found: Found) -> dict[str, list[FacetCount]]:
    return {
        name: [FacetCount(value=of.value, count=of.count) for of in values]
        for name, values in found.facets.items()
    }


@items.post("/v1/items")
def upsert() -> Response:
    """Add or replace products, each as a whole; the same request once more changes nothing.

    A product that is refused keeps back itself only.
    """
    refuse_forwarded()
    products: dict[str, tuple[int, Product]] = {}
    refused: list[Refused] = []
    duplicates = 0
    for index, value in enumerate(read_values(LIMITS, JSON)):
        product = _product(index, value, refused)
        if product is not None:
            duplicates += product.id in products
            products[product.id] = index, product
    written = current_service().store.write(
        lambda catalog: catalog.upsert(product for _, product in products.values()),
        fills=bool(products),
    )
    counts = written.result
    for error in counts.errors:
        index, _ = products[error.item_id]
        refused.append(_refused(index, error.item_id, "store_refused", error.problem))
    refused.sort(key=lambda one: one.index)
    response = answered(
        Upserted(
            added=counts.added,
            changed=counts.changed,
            unchanged=counts.unchanged,
            duplicates=duplicates,
            rejected=len(refused),
            errors=refused,
        )
    )
    response.status_code = 200 if written.counts else 202
    return response


def _product(index: int, value: object, refused: list[Refused]) -> Product | None:
    if isinstance(value, NotJson):
        refused.append(_refused(index, None, "not_json", value.detail))
        return None
    try:
        return read_item(value)
    except FaultyError as err:
        fault = err.faults[0]
        refused.append(_refused(index, id_of(value), *fault))
        return None


def _refused(index: int, item_id: str | None, code: str, detail: str, at: str = "") -> Refused:
    return Refused(index=index, id=item_id, code=code, detail=detail, pointer=at)


def answered(body: BaseModel) -> Response:
    """A model as JSON; products must be asked for again, they change at any time."""
    response = Response(body.model_dump_json(), mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return response
