"""`GET /v1/recommendations` over HTTP."""

import pytest

from recommender.serving.versions import publish
from tests.small_mixture import write_mixture
from tests.small_shop import id_of, served

URL = "/v1/recommendations"


@pytest.fixture
def ask(client):
    def get(**parameters):
        return client.get(URL, query_string=parameters)

    return get


def test_the_answer_has_products_with_everything_a_widget_shows(ask):
    body = ask(placement="pdp-similar", item_id=id_of(9), limit=3).json

    assert body["placement"] == "pdp-similar"
    assert body["model"]["name"] == "popularity"
    assert [item["id"] for item in body["items"]] == [id_of(0), id_of(1), id_of(2)]
    assert body["items"][0] | {"score": None} == {
        "id": id_of(0),
        "rank": 1,
        "score": None,
        "source": "model",
        "cold": False,
        "reason": {"type": "popular", "item_id": None, "text": "Popular in this shop"},
        "title": "Oak chair no. 0",
        "link": "/product?id=SKU%2000%2Fa",
        "image_link": "/pictures/0.svg",
        "price": 19.5,
        "sale_price": None,
        "currency": "EUR",
        "availability": "in_stock",
        "brand": "Waldhaus",
    }


def test_intents_come_when_asked_for(ask):
    assert ask(item_id=id_of(9)).json["intents"] is None
    assert ask(item_id=id_of(9), explain="false").json["intents"] is None
    assert ask(item_id=id_of(9), explain="true").json["intents"] == []
    refused = ask(item_id=id_of(9), explain="yes")
    assert refused.status_code == 400
    assert refused.json["errors"][0]["pointer"] == "/explain"


def test_an_unsure_model_leaves_it_to_best_sellers(workspace, open_app):
    """The service takes its threshold from the workspace's settings."""
    publish(workspace.models_dir, write_mixture(workspace), keep=5)
    for threshold, reason in ((0.5, None), (0.9, "uncertain")):
        workspace.settings_path.write_text(f"[serve]\nmin_certainty = {threshold}\n")
        client = open_app(workspace).test_client()
        body = client.get(URL, query_string={"item_id": id_of(9)}).json
        assert body["fallback"]["reason"] == reason
        assert body["certainty"] == pytest.approx(0.7311)


def test_the_last_viewed_excluded_and_sold_out_products_never_come(ask):
    body = ask(item_id=[id_of(1), id_of(0)], exclude_item_id=[id_of(2), id_of(4)]).json

    ids = [item["id"] for item in body["items"]]
    assert len(ids) == 10
    assert not {id_of(0), id_of(2), id_of(3), id_of(4)} & set(ids)
    assert id_of(1) in ids


def test_a_category_is_kept_to_as_long_as_it_has_products(ask):
    body = ask(item_id=id_of(9), category="Furniture > Tables", limit=5).json

    assert [item["id"] for item in body["items"]] == [id_of(n) for n in (1, 4, 10, 13, 16)]


def test_an_unknown_item_gets_a_fallback_and_is_named(ask):
    answer = ask(item_id="never heard of ☕")

    assert answer.status_code == 200
    assert answer.json["missing_ids"] == ["never heard of ☕"]
    assert answer.json["fallback"] == {"used": True, "chain": ["popular"], "reason": None}
    assert len(answer.json["items"]) == 10


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("plcement=home", "plcement", "unknown_parameter"),
        ("limit=0", "limit", "bad_value"),
        ("limit=101", "limit", "bad_value"),
        ("limit=ten", "limit", "bad_value"),
        ("limit=٣", "limit", "bad_value"),
        ("limit=" + "9" * 5000, "limit", "bad_value"),
        ("limit=5&limit=6", "limit", "repeated_parameter"),
        ("item_id=", "item_id", "bad_value"),
        ("item_id=" + "x" * 257, "item_id", "bad_value"),
        ("&".join(["item_id=a"] * 201), "item_id", "too_many_values"),
        ("rules=off", "rules", "unknown_parameter"),
        ("trace=1", "trace", "unknown_parameter"),
    ],
)
def test_what_is_unknown_or_wrong_is_refused(client, query, parameter, code):
    answer = client.get(f"{URL}?{query}")

    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.json["type"] == "invalid-request"
    (error,) = answer.json["errors"]
    assert (error["pointer"], error["code"]) == (f"/{parameter}", code)
    assert set(error) == {"pointer", "code", "detail"}


def test_an_unknown_parameter_names_the_nearest(client):
    answer = client.get(f"{URL}?plcement=home&itemid=a")

    assert [error["detail"] for error in answer.json["errors"]] == [
        "the parameter 'plcement' is unknown; the nearest is 'placement'",
        "the parameter 'itemid' is unknown; the nearest is 'item_id'",
    ]


def test_thousands_of_unknown_parameters_are_not_all_told(client):
    answer = client.get(f"{URL}?" + "&".join(f"a{number}=" for number in range(5000)))

    assert answer.status_code == 400
    assert len(answer.json["errors"]) == 20


def test_several_items_are_one_visitors_own(ask):
    answer = ask(item_id=[id_of(1), id_of(2)])

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in answer.headers


@pytest.mark.parametrize("n_items", [0, 1])
def test_up_to_one_item_is_everybodys_and_has_a_lasting_etag(ask, n_items):
    ids = [id_of(number) for number in range(n_items)]
    first, second = ask(item_id=ids), ask(item_id=ids)

    assert first.headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=600"
    assert first.json["recommendation_id"] != second.json["recommendation_id"]
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["ETag"] != ask(item_id=ids, limit=3).headers["ETag"]


def test_an_answer_that_the_caller_has_is_not_sent_and_not_noted_again(client, workspace):
    url = f"{URL}?placement=home"
    tag = client.get(url).headers["ETag"]

    answer = client.get(url, headers={"If-None-Match": f'"other", {tag}'})

    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"].startswith("public")
    assert client.head(url).status_code == 200
    assert len(served(workspace)) == 1


def test_what_was_shown_is_noted_without_a_person(client, workspace, app):
    body = client.get(
        URL,
        query_string={"item_id": id_of(9), "limit": 2, "page_view_id": "pv1"},
        headers={"User-Agent": "Secret/1.0"},
    ).json

    (line,) = served(workspace)
    assert line["time"].startswith("20")
    assert line | {"time": None} == {
        "schema_version": 1,
        "recommendation_id": body["recommendation_id"],
        "time": None,
        "placement": "default",
        "page_view_id": "pv1",
        "model": body["model"],
        "items": [id_of(0), id_of(1)],
        "sources": ["model", "model"],
    }


def test_a_visitor_gets_the_answer_also_when_it_cannot_be_noted(client, workspace, caplog):
    workspace.served_dir.write_text("a file where the folder should be")

    assert client.get(URL).status_code == 200
    assert "what was shown is not kept" in caplog.text


def test_a_filter_keeps_the_row_full(ask, client):
    every = client.get("/v1/items", query_string={"limit": 100}).json["items"]
    lamps = {item["id"] for item in every if "Lamps" in item["product_type"]}
    shown = ask(item_id=id_of(0), limit=5, filter='product_type="Lamps"').json["items"]
    assert len(shown) == 5
    assert {item["id"] for item in shown} <= lamps
    cheap = ask(item_id=id_of(0), limit=100, filter="price<60").json["items"]
    assert cheap
    assert all(item["price"] < 60 for item in cheap)
    assert ask(item_id=id_of(0), filter='brand="nobody"').json["items"] == []
