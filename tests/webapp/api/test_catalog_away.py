"""The catalog's routes while an Elasticsearch is away, or does not want to."""

from copy import deepcopy
from typing import Any

import pytest

pytest.importorskip("elasticsearch")

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_documents import INDEX
from recommender.workspace import Workspace
from tests.small_shop import id_of, make_product
from webapp.service import service_of

pytestmark = [
    pytest.mark.elastic,
    pytest.mark.parametrize("any_workspace", ["elasticsearch"], indirect=True),
]

ITEM = {"id": id_of(1)}


def name_hosts(workspace: Workspace, url: str) -> None:
    """Let the shop look for its catalog elsewhere, under the same name."""
    lines = workspace.settings_path.read_text("utf-8").splitlines()
    kept = [f'hosts = ["{url}"]' if line.startswith("hosts") else line for line in lines]
    workspace.settings_path.write_text("\n".join(kept) + "\n")


def test_reading_goes_on_from_the_copy_and_writing_is_refused(any_workspace, open_app):
    service_of(open_app(any_workspace)).close()
    name_hosts(any_workspace, "http://127.0.0.1:9")
    client = open_app(any_workspace).test_client()

    found = client.get("/v1/items", query_string={"q": "oak", "facets": "brand", "limit": 2}).json
    assert found["total"] > 2
    assert found["facets"]["brand"][0]["count"] == found["total"]
    assert client.get("/v1/item", query_string=ITEM).json["price"] == 29.5
    for method, url, body in (
        ("PATCH", "/v1/item", {"price": 1}),
        ("DELETE", "/v1/item", None),
        ("POST", "/v1/items", {"id": "c1", "title": "Chair"}),
    ):
        query = ITEM if url == "/v1/item" else {}
        answer = client.open(url, method=method, query_string=query, json=body)
        assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable")
        assert answer.json["title"] == "The catalog cannot do this now"
        assert "cannot be reached" in answer.json["detail"]
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/v1/item", query_string=ITEM).json["price"] == 29.5


def test_a_slip_in_the_name_of_the_index_is_told_and_makes_none(
    any_workspace, open_app, elasticsearch_url, caplog
):
    text = any_workspace.settings_path.read_text("utf-8")
    any_workspace.settings_path.write_text(text.replace('index = "test-', 'index = "tset-'))
    app = open_app(any_workspace)
    client, (server, alias) = app.test_client(), server_of(app)
    problem = f"there is no catalog {alias} in Elasticsearch at {elasticsearch_url}; "
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    assert problem in ready.json["catalog"]["problem"]
    assert f"{problem}run: recommender import items FILE; until then ids alone" in caplog.text
    shown = client.get("/v1/recommendations?limit=3").json["items"]
    assert [item["title"] for item in shown] == [None] * 3
    assert client.get("/v1/items").json["total"] == 0
    assert client.patch("/v1/item", query_string=ITEM, json={"price": 1}).status_code == 503
    assert client.delete("/v1/item", query_string=ITEM).status_code == 503
    assert client.post("/v1/items", json={"id": "nothing but an id"}).json["rejected"] == 1
    assert not server.indices.exists_alias(name=alias)

    # Its first products make it; that it was there once is remembered.
    first = client.post("/v1/items", json={"id": id_of(1), "title": "Oak"})
    assert (first.status_code, first.json["added"]) == (200, 1)
    assert client.get("/readyz").json["status"] == "ready"
    server.indices.delete(index=f"{alias}-00000000t000000000000z")
    again = client.post("/v1/items", json={"id": id_of(2), "title": "Ash"})
    assert (again.status_code, problem in again.json["detail"]) == (503, True)
    assert client.get("/readyz").json["catalog"]["products"] == 1


def test_a_cursor_of_the_server_goes_on_in_the_copy(any_workspace, open_app):
    app = open_app(any_workspace)
    query = {"q": "oak", "limit": 3}
    first = app.test_client().get("/v1/items", query_string=query).json
    whole = app.test_client().get("/v1/items", query_string={"q": "oak", "limit": 100}).json
    service_of(app).close()
    name_hosts(any_workspace, "http://127.0.0.1:9")

    client = open_app(any_workspace).test_client()
    query["cursor"] = first["next_cursor"]
    second = client.get("/v1/items", query_string=query).json
    assert second["items"] == whole["items"][3:6]


def server_of(app: Any) -> tuple[Any, str]:
    """The server's client, and the alias of the shop's index."""
    catalog = service_of(app).catalog.catalog
    assert isinstance(catalog, ElasticsearchCatalog)
    return catalog.connection.writer(), catalog.alias


def test_a_server_whose_disk_is_full_is_a_503_that_says_so(any_workspace, open_app):
    app = open_app(any_workspace)
    client, (server, alias) = app.test_client(), server_of(app)
    block = {"index.blocks.read_only_allow_delete": True}
    server.indices.put_settings(index=alias, settings=block)

    for answer in (
        client.patch("/v1/item", query_string=ITEM, json={"price": 1}),
        client.post("/v1/items", json={"id": "c1", "title": "Chair"}),
    ):
        assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable")
        assert "disk is nearly full" in answer.json["detail"]
    assert client.get("/v1/item", query_string=ITEM).json["price"] == 29.5

    server.indices.put_settings(index=alias, settings=dict.fromkeys(block))
    assert client.patch("/v1/item", query_string=ITEM, json={"price": 1}).status_code == 200


def test_a_product_that_the_server_refuses_keeps_back_itself_only(any_workspace, open_app):
    """Another program made the index, with a mapping that is not ours."""
    first = open_app(any_workspace)
    server, alias = server_of(first)
    mapping = deepcopy(INDEX)
    mapping["mappings"]["properties"]["size"] = {"type": "integer"}
    server.indices.delete(index=next(iter(server.indices.get_alias(name=alias))))
    server.indices.create(index=f"{alias}-other", aliases={alias: {}}, **mapping)
    client = first.test_client()

    body = [
        {"id": "c1", "title": "Chair", "size": "5"},
        {"id": "c2", "title": "Chair", "price": "dear"},
        {"id": "c3", "title": "Chair", "size": "large"},
        make_product(1).model_dump(mode="json"),
    ]
    answer = client.post("/v1/items", json=body)

    assert answer.status_code == 200
    assert (answer.json["added"], answer.json["rejected"]) == (2, 2)
    told = [(e["index"], e["id"], e["code"]) for e in answer.json["errors"]]
    assert told == [(1, "c2", "bad_price"), (2, "c3", "store_refused")]
    assert "failed to parse field [size]" in answer.json["errors"][1]["detail"]
    assert client.get("/v1/item", query_string={"id": "c1"}).status_code == 200
    assert client.get("/v1/item", query_string={"id": "c3"}).status_code == 404
