"""`/livez`, the process only, and `/readyz`, whether it can answer."""

from typing import Any

from flask import Blueprint, Response, jsonify

from recommender.errors import CatalogError
from webapp.problems import ProblemError
from webapp.service import current_service

health = Blueprint("health", __name__)


@health.get("/livez")
def livez() -> Response:
    """The process answers."""
    return _fresh(jsonify({"status": "ok"}))


@health.get("/readyz")
def readyz() -> Response:
    """A model is loaded and the products are known, even if those are the last known ones."""
    state = {"model": _model(), "catalog": _catalog()}
    if state["model"]["status"] == "missing":
        raise _not_ready("model-not-ready", "No model is published.", state)
    if state["catalog"]["status"] == "unavailable":
        raise _not_ready("catalog-unavailable", "The products were never read.", state)
    well = all(part["status"] == "ok" for part in state.values())
    return _fresh(jsonify({"status": "ready" if well else "degraded"} | state))


def _model() -> dict[str, Any]:
    live = current_service().model
    artifact = live.get()
    if artifact is None:
        return {"status": "missing", "problem": live.problem}
    return {
        "status": "ok" if live.problem is None else "stale",
        "name": artifact.model.name,
        "version": artifact.version,
        "problem": live.problem,
    }


def _catalog() -> dict[str, Any]:
    catalog = current_service().catalog
    try:
        n_products = len(catalog.table())
    except CatalogError as err:
        return {"status": "unavailable", "products": 0, "problem": str(err)}
    problem = catalog.problem
    return {
        "status": "ok" if problem is None else "stale",
        "products": n_products,
        "problem": problem,
    }


def _not_ready(slug: str, detail: str, state: dict[str, Any]) -> ProblemError:
    return ProblemError(slug, detail, headers={"Retry-After": "10"}, more=state)


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
