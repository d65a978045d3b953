"""`GET /v1/items` over HTTP."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_shop import id_of
from webapp.api.item_cursor import seal_cursor

URL = "/v1/items"


def pages(client, **parameters):
    """The pages of a search, one after the other."""
    cursor = ""
    while cursor is not None:
        answer = client.get(URL, query_string={**parameters, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        yield answer.json["items"]
        cursor = answer.json["next_cursor"]


def ids(items):
    return [item["id"] for item in items]


def found(client, **parameters):
    return [item["id"] for page in pages(client, **parameters) for item in page]


def fault(answer):
    (only,) = answer.json["errors"]
    return only


def test_every_product_comes_once_page_by_page(any_client):
    shown = list(pages(any_client, limit=10))

    assert [item["id"] for page in shown for item in page] == [id_of(n) for n in range(36)]
    assert [len(page) for page in shown] == [10, 10, 10, 6]


def test_a_product_has_what_its_feed_gave(any_client):
    (item,) = any_client.get(URL, query_string={"q": "SKU 05/a"}).json["items"]

    assert item["product_type"] == ["Lighting", "Lamps"]
    assert item["price"] == 69.5
    assert "image_link" not in item


def test_ids_come_in_the_order_asked_for_without_the_unknown(client):
    body = client.get(URL, query_string={"id": [id_of(7), "nobody", id_of(1)]}).json

    assert ids(body["items"]) == [id_of(7), id_of(1)]
    assert (body["next_cursor"], body["total"]) == (None, 2)


def test_words_find_products_by_beginnings_the_better_ones_first(any_client):
    body = any_client.get(URL, query_string={"q": "OAK cha", "limit": 3}).json

    oaks = [id_of(n) for n in range(0, 36, 5)]
    chairs = [item_id for item_id in oaks if int(item_id[4:6]) % 3 == 0]
    assert ids(body["items"]) == chairs[:3]
    assert body["total"] == len(chairs)
    assert any_client.get(URL, query_string={"q": "oak, chérs"}).json["total"] == 0
    assert any_client.get(URL, query_string={"q": "!!!"}).json["total"] == 0
    assert any_client.get(URL, query_string={"q": ""}).json["total"] == 36


def test_words_and_filter_and_counts_together(any_client):
    body = any_client.get(
        URL,
        query_string={
            "q": "lamp",
            "filter": "price<100",
            "facets": "material, product_type,brand,material",
            "limit": 1,
        },
    ).json

    lamps = [n for n in range(36) if n % 3 == 2 and 19.5 + 10 * n < 100]
    assert body["total"] == len(lamps) == 3
    assert ids(body["items"]) == [id_of(lamps[0])]
    assert list(body["facets"]) == ["material", "product_type", "brand"]
    assert body["facets"]["brand"] == [{"value": "Waldhaus", "count": 3}]
    assert {facet["value"] for facet in body["facets"]["product_type"]} == {"Lighting", "Lamps"}


def test_a_filter_leaves_products_out_page_by_page(any_client):
    lamps = [
        item["id"] for page in pages(any_client) for item in page
        if "Lamps" in item.get("product_type", [])
    ]  # fmt: skip
    shown = list(pages(any_client, filter='product_type="Lamps"', limit=3))

    assert [item["id"] for page in shown for item in page] == lamps
    assert all(len(page) == 3 for page in shown[:-1])
    answer = any_client.get(URL, query_string={"filter": 'brand="nobody"'})
    assert answer.json == {"items": [], "next_cursor": None, "total": 0, "facets": {}}


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_search_pages_are_the_search_in_parts(any_client, limit):
    whole = found(any_client, q="oak", limit=100)

    assert len(whole) > 7
    assert found(any_client, q="oak", limit=limit) == whole


def test_a_page_of_a_catalog_that_changes_meanwhile(any_client):
    """What stays comes once; what goes is gone, what comes behind the cursor is shown."""
    url = "/v1/item"
    first = any_client.get(URL, query_string={"limit": 5}).json
    assert ids(first["items"]) == [id_of(n) for n in range(5)]

    # The last one of the page, on which the cursor stands, one before it and one behind it go.
    for number in (4, 2, 6):
        assert any_client.delete(url, query_string={"id": id_of(number)}).status_code == 204
    new = [{"id": id_of(0) + "!", "title": "before"}, {"id": id_of(7) + "!", "title": "behind"}]
    assert any_client.post(URL, json=new).json["added"] == 2

    query = {"limit": 5, "cursor": first["next_cursor"]}
    second = any_client.get(URL, query_string=query).json
    expected = [id_of(5), id_of(7), id_of(7) + "!", id_of(8), id_of(9)]
    assert ids(second["items"]) == expected
    assert second["total"] == 35


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("limit=0", "limit", "bad_value"),
        ("limit=101", "limit", "bad_value"),
        ("limit=ten", "limit", "bad_value"),
        ("id=", "id", "bad_value"),
        ("id=A&q=oak", "q", "conflicting_parameter"),
        ("q=a&q=b", "q", "repeated_parameter"),
        ("qs=oak", "qs", "unknown_parameter"),
        (f"q={'ä' * 129}", "q", "bad_value"),
        (f"q={'+'.join(f'w{n}' for n in range(17))}", "q", "bad_value"),
        ("facets=price", "facets", "bad_value"),
        ("facets=title", "facets", "bad_value"),
        ("facets=attributes.", "facets", "bad_value"),
        ("facets=no%00thing", "facets", "bad_value"),
        (f"facets={','.join(f'attributes.a{n}' for n in range(11))}", "facets", "too_many_values"),
    ],
)
def test_bad_parameters_are_refused(client, query, parameter, code):
    answer = client.get(f"{URL}?{query}")

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")
    assert (fault(answer)["pointer"], fault(answer)["code"]) == (f"/{parameter}", code)


@pytest.mark.parametrize("path", [URL, "/v1/recommendations"])
def test_a_wrong_filter_is_shown_where_it_is_wrong(client, path):
    answer = client.get(path, query_string={"filter": "price<10 AND colour=5"})

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-filter")
    assert fault(answer).items() >= {
        "pointer": "/filter", "code": "bad_filter", "column": 14
    }.items()  # fmt: skip
    assert "did you mean color?" in answer.json["detail"]


def inner(kind: str, place: object) -> str:
    """A cursor that somebody made up, sealed for the search for everything."""
    text = place if isinstance(place, str) else json.dumps(place)
    cursor = base64.urlsafe_b64encode(f"{kind}:{text}".encode()).decode()
    return seal_cursor(cursor, "", "")


@pytest.mark.parametrize(
    "cursor",
    [
        "abc", ".", "a.b", "x" * 10_000, "\x00", "ü", seal_cursor("", "", ""),
        seal_cursor("AAAA", "", ""), seal_cursor("ä.b", "", ""), inner("id", "SKU"),
        inner("change", ["x", 1]), inner("search", [1]), inner("search", ["1", "a"]),
        inner("search", [1, 2]), inner("search", [10**30, "a"]), inner("search", [1.5, "a"]),
        inner("search", '[1, "\\ud800"]'), inner("search", "[" * 5000), inner("search", "NaN"),
    ],
)  # fmt: skip
def test_a_broken_cursor_is_named(any_client, cursor):
    answer = any_client.get(URL, query_string={"cursor": cursor})

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")
    assert fault(answer)["pointer"] == "/cursor"
    assert "begin" in fault(answer)["detail"]


def test_a_cursor_belongs_to_its_search(client):
    cursor = client.get(URL, query_string={"q": "oak", "limit": 2}).json["next_cursor"]

    for other in ({"q": "ash"}, {}, {"q": "oak", "filter": "price<90"}):
        answer = client.get(URL, query_string={**other, "cursor": cursor})
        assert (answer.status_code, fault(answer)["code"]) == (400, "other_search")
    again = client.get(URL, query_string={"q": "oak", "limit": 3, "cursor": cursor})
    assert again.status_code == 200


def test_a_cursor_outlives_its_product_and_the_process(any_client, any_workspace, open_app):
    cursor = any_client.get(URL, query_string={"limit": 2}).json["next_cursor"]
    any_client.delete("/v1/item", query_string={"id": id_of(1)})

    restarted = open_app(any_workspace).test_client()

    body = restarted.get(URL, query_string={"limit": 2, "cursor": cursor}).json
    assert ids(body["items"]) == [id_of(2), id_of(3)]


hostile = st.text(
    st.characters() | st.sampled_from(list("\x00\"'\\%_*():<>=;-\x1f\ufeff\U0001f600")),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(words=hostile, text=hostile, facets=hostile, cursor=hostile)
def test_nothing_in_a_query_breaks_the_service(shared_client, words, text, facets, cursor):
    """Whatever comes, it is found or refused, and nothing of it is run as SQL."""
    query = {"q": words, "filter": text, "facets": facets, "cursor": cursor}
    kept = {name: value.encode(errors="ignore") for name, value in query.items()}
    for some in (kept, {"q": kept["q"]}, {"filter": b'brand="' + kept["filter"] + b'"'}):
        answer = shared_client.get(URL, query_string=some)
        assert answer.status_code in (200, 400), answer.text
        assert answer.is_json or answer.content_type == "application/problem+json"
    assert shared_client.get(URL).json["total"] == 36
