"""The catalog's routes of a real service with several processes."""

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Self
from urllib.parse import urlencode

from recommender.workspace import Workspace
from tests.small_shop import Server, held, id_of, wait_for
from webapp.store import MAX_CALLS

N_CHANGES = 20


class Caller:
    """One connection to a service, kept open."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def call(
        self, method: str, path: str, query: dict[str, object] | None = None, body: object = None
    ) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        address = f"{path}?{urlencode(query, doseq=True)}" if query else path
        text = None if body is None else json.dumps(body)
        self._connection.request(method, address, text, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None

    def recommended(self) -> dict[str, float | None]:
        """Id and price of what is recommended, best first."""
        body = self.call("GET", "/v1/recommendations", {"limit": 50})[1]
        return {item["id"]: item["price"] for item in body["items"]}


@contextmanager
def callers_of_all(
    server: Server, workspace: Workspace, n_processes: int
) -> Iterator[list[Caller]]:
    """A connection to each process of a service, as soon as all of them answer.

    An event tells which process took it: each has a file of its own in the log.
    """
    view = {"event_name": "view_item", "items": [{"item_id": "A"}], "visitor_id": "v"}
    with ExitStack() as stack:
        callers: list[Caller] = []

        def has_one_more() -> bool:
            caller = stack.enter_context(Caller(server))
            assert caller.call("POST", "/v1/events", None, view)[0] == 202
            n_heard = len(list(workspace.events_dir.glob("*/*.ndjson")))
            if n_heard > len(callers):
                callers.append(caller)
            return len(callers) == n_processes

        wait_for(has_one_more, seconds=60)
        yield callers


def test_what_one_process_changes_the_others_show_in_their_next_answer(any_workspace, start):
    """Whoever of the visitors asks next, and whichever process hears it."""
    server = start(any_workspace.root, "--workers", 3)
    item = {"id": id_of(0)}
    with callers_of_all(server, any_workspace, 3) as callers:
        for number in range(N_CHANGES):
            price, stock = 1.0 + number, "out_of_stock" if number % 2 else "in_stock"
            change = {"price": price, "availability": stock}
            writer = callers[number % len(callers)]
            status, shown = writer.call("PATCH", "/v1/item", item, change)
            assert (status, shown["price"]) == (200, price)
            for reader in callers:
                expected = price if stock == "in_stock" else None
                assert reader.recommended().get(id_of(0)) == expected, number
                assert reader.call("GET", "/v1/item", item)[1]["availability"] == stock

        other = {"id": id_of(1)}
        assert callers[0].call("DELETE", "/v1/item", other)[0] == 204
        for reader in callers:
            assert id_of(1) not in reader.recommended()
            assert reader.call("GET", "/v1/item", other)[0] == 404
        body = [{"id": id_of(1), "title": "Back"}]
        assert callers[-1].call("POST", "/v1/items", None, body)[1]["added"] == 1
        assert all(id_of(1) in reader.recommended() for reader in callers)


def test_writes_that_wait_hold_up_no_recommendation(workspace, start):
    """Some wait for their turn, the others shall come again; none takes the last thread."""
    server = start(workspace.root)
    answers: list[tuple[int, Any]] = []

    def write(number: int) -> None:
        with Caller(server) as caller:
            price = {"price": float(number)}
            answers.append(caller.call("PATCH", "/v1/item", {"id": id_of(number)}, price))

    n_writers = MAX_CALLS + 8
    with ThreadPoolExecutor(n_writers) as writers:
        with held(workspace.catalog_path), Caller(server) as visitor:
            done = [writers.submit(write, number) for number in range(n_writers)]
            wait_for(lambda: len(answers) == 8)
            assert {(status, body["type"]) for status, body in answers} == {
                (503, "catalog-unavailable")
            }
            begun = time.monotonic()
            for _ in range(20):
                assert visitor.recommended()
            assert time.monotonic() - begun < 5, "twenty answers, each in its own time"
            assert visitor.call("GET", "/v1/items", {"id": id_of(1)})[0] == 200
        for one in done:
            one.result()

    assert {status for status, _ in answers} == {200, 503}, "those that waited were served"
    with Caller(server) as caller:
        assert caller.call("PATCH", "/v1/item", {"id": id_of(0)}, {"price": 1})[0] == 200
