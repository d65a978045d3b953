"""`/v1/item`: one product is read, changed and taken out."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from recommender.catalog import embedded
from tests.small_shop import N_PRODUCTS, held, id_of, make_product

URL = "/v1/item"


def of(number):
    return {"id": id_of(number)}


def patch(client, number, **change):
    return client.patch(URL, query_string=of(number), json=change)


def recommended(client, **query):
    body = client.get("/v1/recommendations", query_string={"limit": 30, **query}).json
    return [item["id"] for item in body["items"]]


def test_a_product_as_it_is_in_the_catalog(any_client):
    answer = any_client.get(URL, query_string=of(5))

    assert answer.status_code == 200
    assert answer.json == make_product(5).model_dump(mode="json", exclude_none=True)
    assert answer.headers["Cache-Control"] == "no-cache"


def test_an_answer_that_is_still_good_is_not_sent_again(client):
    tag = client.get(URL, query_string=of(5)).headers["ETag"]
    again = {"query_string": of(5), "headers": {"If-None-Match": tag}}
    assert client.get(URL, **again).status_code == 304

    patch(client, 5, price=1)

    assert client.get(URL, **again).json["price"] == 1


def test_a_patch_is_in_the_next_answer_of_every_route(any_client):
    answer = patch(any_client, 0, price=7.25, sale_price=5, availability="preorder")

    assert answer.status_code == 200
    changed = make_product(0).model_copy(
        update={"price": 7.25, "sale_price": 5.0, "availability": "preorder"}
    )
    assert answer.json == changed.model_dump(mode="json", exclude_none=True)
    assert any_client.get(URL, query_string=of(0)).json == answer.json
    query = {"filter": "price=7.25 AND sale_price=5", "facets": "availability"}
    body = any_client.get("/v1/items", query_string=query).json
    assert body["items"] == [answer.json]
    assert body["facets"]["availability"] == [{"value": "preorder", "count": 1}]


def test_null_takes_a_price_away_and_the_rest_stays(any_client):
    assert patch(any_client, 1, price=None, currency=" usd ").status_code == 200

    kept = make_product(1).model_copy(update={"price": None, "currency": "USD"})
    answer = any_client.get(URL, query_string=of(1))
    assert answer.json == kept.model_dump(mode="json", exclude_none=True)


def test_the_same_patch_once_more_changes_nothing(any_client, any_workspace):
    first = patch(any_client, 1, price=3)
    second = any_client.patch(
        URL,
        query_string=of(1),
        data=json.dumps({"price": 3.0, "id": id_of(1)}),
        content_type="application/merge-patch+json; charset=utf-8",
    )

    assert (second.status_code, second.json) == (200, first.json)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "", "nothing_to_change"),
        ({"id": id_of(1)}, "", "nothing_to_change"),
        ({"id": id_of(2), "price": 1}, "/id", "bad_value"),
        ([], "", "not_object"),
        (None, "", "not_object"),
        ("price", "", "not_object"),
        ({"price": -1}, "/price", "bad_price"),
        ({"price": "9.99"}, "/price", "bad_price"),
        ({"price": True}, "/price", "bad_price"),
        ({"sale_price": 1e999}, "/sale_price", "bad_price"),
        ({"availability": "sold"}, "/availability", "bad_availability"),
        ({"availability": None}, "/availability", "bad_availability"),
        ({"title": "Chair"}, "/title", "unknown_field"),
        ({"avaliability": "in_stock"}, "/avaliability", "unknown_field"),
        ({"a/b~\ud800": 1}, "/a~1b~0?", "not_utf8"),
        ({"currency": 5}, "/currency", "bad_value"),
        ({"currency": "\ud800"}, "/currency", "not_utf8"),
    ],
)
def test_a_bad_patch_is_refused_and_changes_nothing(client, body, pointer, code):
    text = json.dumps(body).replace("Infinity", "1e999")
    answer = client.patch(URL, query_string=of(1), data=text, content_type="application/json")

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request"), answer.text
    (fault,) = answer.json["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert client.get(URL, query_string=of(1)).json["price"] == 29.5


@pytest.mark.parametrize(
    ("stored", "body", "pointer", "code"),
    [
        ({}, {"sale_price": 30}, "/sale_price", "sale_above_price"),
        ({}, {"price": 9, "sale_price": 9.01}, "/sale_price", "sale_above_price"),
        ({"sale_price": 20}, {"price": 19.99}, "/price", "sale_above_price"),
        ({"sale_price": 20}, {"price": None}, "/price", "sale_without_price"),
        ({"price": None}, {"sale_price": 1}, "/sale_price", "sale_without_price"),
        ({}, {"sale_price": 20, "currency": "USD"}, "/sale_price", "sale_in_other_currency"),
        ({"sale_price": 20}, {"price": 90, "currency": "USD"}, "/price", "sale_in_other_currency"),
    ],
)
def test_a_sale_that_cannot_be_is_refused(any_client, stored, body, pointer, code):
    before = patch(any_client, 1, **stored, currency="EUR").json
    answer = patch(any_client, 1, **body)

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")
    (fault,) = answer.json["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert "null as sale_price" in answer.json["detail"]
    assert any_client.get(URL, query_string=of(1)).json == before


def test_a_sale_beside_its_price(client):
    first = patch(client, 1, sale_price=20)
    assert patch(client, 1, price=20).status_code == 200
    # With both prices, or without any, a currency is that of both.
    assert patch(client, 1, currency="USD").json["sale_price"] == 20.0
    assert patch(client, 1, price=19, sale_price=18, currency="GBP").status_code == 200
    assert patch(client, 1, price=17, sale_price=None).json == {
        **{name: value for name, value in first.json.items() if name != "sale_price"},
        "price": 17.0,
        "currency": "GBP",
    }


def test_every_fault_of_a_patch_is_told(client):
    answer = patch(client, 1, price=-1, availability="sold", avaliability="in_stock")

    pointers = {fault["pointer"] for fault in answer.json["errors"]}
    assert pointers == {"/price", "/availability", "/avaliability"}
    told = {fault["pointer"]: fault["detail"] for fault in answer.json["errors"]}
    assert told["/avaliability"] == (
        "the field 'avaliability' does not exist; what can be changed is price, sale_price, "
        "currency and availability"
    )


def test_a_field_of_a_product_that_a_patch_does_not_change_is_named(client):
    answer = patch(client, 1, title="Chair")

    assert answer.json["detail"] == (
        "the field 'title' is not changed here; what can be changed is price, sale_price, "
        "currency and availability."
    )


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"price": NaN}', "application/json", 400),
        (b"[" * 9_000, "application/json", 400),
        (b'{"price": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b'{"price": 1}', "text/plain", 415),
        (b'{"price": 1}', None, 415),
        (b"price=1", "application/x-www-form-urlencoded", 415),
        (b" " * 10_001, "application/json", 413),
    ],
)
def test_a_body_that_is_no_patch(client, data, kind, status):
    answer = client.patch(URL, query_string=of(1), data=data, content_type=kind)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_product_that_is_not_there(any_client, method):
    for item_id in ("nobody", "\x00", "ü" * 128, "a' OR '1'='1"):
        answer = any_client.open(
            URL, method=method, query_string={"id": item_id}, json={"price": 1}
        )
        assert (answer.status_code, answer.json["type"]) == (404, "not-found"), item_id
        assert answer.json["errors"][0]["pointer"] == "/id"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_parameter"),
        ("id=", "bad_value"),
        (f"id={'a' * 257}", "bad_value"),
        ("id=a&id=b", "repeated_parameter"),
        ("item_id=a", "unknown_parameter"),
    ],
)
def test_the_id_is_checked(client, method, query, code):
    answer = client.open(f"{URL}?{query}", method=method, json={"price": 1})

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")
    assert answer.json["errors"][0]["code"] == code


def test_a_deleted_product_is_gone_everywhere(any_client):
    answer = any_client.delete(URL, query_string=of(8))

    assert (answer.status_code, answer.data) == (204, b"")
    assert any_client.get(URL, query_string=of(8)).status_code == 404
    assert any_client.delete(URL, query_string=of(8)).status_code == 404
    assert patch(any_client, 8, price=1).status_code == 404
    body = any_client.get("/v1/items", query_string={"q": "no. 8"}).json
    assert id_of(8) not in [item["id"] for item in body["items"]]
    assert any_client.get("/v1/items").json["total"] == 35


def test_ids_with_anything_in_them(any_client):
    item_id = "gid://shopify/Product/1?a=b&c=%2F#ä 😀'\"\\"
    product = {"id": item_id, "title": "Odd"}
    assert any_client.post("/v1/items", json=product).json["added"] == 1

    answer = any_client.patch(URL, query_string={"id": item_id}, json={"price": 1})

    lists = {"product_type": [], "additional_image_link": [], "attributes": {}}
    assert answer.json == {**product, **lists, "price": 1.0, "availability": "in_stock"}
    assert any_client.delete(URL, query_string={"id": item_id}).status_code == 204


def test_patches_at_the_same_time_lose_nothing(any_client, any_workspace):
    """Each thread changes its own field of one product."""
    app = any_client.application
    changes = [{"price": 1.5}, {"sale_price": 0.5}, {"availability": "backorder"},
               {"currency": "SEK"}]  # fmt: skip

    def send(change):
        return app.test_client().patch(URL, query_string=of(9), json=change).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, changes)) == {200}

    shown = any_client.get(URL, query_string=of(9)).json
    for change in changes:
        assert shown.items() >= change.items()


def test_what_sells_out_is_not_in_the_next_recommendation(client):
    assert recommended(client)[0] == id_of(0)

    patch(client, 0, availability="out_of_stock")
    assert id_of(0) not in recommended(client)
    assert id_of(0) not in recommended(client, item_id=id_of(1))

    patch(client, 0, availability="in_stock", price=2)
    body = client.get("/v1/recommendations", query_string={"limit": 1}).json
    assert (body["items"][0]["id"], body["items"][0]["price"]) == (id_of(0), 2)


def test_what_is_deleted_is_not_in_the_next_recommendation(client):
    """Viewed or not: nothing breaks when the product of the page is gone."""
    client.delete(URL, query_string=of(0))

    assert id_of(0) not in recommended(client)
    assert id_of(0) not in recommended(client, item_id=[id_of(4), id_of(0)])
    body = client.get("/v1/recommendations", query_string={"item_id": id_of(0)}).json
    assert body["items"]
    assert client.get(f"/product?id={id_of(0)}").status_code == 404

    client.post("/v1/items", json=make_product(0).model_dump())
    assert recommended(client)[0] == id_of(0)


def test_when_every_product_is_taken_out_none_is_recommended(client, workspace, open_app):
    for number in range(N_PRODUCTS):
        assert client.delete(URL, query_string=of(number)).status_code == 204
    assert recommended(client) == []
    assert recommended(open_app(workspace).test_client()) == []

    client.post("/v1/items", json=make_product(1).model_dump())
    assert recommended(client) == [id_of(1)]


def test_a_filter_goes_by_the_price_of_a_patch_before(client):
    query = {"filter": "price<5", "limit": 5}
    assert recommended(client, **query) == []

    patch(client, 11, price=4.5)

    assert recommended(client, **query) == [id_of(11)]


def test_a_changed_answer_has_another_etag(client):
    url = "/v1/recommendations?item_id=SKU%2001/a"
    tag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304

    patch(client, 0, price=1)

    assert client.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_patch_while_another_program_holds_the_catalog(client, workspace, monkeypatch):
    """It is put off with a time to come again."""
    monkeypatch.setattr(embedded, "TURN_WITHIN_S", 0.2)
    with held(workspace.catalog_path):
        answer = patch(client, 2, price=1)

    assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable")
    assert "another program" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert patch(client, 2, price=1).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_no_proxy_lets_others_change_products(client, header):
    for method, url in (("PATCH", URL), ("DELETE", URL), ("POST", "/v1/items")):
        answer = client.open(
            url,
            method=method,
            query_string={} if method == "POST" else of(1),
            json={"id": "x", "title": "x", "price": 1} if method == "POST" else {"price": 1},
            headers={header: "203.0.113.9"},
        )
        assert (answer.status_code, answer.json["type"]) == (403, "forbidden-origin")
    assert client.get(URL, query_string=of(1)).json["price"] == 29.5


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_no_other_sites_page_changes_products(client, headers):
    for method in ("PATCH", "DELETE"):
        answer = client.open(
            URL, method=method, query_string=of(1), json={"price": 1}, headers=headers
        )
        assert (answer.status_code, answer.json["type"]) == (403, "forbidden-origin")
