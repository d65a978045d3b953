"""`POST /v1/events` over HTTP."""

import json

import pytest

from tests.small_shop import logged
from webapp.api.events import MAX_BODY_BYTES

URL = "/v1/events"
VIEW = {
    "event_name": "view_item",
    "visitor_id": "v1",
    "items": [{"item_id": "A"}],
    "consent": "granted",
}


def test_one_event_is_in_the_log_before_the_answer(client, workspace):
    answer = client.post(URL, json=VIEW)

    assert answer.status_code == 202
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": []}
    (event,) = logged(workspace)
    assert event["visitor_id"] == "v1"
    (day,) = workspace.events_dir.iterdir()
    assert event["event_time"].startswith(day.name)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps([VIEW, VIEW]), "application/json"),
        (json.dumps([VIEW, VIEW]), "text/plain;charset=UTF-8"),
        (f"{json.dumps(VIEW)}\r\n\n{json.dumps(VIEW)}", "application/x-ndjson"),
        ("\ufeff" + json.dumps([VIEW, VIEW]), None),
    ],
)
def test_every_way_to_send_two_events(client, workspace, body, content_type):
    answer = client.post(URL, data=body.encode(), content_type=content_type)

    assert (answer.status_code, answer.json["accepted"]) == (202, 2)
    assert len(logged(workspace)) == 2


def test_no_events_are_no_error(client, workspace):
    assert client.post(URL, json=[]).json["accepted"] == 0
    assert not workspace.events_dir.exists()


def test_good_events_are_kept_and_bad_ones_named(client, workspace):
    lines = [
        json.dumps(VIEW | {"event_id": "e1"}),
        "{not json",
        json.dumps(VIEW | {"items": []}),
        json.dumps(VIEW | {"event_id": "e1"}),
        "7",
        json.dumps(VIEW | {"event_id": "e2"}),
    ]

    answer = client.post(URL, data="\n".join(lines), content_type="application/x-ndjson")

    assert answer.status_code == 202
    counts = {name: answer.json[name] for name in ("accepted", "duplicates", "rejected")}
    assert counts == {"accepted": 2, "duplicates": 1, "rejected": 3}
    assert [(error["index"], error["code"]) for error in answer.json["errors"]] == [
        (1, "not_json"),
        (2, "missing_item_id"),
        (4, "not_object"),
    ]
    assert answer.json["errors"][1]["pointer"] == "/items/0/item_id"
    assert [event["event_id"] for event in logged(workspace)] == ["e1", "e2"]


def test_500_events_and_no_more(client, workspace):
    assert client.post(URL, json=[VIEW] * 500).json["accepted"] == 500

    for kind, body in (
        ("application/json", json.dumps([VIEW] * 501)),
        ("application/x-ndjson", "\n".join([json.dumps(VIEW)] * 501)),
    ):
        answer = client.post(URL, data=body, content_type=kind)
        assert (answer.status_code, answer.json["type"]) == (413, "payload-too-large")
    assert len(logged(workspace)) == 500


def test_a_megabyte_and_no_more(client):
    head, tail = b'[{"x": "', b'"}]'
    fits = head + b"x" * (MAX_BODY_BYTES - len(head) - len(tail)) + tail

    assert client.post(URL, data=fits, content_type="application/json").status_code == 202
    answer = client.post(URL, data=fits + b" ", content_type="application/json")
    assert (answer.status_code, answer.json["type"]) == (413, "payload-too-large")


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"value": NaN}', b"\xff\xfe", b"[" * 100_000, b'"\\ud800']
)
def test_what_is_no_json_is_refused(client, body):
    answer = client.post(URL, data=body, content_type="application/json")

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")


def test_other_content_types_are_refused(client):
    answer = client.post(URL, data=json.dumps(VIEW), content_type="application/xml")

    assert (answer.status_code, answer.json["type"]) == (415, "invalid-request")


def test_nothing_is_acknowledged_that_was_not_written(client, workspace):
    workspace.events_dir.write_text("a file where the folder should be")

    answer = client.post(URL, json=VIEW)

    assert (answer.status_code, answer.json["type"]) == (503, "log-unavailable")
    assert answer.headers["Retry-After"] == "10"


def test_without_consent_no_person_reaches_the_disk(client, workspace):
    client.post(URL, json=VIEW | {"visitor_id": "secret-1", "consent": "denied"})

    (path,) = workspace.events_dir.glob("*/*.ndjson")
    assert "secret-1" not in path.read_text()
    assert json.loads(path.read_text())["consent"] == "denied"
