"""`/v1/item?id=`: one product of the catalog; ids may hold slashes, so they are no path."""

from flask import Blueprint, Response, request

from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import Catalog, PatchCounts
from webapp.api.item_schemas import FaultyError, check_sale, read_patch
from webapp.bodies import JSON, Limits, read_value
from webapp.guard import refuse_forwarded
from webapp.parameters import Parameters
from webapp.problems import ProblemError
from webapp.service import current_service

LIMITS = Limits(max_bytes=10_000, max_values=1, noun="fields")

_PATCH_KINDS = (*JSON, "application/merge-patch+json")

item = Blueprint("item", __name__)


@item.get("/v1/item")
def get_item() -> Response:
    """A product as it is in the catalog."""
    item_id = _item_id()
    return _answered(current_service().store.get(item_id))


@item.patch("/v1/item")
def patch_item() -> Response:
    """Change price, sale price, currency or availability; the product as it is afterwards.

    Source: RFC 7396: what is named changes, null takes away.
    """
    refuse_forwarded()
    item_id, store = _item_id(), current_service().store
    try:
        patch = read_patch(item_id, read_value(LIMITS, _PATCH_KINDS))
        written = store.write(lambda catalog: _patched(catalog, patch))
    except FaultyError as err:
        raise ProblemError(
            "invalid-request",
            f"{'; '.join(fault.detail for fault in err.faults[:3])}.",
            errors=[fault._asdict() for fault in err.faults],
        ) from err
    response = _answered(written.result)
    response.status_code = 200 if written.counts else 202
    return response


@item.delete("/v1/item")
def delete_item() -> Response:
    """Take a product out; it is shown and recommended no more."""
    refuse_forwarded()
    item_id, store = _item_id(), current_service().store
    written = store.write(lambda catalog: catalog.delete([item_id]))
    if written.result.unknown_ids:
        raise _unknown()
    return Response(status=204 if written.counts else 202)


def _item_id() -> str:
    parameters = Parameters(("id",))
    item_id = parameters.required("id")
    parameters.check()
    return item_id


def _patched(catalog: Catalog, patch: ProductPatch) -> Product | None:
    for product in catalog.get([patch.id]):
        check_sale(patch, product)
    _check(catalog.patch([patch]))
    found = catalog.get([patch.id])
    return found[0] if found else None


def _check(counts: PatchCounts) -> None:
    if counts.unknown:
        raise _unknown()
    if counts.errors:
        problem = counts.errors[0].problem
        raise ProblemError(
            "catalog-unavailable",
            f"The catalog did not take the change: {problem}; try again.",
            headers={"Retry-After": "1"},
        )


def _answered(found: Product | None) -> Response:
    if found is None:
        raise _unknown()
    text = found.model_dump_json(exclude_none=True)
    response = Response(text, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag(weak=True)
    if request.method != "PATCH":
        response.make_conditional(request)
    return response


def _unknown() -> ProblemError:
    fault = {"pointer": "/id", "code": "unknown_item", "detail": "no product has this id"}
    return ProblemError("not-found", "The catalog has no product of this id.", errors=[fault])
