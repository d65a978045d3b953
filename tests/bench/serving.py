"""`GET /v1/recommendations` against a route that does nothing, on one server process."""

import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tests.small_shop import Server, id_of, make_shop, publish_model
from webapp.front import Front

CALLS = 400
ROUNDS = 5

Application = Callable[..., Iterable[bytes]]


def bench_recommendations() -> list[dict[str, Any]]:
    """Median milliseconds a call over one kept connection, and the ratio of the two.

    The calls alternate in rounds, so that a busy machine is busy for both.
    """
    item_ids = [id_of(number).replace(" ", "+") for number in (4, 9, 12)]
    query = "&".join(f"item_id={item_id}" for item_id in item_ids)
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_shop(Path(folder) / "shop")
        publish_model(workspace)
        with _TwoRoutes(workspace.root) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            times: dict[str, list[float]] = {"/empty": [], f"/v1/recommendations?{query}": []}
            for path in times:
                _calls(connection, path, CALLS // 4)
            for _ in range(ROUNDS):
                for path, measured in times.items():
                    measured += _calls(connection, path, CALLS)
            connection.close()
    empty_ms, answer_ms = (statistics.median(measured) for measured in times.values())
    return [
        {
            "name": "GET /v1/recommendations",
            "value": round(answer_ms, 3),
            "unit": "ms",
            "peer": "empty Flask route",
            "peer_value": round(empty_ms, 3),
            "ratio": round(answer_ms / empty_ms, 2),
        }
    ]


def _calls(connection: http.client.HTTPConnection, path: str, count: int) -> list[float]:
    measured = []
    for _ in range(count):
        started = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        measured.append((time.perf_counter() - started) * 1000)
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}")
    return measured


class _TwoRoutes(Server):
    """`recommender serve` with a bare Flask application beside it, under `/empty`."""

    def _command(self, root: Path, *arguments: object) -> list[str]:
        script = "import sys; from tests.bench.serving import serve_both; serve_both(*sys.argv[1:])"
        return [sys.executable, "-c", script, str(root), str(self.port), *map(str, arguments)]


def serve_both(root: str, port: str) -> None:
    """Serve the workspace and `/empty` until a signal comes."""
    from granian.constants import Interfaces
    from granian.server import Server as Granian

    server = Granian(
        "two",
        port=int(port),
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
    )
    server.serve(target_loader=partial(_both, root), wrap_loader=False)


def _both(root: str) -> Front:
    from flask import Flask

    from webapp.app import create_app

    empty = Flask("empty")
    empty.add_url_rule("/empty", view_func=lambda: "")
    shop = create_app(root)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chosen = empty if environ["PATH_INFO"] == "/empty" else shop
        return chosen(environ, start_response)

    return Front(application)
