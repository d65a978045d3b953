"""`GET /v1/items`: the products of the catalog."""

from flask import Blueprint, Response, jsonify

from recommender.catalog.product import Product
from webapp.parameters import Parameters
from webapp.problems import ProblemError
from webapp.service import current_service

items = Blueprint("items", __name__)


@items.get("/v1/items")
def list_items() -> Response:
    """A page of products in id order, or the ones asked for by id, in that order.

    A filter leaves the others out of a page.
    """
    parameters = Parameters(("cursor", "filter", "limit", "id"), repeatable=("id",))
    item_ids = parameters.texts("id")
    limit = parameters.limit(20)
    cursor = parameters.cursor()
    node = parameters.filter()
    parameters.check()
    if item_ids:
        table = current_service().catalog.table()
        found = [product for item_id in item_ids if (product := table.get(item_id))]
        return _page(found, None)
    try:
        page = current_service().catalog.page(cursor, limit, node)
    except ValueError as err:
        raise ProblemError(
            "invalid-request",
            "The cursor is none of ours; begin again without one.",
            errors=[{"pointer": "/cursor", "code": "bad_value", "detail": str(err)}],
        ) from err
    return _page(page.products, page.next_cursor)


def _page(products: list[Product], next_cursor: str | None) -> Response:
    shown = [product.model_dump(mode="json", exclude_none=True) for product in products]
    response = jsonify({"items": shown, "next_cursor": next_cursor})
    response.headers["Cache-Control"] = "no-cache"
    return response
