"""`GET /v1/recommendations`: what a page should show now."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from recommender.serving.answer import answer
from recommender.serving.query import Query
from webapp.parameters import Parameters
from webapp.problems import ProblemError
from webapp.service import current_service

PRIVATE = "private, no-store"
PUBLIC = "public, max-age=60, stale-while-revalidate=600"

_REPEATABLE = ("item_id", "exclude_item_id")
_KNOWN = (
    "placement", "item_id", "category", "filter", "limit", "exclude_item_id", "explain",
    "page_view_id",
)  # fmt: skip
_OF_THIS_CALL = ("recommendation_id", "took_ms")

recommendations = Blueprint("recommendations", __name__)


@recommendations.get("/v1/recommendations")
def recommend() -> Response:
    """Answer a visitor; several viewed items are one visitor's own, one item is everybody's."""
    query = _query()
    service = current_service()
    artifact = service.model.get()
    if artifact is None:
        raise ProblemError(
            "model-not-ready",
            "No model is published; `recommender nightly` makes one.",
            headers={"Retry-After": "10"},
        )
    body = answer(
        artifact,
        service.catalog.table(),
        query,
        min_certainty=service.settings.min_certainty,
        max_cold=service.settings.max_cold,
    )
    response = jsonify(body)
    if len(query.item_ids) > 1:
        response.headers["Cache-Control"] = PRIVATE
    else:
        response.headers["Cache-Control"] = PUBLIC
        response.set_etag(_fingerprint(body), weak=True)
        response.make_conditional(request)
    # A 304 or a HEAD shows nothing new: the answer it stands for was noted when it was given.
    if response.status_code == 200 and request.method == "GET":
        service.served.append(body, query.page_view_id)
    return response


def _query() -> Query:
    parameters = Parameters(_KNOWN, _REPEATABLE)
    query = Query(
        placement=parameters.text("placement") or "default",
        item_ids=parameters.texts("item_id"),
        category=parameters.text("category"),
        filter=parameters.filter(),
        limit=parameters.limit(10),
        exclude_item_ids=parameters.texts("exclude_item_id"),
        explain=parameters.flag("explain"),
        page_view_id=parameters.text("page_view_id"),
    )
    parameters.check()
    return query


def _fingerprint(body: Mapping[str, Any]) -> str:
    """The same for the same list of products, whichever call it answers."""
    lasting = {name: value for name, value in body.items() if name not in _OF_THIS_CALL}
    return hashlib.blake2b(json.dumps(lasting).encode(), digest_size=12).hexdigest()
