"""`POST /v1/items`: many products at a time."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from recommender.catalog.product import MAX_ENTRIES
from tests.small_shop import id_of, make_product
from webapp.api.item_schemas import MAX_TEXT
from webapp.api.items import LIMITS

URL = "/v1/items"
CHAIR = {"id": "c1", "title": "Chair"}


def post(client, body):
    """Send JSON that may hold what `json=` would refuse to write."""
    return client.post(URL, data=json.dumps(body), content_type="application/json")


def counts(answer):
    names = ("added", "changed", "unchanged", "duplicates", "rejected")
    assert answer.status_code == 200, answer.text
    return tuple(answer.json[name] for name in names)


def product(client, item_id="c1"):
    return client.get("/v1/item", query_string={"id": item_id}).json


def test_products_are_added_replaced_and_left_alone(any_client):
    same, other = (make_product(n).model_dump(mode="json") for n in (1, 2))
    body = [CHAIR, same, {**other, "title": "Larch table", "description": None}]

    assert counts(any_client.post(URL, json=body)) == (1, 1, 1, 0, 0)
    assert counts(any_client.post(URL, json=body)) == (0, 0, 3, 0, 0)

    shown = product(any_client, id_of(2))
    assert shown["title"] == "Larch table"
    assert "description" not in shown, "a whole product takes the place of the old one"
    assert any_client.get(URL, query_string={"q": "chair c1"}).json["total"] == 1
    assert any_client.get(URL).json["total"] == 37


def test_what_was_read_can_be_sent_back(any_client):
    listed = any_client.get(URL, query_string={"limit": 100}).json["items"]

    assert counts(any_client.post(URL, json=listed)) == (0, 0, 36, 0, 0)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(CHAIR), "application/json"),
        (json.dumps([CHAIR]), "application/json; charset=utf-8"),
        ("\ufeff" + json.dumps(CHAIR), "application/json"),
        (f"\n{json.dumps(CHAIR)}\r\n\n", "application/x-ndjson"),
        (json.dumps(CHAIR), "application/jsonl"),
    ],
)
def test_every_way_to_send_one_product(client, body, kind):
    answer = client.post(URL, data=body.encode(), content_type=kind)

    assert counts(answer) == (1, 0, 0, 0, 0)
    assert product(client)["title"] == "Chair"


def test_of_a_product_that_comes_twice_the_last_counts(any_client):
    body = [CHAIR, {**CHAIR, "price": 1}, {**CHAIR, "title": 5}, {**CHAIR, "price": 2}]

    assert counts(any_client.post(URL, json=body)) == (1, 0, 0, 2, 1)
    assert product(any_client)["price"] == 2


def test_a_bad_product_keeps_back_itself_only(any_client):
    lines = [
        json.dumps(CHAIR),
        "{broken",
        "7",
        json.dumps({"id": "c2"}),
        json.dumps({"id": "c3", "title": "Stool", "price": "9.99 EUR"}),
        json.dumps({"id": "c4", "title": "Bench"}),
    ]

    answer = any_client.post(URL, data="\n".join(lines), content_type="application/x-ndjson")

    assert counts(answer) == (2, 0, 0, 0, 4)
    told = [(e["index"], e["id"], e["code"], e["pointer"]) for e in answer.json["errors"]]
    assert told == [
        (1, None, "not_json", ""),
        (2, None, "not_object", ""),
        (3, "c2", "missing_title", "/title"),
        (4, "c3", "bad_price", "/price"),
    ]
    assert product(any_client, "c4")["title"] == "Bench"


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"id": None}, "/id", "missing_id"),
        ({"id": " "}, "/id", "missing_id"),
        ({"id": 5}, "/id", "bad_value"),
        ({"id": "ä" * 129}, "/id", "id_too_long"),
        ({"id": "a\nb"}, "/id", "bad_value"),
        ({"id": "\ud800"}, "/id", "not_utf8"),
        ({"title": None}, "/title", "missing_title"),
        ({"title": "<p> </p>"}, "/title", "missing_title"),
        ({"title": ["Chair"]}, "/title", "bad_value"),
        ({"title": "a\udfff"}, "/title", "not_utf8"),
        ({"title": "x" * (MAX_TEXT + 1)}, "/title", "text_too_long"),
        ({"description": "<b>" * 6_000}, "/description", "too_much_markup"),
        ({"price": "9.99"}, "/price", "bad_price"),
        ({"price": True}, "/price", "bad_price"),
        ({"price": -0.01}, "/price", "bad_price"),
        ({"sale_price": [1]}, "/sale_price", "bad_price"),
        ({"sale_price": 9}, "/sale_price", "sale_without_price"),
        ({"price": 9, "sale_price": 9.01}, "/sale_price", "sale_above_price"),
        ({"availability": "in stock"}, "/availability", "bad_availability"),
        ({"link": "javascript:alert(1)"}, "/link", "bad_link"),
        ({"link": " JaVaScRiPt:alert(1)"}, "/link", "bad_link"),
        ({"link": "http://["}, "/link", "bad_link"),
        ({"image_link": "data:text/html,x"}, "/image_link", "bad_link"),
        ({"image_link": "java\tscript:x"}, "/image_link", "bad_link"),
        ({"additional_image_link": ["/1", "vbscript:x"]}, "/additional_image_link", "bad_link"),
        ({"additional_image_link": "/1"}, "/additional_image_link", "bad_value"),
        ({"product_type": ["a"] * (MAX_ENTRIES + 1)}, "/product_type", "too_many_values"),
        ({"product_type": ["a", 5]}, "/product_type/1", "bad_value"),
        ({"attributes": {"a": 5}}, "/attributes/a", "bad_value"),
        ({"attributes": {"": "x"}}, "/attributes", "bad_value"),
        ({"attributes": {"a" * 257: "x"}}, "/attributes", "bad_value"),
        ({"attributes": {"\ud800": "x"}}, "/attributes", "not_utf8"),
        ({"attributes": [["a", "b"]]}, "/attributes", "bad_value"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"\ud800": "red"}, "/?", "not_utf8"),
        ({"x" * 5_000: 1}, f"/{'x' * 60}…", "unknown_field"),
        ({"id": "x" * 5_000}, "/id", "id_too_long"),
    ],
)
def test_what_a_product_may_not_be(client, change, pointer, code):
    answer = post(client, [CHAIR | {"id": "good"}, {**CHAIR, **change}])

    assert counts(answer) == (1, 0, 0, 0, 1)
    (error,) = answer.json["errors"]
    assert (error["index"], error["pointer"], error["code"]) == (1, pointer, code)
    assert len(json.dumps(error)) < 1_000, "a fault is not repeated at its length"
    assert client.get(URL).json["total"] == 37


def test_texts_are_read_as_a_feeds_texts_are(any_client):
    body = {
        "id": " c1 ",
        "title": "<b>Oak</b> &amp; iron<script>alert(1)</script>",
        "description": "<p>Solid.</p><p>5 &lt; 6</p>",
        "brand": "  ",
        "product_type": "Furniture > Chairs",
        "currency": "eur",
        "image_link": " https://cdn.example/1.jpg ",
        "additional_image_link": ["/2.jpg", ""],
        "attributes": {"Seat": "<i>cane</i>", "empty": ""},
    }

    assert counts(any_client.post(URL, json=body)) == (1, 0, 0, 0, 0)

    assert product(any_client) == {
        "id": "c1",
        "title": "Oak & iron",
        "description": "Solid. 5 < 6",
        "product_type": ["Furniture", "Chairs"],
        "currency": "EUR",
        "image_link": "https://cdn.example/1.jpg",
        "additional_image_link": ["/2.jpg"],
        "availability": "in_stock",
        "attributes": {"Seat": "cane"},
    }
    query = {"filter": 'attributes.Seat="cane"', "facets": "attributes.Seat"}
    shown = any_client.get(URL, query_string=query).json
    assert shown["total"] == 1
    assert shown["facets"]["attributes.Seat"] == [{"value": "cane", "count": 1}]


def test_500_products_and_no_more(client):
    products = [{"id": f"n{number}", "title": "Nail"} for number in range(501)]

    for kind, body in (
        ("application/json", json.dumps(products)),
        ("application/x-ndjson", "\n".join(map(json.dumps, products))),
    ):
        answer = client.post(URL, data=body, content_type=kind)
        assert (answer.status_code, answer.json["type"]) == (413, "payload-too-large")
        assert "500" in answer.json["detail"]
    assert client.get(URL).json["total"] == 36
    assert counts(client.post(URL, json=products[:500])) == (500, 0, 0, 0, 0)


def test_five_megabytes_and_no_more(client):
    text = json.dumps(CHAIR).encode()
    fits = text + b" " * (LIMITS.max_bytes - len(text))

    assert client.post(URL, data=fits, content_type="application/json").status_code == 200
    answer = client.post(URL, data=fits + b" ", content_type="application/json")
    assert (answer.status_code, answer.json["type"]) == (413, "payload-too-large")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"price": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_refused(client, body):
    answer = client.post(URL, data=body, content_type="application/json")

    assert (answer.status_code, answer.json["type"]) == (400, "invalid-request")
    assert answer.json["errors"][0]["code"] == "not_json"


@pytest.mark.parametrize("kind", [None, "text/plain", "text/csv", "application/xml"])
def test_other_content_types_are_refused(client, kind):
    """`text/plain` too: a page of another site could send it without asking first."""
    answer = client.post(URL, data=json.dumps(CHAIR), content_type=kind)

    assert (answer.status_code, answer.json["type"]) == (415, "invalid-request")
    assert "application/json" in answer.json["detail"]


def test_a_compressed_body_is_refused_as_such(client):
    """A small one may hold gigabytes."""
    body = gzip.compress(json.dumps(CHAIR).encode())
    kinds = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for url in (URL, "/v1/events"):
        answer = client.post(url, data=body, headers=kinds)
        assert (answer.status_code, answer.json["type"]) == (415, "invalid-request")
        assert "compressed" in answer.json["detail"]


def test_no_products_are_no_error(client):
    assert counts(client.post(URL, json=[])) == (0, 0, 0, 0, 0)


def test_a_new_product_is_in_the_next_answer(client):
    body = make_product(0).model_copy(update={"title": "Renamed"}).model_dump(mode="json")

    client.post(URL, json=body)

    first = client.get("/v1/recommendations", query_string={"limit": 1}).json["items"][0]
    assert (first["id"], first["title"]) == (id_of(0), "Renamed")
    assert "Renamed" in client.get("/product", query_string={"id": id_of(0)}).text


def test_many_writers_at_the_same_time(any_client):
    """Every product is there as one of its writers sent it, and the counts add up."""
    app = any_client.application

    def send(writer):
        body = [{"id": f"n{n}", "title": f"Nail {writer}", "price": writer} for n in range(50)]
        return counts(app.test_client().post(URL, json=body))

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(send, range(4)))

    assert sum(added for added, *_ in done) >= 50
    assert all(sum(of_one[:3]) == 50 for of_one in done)
    for number in range(50):
        shown = product(any_client, f"n{number}")
        assert shown["title"] == f"Nail {shown['price']:.0f}"


def test_a_catalog_that_is_gone_is_told_with_a_time_to_come_again(client, workspace):
    for path in workspace.root.glob("catalog.sqlite*"):
        path.unlink()

    for method, url in (("POST", URL), ("GET", URL), ("DELETE", "/v1/item?id=a")):
        answer = client.open(url, method=method, json=CHAIR)
        assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert not workspace.catalog_path.exists(), "no second, empty catalog is made in its place"
