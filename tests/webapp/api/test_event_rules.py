"""What one event of the wire must be."""

from datetime import UTC, datetime, timedelta

import pytest

from recommender.data.events import EVENT_NAMES, ITEM_EVENT_NAMES, LOG_COLUMNS, PERSONAL_FIELDS
from webapp.api.event_rules import RefusedEventError, check_event, new_event_id

NOW = datetime(2026, 11, 21, 9, 12, 33, 120_000, UTC)
VIEW = {
    "event_id": "e1",
    "event_name": "view_item",
    "event_time": "2026-11-21T09:00:00Z",
    "visitor_id": "v1",
    "items": [{"item_id": "A"}],
    "consent": "granted",
}


def refused(changes: dict) -> RefusedEventError:
    with pytest.raises(RefusedEventError) as caught:
        check_event({**VIEW, **changes}, NOW)
    return caught.value


def test_the_example_of_the_documentation_keeps_every_field():
    event = VIEW | {
        "user_id": "u",
        "session_id": "s",
        "items": [
            {"item_id": "SKU_12345", "item_variant": "M", "quantity": 1, "price": 9.99, "index": 0}
        ],
        "currency": "EUR",
        "value": 9.99,
        "transaction_id": "t",
        "search_term": "chair",
        "recommendation_id": "rec_1",
        "placement": "pdp-similar",
        "page_view_id": "p",
        "page_location": "https://shop.example/a",
        "page_referrer": "https://shop.example/b",
        "user_agent": "Mozilla/5.0",
        "locale": "en",
        "site": "default",
        "event_time": "2026-11-21T09:00:00.000Z",
    }

    kept = check_event(event, NOW)

    assert kept == event
    columns = {*kept, *kept["items"][0]} - {"items", "index"} | {"list_index"}
    assert columns == {*LOG_COLUMNS} - {"ordinal", "item_position"}


def test_what_nobody_knows_and_what_is_null_is_dropped():
    kept = check_event(
        VIEW | {"cart_id": 7, "user_id": None, "items": [{"item_id": "A", "color": "red"}]}, NOW
    )

    assert kept == VIEW | {"event_time": "2026-11-21T09:00:00.000Z"}


def test_id_and_time_are_filled():
    kept = check_event({**VIEW, "event_id": None, "event_time": None}, NOW)

    assert kept["event_time"] == "2026-11-21T09:12:33.120Z"
    assert len(kept["event_id"]) == 36


def test_filled_ids_are_uuid_7_and_differ():
    ids = {new_event_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert {(event_id[14], event_id[19] in "89ab") for event_id in ids} == {("7", True)}


def test_a_flat_item_id_counts_as_the_first_item():
    kept = check_event({**VIEW, "items": None, "item_id": 12345}, NOW)

    assert kept["items"] == [{"item_id": "12345"}]
    assert check_event({**VIEW, "items": [], "item_id": "A"}, NOW)["items"] == [{"item_id": "A"}]
    assert "items" not in check_event(
        {**VIEW, "event_name": "search", "items": None, "item_id": ""}, NOW
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-11-21T10:00:00+01:00", "2026-11-21T09:00:00.000Z"),
        ("2026-11-21T09:00:00.123456Z", "2026-11-21T09:00:00.123456Z"),
        ("2026-11-21t09:00:00z", "2026-11-21T09:00:00.000Z"),
        (1795251600, "2026-11-21T09:00:00.000Z"),
        (1795251600123, "2026-11-21T09:00:00.123Z"),
        ("1795251600123", "2026-11-21T09:00:00.123Z"),
        (1795251600123456, "2026-11-21T09:00:00.123456Z"),
    ],
)
def test_times_are_rfc_3339_or_epoch_and_kept_in_utc(given, kept):
    assert check_event(VIEW | {"event_time": given}, NOW)["event_time"] == kept


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("2026-11-21T09:00:00", "naive_event_time"),
        ("2026-11-21", "naive_event_time"),
        ("yesterday", "bad_event_time"),
        (-5, "bad_event_time"),
        (True, "bad_event_time"),
        (1e30, "bad_event_time"),
        ([], "bad_event_time"),
        ("0001-01-01T00:00:00+14:00", "bad_event_time"),
    ],
)
def test_other_times_are_refused(time, code):
    error = refused({"event_time": time})

    assert (error.code, error.pointer) == (code, "/event_time")


def test_limits_of_age_and_future():
    second = timedelta(seconds=1)
    for moment in (NOW + timedelta(hours=24), NOW - timedelta(days=7)):
        check_event(VIEW | {"event_time": moment.isoformat()}, NOW)

    late = NOW + timedelta(hours=24) + second
    assert refused({"event_time": late.isoformat()}).code == "future_event_time"
    old = NOW - timedelta(days=7) - second
    assert refused({"event_time": old.isoformat()}).code == "old_event_time"


def test_an_id_has_256_bytes_not_characters():
    assert check_event(VIEW | {"visitor_id": "é" * 128}, NOW)["visitor_id"] == "é" * 128
    assert refused({"visitor_id": "é" * 129}).code == "id_too_long"

    error = refused({"items": [{"item_id": "A"}, {"item_id": "x" * 257}]})
    assert (error.code, error.pointer) == ("id_too_long", "/items/1/item_id")


@pytest.mark.parametrize("item_id", ["gid://shopify/Product/1", "a b", "☕", " ", "../x"])
def test_any_text_is_an_id(item_id):
    assert check_event(VIEW | {"items": [{"item_id": item_id}]}, NOW)["items"] == [
        {"item_id": item_id}
    ]


def test_at_most_200_items():
    items = [{"item_id": str(number)} for number in range(201)]
    check_event(VIEW | {"items": items[:200]}, NOW)

    assert refused({"items": items}).code == "too_many_items"


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_item_events_need_an_item(name):
    event = {**VIEW, "event_name": name, "items": []}
    if name in ITEM_EVENT_NAMES:
        error = refused(event)
        assert (error.code, error.pointer) == ("missing_item_id", "/items/0/item_id")
    else:
        assert "items" not in check_event(event, NOW)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"event_name": None}, "missing_event_name", "/event_name"),
        ({"event_name": ""}, "missing_event_name", "/event_name"),
        ({"event_name": ["view_item"]}, "bad_value", "/event_name"),
        ({"visitor_id": None}, "missing_visitor", "/visitor_id"),
        ({"visitor_id": True}, "bad_value", "/visitor_id"),
        ({"visitor_id": "\ud800"}, "bad_value", "/visitor_id"),
        ({"items": "A"}, "bad_value", "/items"),
        ({"items": ["A"]}, "bad_value", "/items/0"),
        ({"items": [{}]}, "missing_item_id", "/items/0/item_id"),
        ({"items": [{"item_id": "A", "price": "9"}]}, "bad_value", "/items/0/price"),
        ({"items": [{"item_id": "A", "index": 0.5}]}, "bad_value", "/items/0/index"),
        ({"value": float("inf")}, "bad_value", "/value"),
        ({"value": 10**400}, "bad_value", "/value"),
        ({"search_term": "x" * 2049}, "text_too_long", "/search_term"),
    ],
)
def test_every_refusal_has_a_code_and_a_place(changes, code, pointer):
    error = refused(changes)

    assert (error.code, error.pointer) == (code, pointer)


@pytest.mark.parametrize("value", [None, 1, "view_item", ["view_item"]])
def test_an_event_is_an_object(value):
    with pytest.raises(RefusedEventError) as caught:
        check_event(value, NOW)
    assert caught.value.code == "not_object"


@pytest.mark.parametrize("consent", [None, "denied", "unknown", "GRANTED"])
def test_without_consent_nothing_personal_is_kept(consent):
    personal = dict.fromkeys(PERSONAL_FIELDS, "x")

    kept = check_event({**VIEW, **personal, "consent": consent}, NOW)

    assert kept["consent"] == "denied"
    assert not set(kept) & set(PERSONAL_FIELDS)
    assert kept["items"] == [{"item_id": "A"}]


def test_without_consent_no_visitor_is_needed():
    assert check_event({**VIEW, "visitor_id": None, "consent": "denied"}, NOW)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example/a?email=x@y.z#top", "https://shop.example/a"),
        ("https://shop.example/a#token=1?", "https://shop.example/a"),
        ("https://me:secret@shop.example/a", "https://shop.example/a"),
        ("//me@shop.example/a", "//shop.example/a"),
        ("/a/b?q", "/a/b"),
        ("https://shop.example/@me", "https://shop.example/@me"),
        ("http://[::1/a?q", "http://[::1/a"),
    ],
)
def test_addresses_lose_query_fragment_and_user(given, kept):
    event = check_event(VIEW | {"page_location": given, "page_referrer": given}, NOW)

    assert event["page_location"] == event["page_referrer"] == kept
