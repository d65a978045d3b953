"""Between the server and Flask: a body is taken in without a thread, then a thread answers.

A process answers with a few threads. One that waited for a body would wait as long as its sender
likes, and some twenty senders that stop midway would hold them all. So the event loop of granian
takes bodies in, all at the same time and each within a time limit, and a thread gets the whole.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from webapp.bodies import CUT_SHORT, LARGEST_BODY
from webapp.problems import ProblemError
from webapp.store import MAX_CALLS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BODY_WITHIN_S = 10.0
"""From the end of a request's headers to the end of its body."""

MAX_HELD_BYTES = 64_000_000
"""Of all bodies of a process that are taken in or worked on."""

# An answer is computed, not waited for: four are enough, beside those that may wait for the
# catalog.
_N_THREADS = 4 + MAX_CALLS
_WITH_BODY = ("POST", "PUT", "PATCH")


class _Headers(Protocol):
    def __iter__(self) -> Iterator[str]: ...
    def get(self, name: str) -> str | None: ...
    def get_all(self, name: str) -> list[str]: ...


class _Scope(Protocol):
    """What granian says of a request, as RSGI names it."""

    method: str
    path: str
    query_string: str
    scheme: str
    server: str
    client: str
    http_version: str
    authority: str | None
    headers: _Headers


class Front:
    """An application as granian calls it, by RSGI.

    Args:
        app: Answers every request; of one whose body was cut short it finds the error to raise in
            `environ[CUT_SHORT]`.
        on_ready: Called once, when requests can come.

    Source: https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
    """

    def __init__(self, app: "WSGIApplication", on_ready: Callable[[], None] = lambda: None) -> None:
        self._app, self._on_ready = app, on_ready
        self._threads = ThreadPoolExecutor(_N_THREADS, "answer")
        self._held = 0

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by granian right before it listens, when the loop does not run yet."""
        loop.call_soon(self._on_ready)

    async def __call__(self, scope: _Scope, protocol: Any) -> None:
        """Answer one request."""
        body = bytearray()
        try:
            problem = await self._take(scope, protocol, body)
            environ = _environ(scope, bytes(body), problem)
            loop = asyncio.get_running_loop()
            # The thread itself hands the answer over: a way through the loop would cost more time.
            await loop.run_in_executor(self._threads, self._answer, environ, protocol)
        finally:
            self._held -= len(body)

    async def _take(self, scope: _Scope, protocol: Any, body: bytearray) -> ProblemError | None:
        """Fill `body`; return what kept it from being whole, if anything did.

        Above the largest size that any route takes, reading stops: the route refuses it by its
        own limit.
        """
        announced = _content_length(scope)
        if scope.method not in _WITH_BODY or (announced or 0) > LARGEST_BODY:
            return None
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                async for part in protocol:
                    self._held += len(part)
                    body += part
                    if len(body) > LARGEST_BODY:
                        return None
                    if self._held > MAX_HELD_BYTES:
                        return _cut_short("rate-limited", "Too much is being sent at once")
        except TimeoutError:
            problem = f"The body did not come within {BODY_WITHIN_S:g} seconds"
            return _cut_short("request-timeout", problem)
        if announced is None:
            # Read nevertheless: who is still sending hears no answer.
            return _no_length()
        if len(body) < announced:
            return _cut_short("invalid-request", "The body ends before its Content-Length")
        return None

    def _answer(self, environ: dict[str, Any], protocol: Any) -> None:
        """What Flask says, whole: no answer here is so long that it should come in parts."""
        told: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _: object = None) -> Any:
            told[:] = int(status.split(" ", 1)[0]), headers

        parts = self._app(environ, start)
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        protocol.response_bytes(told[0], told[1], body)


def _no_length() -> ProblemError:
    detail = "The body has no Content-Length; send it with one, not in chunks."
    return ProblemError("length-required", detail, headers={"Connection": "close"})


def _cut_short(slug: str, problem: str) -> ProblemError:
    # What still comes on this connection would be taken for another request.
    headers = {"Connection": "close", "Retry-After": "1"}
    return ProblemError(slug, f"{problem}; send the request again.", headers=headers)


def _content_length(scope: _Scope) -> int | None:
    """None without one: granian ends a body in chunks that broke off as it ends a whole one."""
    text = scope.headers.get("content-length") or ""
    # Beside chunks a length says nothing.
    if scope.headers.get("transfer-encoding") is not None or not text.isdecimal():
        return None
    return int(text)


def _environ(scope: _Scope, body: bytes, problem: ProblemError | None) -> dict[str, Any]:
    """A request as WSGI has it.

    Source: PEP 3333.
    """
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        CUT_SHORT: problem,
    }
    if scope.authority is not None:
        environ["HTTP_HOST"] = scope.authority
    for name in scope.headers:
        key = name.upper().replace("-", "_")
        value = ",".join(scope.headers.get_all(name))
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
