"""`GET /v1/items` over HTTP."""

import pytest

from tests.small_shop import id_of

URL = "/v1/items"


def test_every_product_comes_once_page_by_page(client):
    ids, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        body = client.get(URL, query_string={"limit": 10, "cursor": cursor or ""}).json
        ids += [item["id"] for item in body["items"]]
        cursor, pages = body["next_cursor"], pages + 1

    assert ids == [id_of(number) for number in range(36)]
    assert pages == 4


def test_a_product_has_what_its_feed_gave(client):
    (item,) = client.get(URL, query_string={"id": id_of(5)}).json["items"]

    assert item["product_type"] == ["Lighting", "Lamps"]
    assert item["price"] == 69.5
    assert "image_link" not in item


def test_ids_come_in_the_order_asked_for_without_the_unknown(client):
    body = client.get(URL, query_string={"id": [id_of(7), "nobody", id_of(1)]}).json

    assert [item["id"] for item in body["items"]] == [id_of(7), id_of(1)]
    assert body["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("limit=0", "limit"), ("cursor=abc", "cursor"), ("q=oak", "q"), ("id=", "id")],
)
def test_bad_parameters_are_refused(client, query, parameter):
    answer = client.get(f"{URL}?{query}")

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")
    assert answer.json["errors"][0]["pointer"] == f"/{parameter}"


def test_a_filter_leaves_products_out_page_by_page(client):
    every = [item for page in pages(client) for item in page]
    lamps = [item["id"] for item in every if "Lamps" in item["product_type"]]
    assert 3 < len(lamps) < len(every)
    found = list(pages(client, filter='product_type="Lamps"', limit=3))
    assert [item["id"] for page in found for item in page] == lamps
    assert all(len(page) == 3 for page in found[:-1])
    answer = client.get(URL, query_string={"filter": 'brand="nobody"'})
    assert answer.json == {"items": [], "next_cursor": None}


def pages(client, **parameters):
    cursor = ""
    while cursor is not None:
        body = client.get(URL, query_string={**parameters, "cursor": cursor}).json
        yield body["items"]
        cursor = body["next_cursor"]


@pytest.mark.parametrize("path", [URL, "/v1/recommendations"])
def test_a_wrong_filter_is_shown_where_it_is_wrong(client, path):
    answer = client.get(path, query_string={"filter": "price<10 AND colour=5"})
    assert answer.status_code == 400
    assert answer.json["type"] == "invalid-filter"
    (fault,) = answer.json["errors"]
    assert (fault["pointer"], fault["code"], fault["column"]) == ("/filter", "bad_filter", 14)
    assert "did you mean color?" in answer.json["detail"]
