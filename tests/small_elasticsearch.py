"""A small HTTP server that says what an Elasticsearch in trouble says.

It stands for faults that a real server cannot be made to show in a test; all else is tested on a
real one.
"""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

Answer = tuple[int, Any]
Asked = Callable[[str, str, dict[str, str]], Answer]
"""Method, path and headers in; status and JSON out."""

ROOT_9 = {"version": {"number": "9.2.4"}, "tagline": "You Know, for Search"}


@contextmanager
def server(
    answer: Asked, certificate: Path | None = None, key: Path | None = None
) -> Iterator[str]:
    """Run a server; give its address.

    Args:
        answer: What it says.
        certificate: Speak https with this one.
        key: Of the certificate.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = answer(self.command, self.path, headers)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        running.socket = context.wrap_socket(running.socket, server_side=True)
    thread = Thread(target=running.serve_forever, args=(0.05,))
    thread.start()
    try:
        scheme = "http" if certificate is None else "https"
        yield f"{scheme}://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def error(status: int, kind: str, reason: str) -> Answer:
    """An error as Elasticsearch words it."""
    cause = {"type": kind, "reason": reason}
    return status, {"error": {"root_cause": [cause], **cause}, "status": status}
