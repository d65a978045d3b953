"""Who may call: loopback and the service's own pages. And the headers that every answer carries.

A web page anywhere can make its visitor's browser send requests to 127.0.0.1. The `Host` header
gives away a name that was pointed at loopback later (DNS rebinding), `Origin` and
`Sec-Fetch-Site` give away another site's page.
"""

import ipaddress
import logging
import re
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from webapp.problems import ProblemError

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_LOGGER = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, is this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def register_guard(app: Flask) -> None:
    """Check every request of `app` before its route and dress every answer."""

    @app.before_request
    def admit() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)
        _check_host()
        _check_origin()

    @app.after_request
    def dress(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _API_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers["X-Request-Id"] = g.request_id
        if response.status_code >= 500:
            _LOGGER.warning(
                "%s %r: %s (%s)",
                request.method,
                request.path,
                response.status_code,
                g.request_id,
            )
        return response


def refuse_forwarded() -> None:
    """Refuse what a proxy passes on: before there are keys only this machine changes the catalog.

    A service that somebody published through a proxy would else let every visitor do so.

    Raises:
        ProblemError: 403 `forbidden-origin`.
    """
    for name in _FORWARDED:
        if name in request.headers:
            raise ProblemError(
                "forbidden-origin",
                f"The request came through a proxy ({name}); products are changed from this "
                "machine only.",
            )


def _check_host() -> None:
    host, _ = _split(f"//{request.headers.get('Host', '')}")
    if host is None or not is_loopback(host):
        raise ProblemError(
            "forbidden-origin",
            "The Host header names no loopback address; the service answers this machine only.",
        )


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(origin):
        raise ProblemError("forbidden-origin", "The Origin header names another site.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and not _follows_a_link():
        raise ProblemError("forbidden-origin", "The request comes from another site's page.")


def _is_own(origin: str) -> bool:
    """Loopback under any of its names, on the port that was called."""
    host, port = _split(origin)
    _, own_port = _split(f"//{request.headers.get('Host', '')}")
    return host is not None and is_loopback(host) and (port or 80) == (own_port or 80)


def _follows_a_link() -> bool:
    """Someone clicked a link to a page; no other site can read what comes back."""
    is_page = not request.path.startswith("/v1/")
    is_read = request.method in ("GET", "HEAD")
    return is_page and is_read and request.headers.get("Sec-Fetch-Mode") == "navigate"


def _split(address: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(address)
        return (None, None) if parts.username is not None else (parts.hostname, parts.port)
    except ValueError:
        return None, None
