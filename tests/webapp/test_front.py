"""Bodies as a real server process takes them in: late, broken off, too many."""

import http.client
import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.small_shop import Server, id_of, logged, make_product
from webapp.front import BODY_WITHIN_S

N_STALLED = 60
VIEW = {"event_name": "view_item", "items": [{"item_id": "A"}], "visitor_id": "v"}
LINE = json.dumps(VIEW).encode() + b"\n"
CHUNK = b"%x\r\n%b\r\n" % (len(LINE), LINE)


def send(server: Server, start: str, body: bytes, *headers: str) -> socket.socket:
    """Begin a request; who calls may never finish it."""
    lines = [start, "Host: localhost", "Content-Type: application/x-ndjson", *headers]
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return connection


def heard(connection: socket.socket) -> tuple[int, dict]:
    """Status and problem of an answer after which the server closes the connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    problem = json.loads(response.read())
    assert connection.recv(1) == b""
    return response.status, problem


@pytest.fixture
def stalled(workspace, start) -> Iterator[tuple[Server, list[socket.socket]]]:
    """A service of one process, and senders whose bodies do not come."""
    server = start(workspace.root)
    beginnings = [
        ("POST /v1/events HTTP/1.1", b"{", "Content-Length: 100"),
        ("POST /v1/items HTTP/1.1", b"5\r\n[\n\n\n\n\r\n", "Transfer-Encoding: chunked"),
        ("PATCH /v1/item?id=c1 HTTP/1.1", b"", "Content-Length: 9000"),
    ]
    with ExitStack() as stack:
        yield (
            server,
            [
                stack.enter_context(send(server, *beginnings[number % 3]))
                for number in range(N_STALLED)
            ],
        )


def test_bodies_that_never_come_hold_up_nobody(stalled):
    server, senders = stalled
    begun = time.monotonic()
    calls = (
        ("/v1/recommendations", None),
        ("/livez", None),
        ("/v1/events", VIEW),
        ("/v1/items", make_product(1).model_dump()),
        (f"/v1/items?id={id_of(1).replace(' ', '%20')}", None),
    )
    for path, body in calls:
        assert server.call(path, body)[0] in (200, 202), path
    assert time.monotonic() - begun < BODY_WITHIN_S / 2, "none waited for a sender to give up"
    for sender in senders[::3]:
        sender.sendall(b" ")

    answers = [heard(sender) for sender in senders]

    assert {(status, body["type"]) for status, body in answers} == {(408, "request-timeout")}
    assert answers[0][1]["detail"] == (
        "The body did not come within 10 seconds; send the request again."
    )
    assert BODY_WITHIN_S / 2 < time.monotonic() - begun < 2 * BODY_WITHIN_S
    assert all(server.call(path, body)[0] in (200, 202) for path, body in calls)


def test_a_body_that_breaks_off_is_no_whole_one(workspace, start):
    """Cut between two lines it would look whole."""
    server = start(workspace.root)
    with send(server, "POST /v1/events HTTP/1.1", LINE, "Content-Length: 1000") as sender:
        sender.shutdown(socket.SHUT_WR)
        status, problem = heard(sender)

    assert (status, problem["type"]) == (400, "invalid-request")
    assert "ends before its Content-Length" in problem["detail"]
    assert logged(workspace) == []


def test_a_body_that_does_not_say_how_long_it_is_is_not_taken(workspace, start):
    """Broken off between two chunks it would look whole, most of all as lines."""
    server = start(workspace.root)
    chunked = "Transfer-Encoding: chunked"
    cases = [
        (CHUNK, [chunked]),
        (CHUNK + b"0\r\n\r\n", [chunked]),
        (CHUNK, [f"Content-Length: {len(CHUNK)}", chunked]),
        (b"", []),
    ]
    for start_line in ("POST /v1/events HTTP/1.1", "PATCH /v1/item?id=c1 HTTP/1.1"):
        for body, headers in cases:
            with send(server, start_line, body, *headers) as sender:
                if body == CHUNK:
                    sender.shutdown(socket.SHUT_WR)
                status, problem = heard(sender)
            assert (status, problem["type"]) == (411, "length-required"), headers
            assert "Content-Length" in problem["detail"]
    assert logged(workspace) == []


def test_who_sends_many_chunks_hears_why_they_are_not_taken(workspace, start):
    server = start(workspace.root)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Content-Type": "application/x-ndjson"}
    parts = [LINE * 500] * 100
    connection.request("POST", "/v1/events", iter(parts), headers, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_one_process_holds_so_much_and_no_more(workspace, start):
    """Fourteen bodies of nearly 5 MB; as soon as they are gone there is room again."""
    server = start(workspace.root)
    large = b" " * 4_900_000
    start_line = "POST /v1/items HTTP/1.1"
    with ExitStack() as stack:
        senders = [
            stack.enter_context(send(server, start_line, large, "Content-Length: 4900001"))
            for _ in range(14)
        ]
        answered, _, _ = select.select(senders, [], [], BODY_WITHIN_S / 2)
        status, problem = heard(answered[0])
    assert (status, problem["type"]) == (429, "rate-limited")

    assert server.call("/v1/items", make_product(1).model_dump())[0] == 200


@pytest.mark.parametrize(
    ("start_line", "headers", "status"),
    [
        ("GET /livez HTTP/1.1", ["Content-Length: 9"], 200),
        ("GET /livez HTTP/1.1", ["Host: evil.example"], 403),
        ("GET /%C3%A9/%FF HTTP/1.1", [], 404),
        ("HEAD /livez HTTP/1.1", [], 200),
    ],
)
def test_what_the_server_hands_over_is_what_came(workspace, start, start_line, headers, status):
    """A body of a method that has none is not waited for; two names of a host are none of ours."""
    server = start(workspace.root)
    with send(server, start_line, b"", "Connection: close", *headers) as sender:
        response = http.client.HTTPResponse(sender)
        response.begin()
        assert response.status == status
