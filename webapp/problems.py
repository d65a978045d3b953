"""Every error answer: `application/problem+json` as RFC 9457 has it, one shape for all routes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from recommender.errors import CatalogError, SlowSearchError

_KINDS = {
    "invalid-request": (400, "The request is not valid"),
    "invalid-filter": (400, "The filter is not valid"),
    "forbidden-origin": (403, "This origin may not call the service"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This method is not allowed here"),
    "request-timeout": (408, "The request did not come in time"),
    "length-required": (411, "The request must say how long it is"),
    "payload-too-large": (413, "The request is too large"),
    "rate-limited": (429, "Too much comes in at once"),
    "internal-error": (500, "Something went wrong"),
    "model-not-ready": (503, "No model is published yet"),
    "search-too-slow": (503, "The search took too long"),
    "catalog-unavailable": (503, "The catalog cannot do this now"),
    "log-unavailable": (503, "The event log cannot be written"),
}

_OF_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "payload-too-large"}


class ProblemError(Exception):
    """An error answer, raised by a route.

    Args:
        slug: Which kind; also the answer's `type`.
        detail: What was wrong here and what to do next.
        errors: Single faults: `pointer`, `code`, `detail`; a query's pointer names the parameter.
        status: Another HTTP status than the kind's own.
        headers: More response headers, such as `Retry-After`.
        more: More members of the answer.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.errors = errors
        self.status = status or _KINDS[slug][0]
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> Response:
        """The answer; it names the path but never the query, which may hold ids."""
        body: dict[str, Any] = {
            "type": self.slug,
            "title": _KINDS[self.slug][1],
            "status": self.status,
            "detail": self.detail,
            "instance": request.path,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        text = json.dumps(body | self.more, ensure_ascii=False)
        headers = {"Cache-Control": "no-store"} | self.headers
        return Response(text, self.status, headers, mimetype="application/problem+json")


def pointer_to(name: str) -> str:
    """A JSON pointer to a member of a body, or to a parameter of a query.

    Source: RFC 6901, section 3.

    Example:
        >>> pointer_to("a/b~c")
        '/a~1b~0c'
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


def register_problems(app: Flask) -> None:
    """Turn every error of `app` into a problem."""

    @app.errorhandler(ProblemError)
    def problem(error: ProblemError) -> Response:
        return error.response()

    @app.errorhandler(SlowSearchError)
    def slow_search(error: SlowSearchError) -> Response:
        # No `Retry-After`: the same search would take as long again.
        return ProblemError("search-too-slow", str(error)).response()

    @app.errorhandler(CatalogError)
    def catalog(error: CatalogError) -> Response:
        app.logger.error("catalog: %s", error)
        headers = {"Retry-After": "5"}
        return ProblemError("catalog-unavailable", str(error), headers=headers).response()

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        if status >= 500:
            return ProblemError("internal-error", _LOGGED, status=status).response()
        slug = _OF_STATUS.get(status, "invalid-request")
        detail = error.description or str(error)
        headers = {"Allow": allow} if (allow := dict(error.get_headers()).get("Allow")) else {}
        return ProblemError(slug, detail, status=status, headers=headers).response()


_LOGGED = "The server's log has the details under the X-Request-Id of this answer."
