"""A proxy before a real server, which loses answers to requests that the server has done."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

Asked = Callable[[str, str], Any]
"""Method and path in; anything true loses the answer, an error of a test's own is raised."""


@contextmanager
def proxy(url: str, is_lost: Asked) -> Iterator[str]:
    """Run a proxy; give its address.

    Args:
        url: Of the server.
        is_lost: Whether the client never hears what the server answered.
    """
    server = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            left_out = ("host", "connection", "content-length", "accept-encoding")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
            with closing(HTTPConnection(server)) as connection:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            if is_lost(self.command, self.path):
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name in ("X-Elastic-Product", "Content-Type"):
                if value := answer.headers.get(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=running.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()
