"""The catalog over HTTP against a dictionary: whatever is done to both, they hold the same."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.app import create_app
from webapp.service import service_of

IDS = ["a", "b/c", "B", "é", "z z", "gid://x/1"]

prices = st.none() | st.sampled_from([0.0, 1.5, 99.0])
stock = st.sampled_from(["in_stock", "out_of_stock", "preorder"])
some_id = st.sampled_from(IDS)
product = st.fixed_dictionaries(
    {"id": some_id, "title": st.sampled_from(["Oak chair", "Ash chair", "Oak table", ""])},
    optional={"price": prices, "availability": stock, "brand": st.sampled_from(["Hill", "Dale"])},
)
change = st.fixed_dictionaries({}, optional={"price": prices, "availability": stock})
steps = st.lists(
    st.tuples(st.just("POST"), st.lists(product, max_size=5))
    | st.tuples(st.just("PATCH"), some_id, change)
    | st.tuples(st.just("DELETE"), some_id)
    | st.tuples(st.just("again"), st.integers(0, 9)),
    max_size=12,
)


class Twin:
    """What the catalog should hold."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}

    def post(self, products: list[dict[str, Any]]) -> dict[str, int]:
        good = [one for one in products if one["title"]]
        last = {one["id"]: one for one in good}
        counts = dict.fromkeys(("added", "changed", "unchanged"), 0)
        for item_id, one in last.items():
            whole = {"availability": "in_stock", **one}
            whole = {name: value for name, value in whole.items() if value is not None}
            before = self.there.get(item_id)
            what = "added" if before is None else "unchanged" if before == whole else "changed"
            counts[what] += 1
            self.there[item_id] = whole
        duplicates = len(good) - len(last)
        return {**counts, "duplicates": duplicates, "rejected": len(products) - len(good)}

    def patch(self, item_id: str, change: dict[str, Any]) -> int:
        if not change:
            return 400
        if item_id not in self.there:
            return 404
        whole = {**self.there[item_id], **change}
        self.there[item_id] = {name: value for name, value in whole.items() if value is not None}
        return 200

    def delete(self, item_id: str) -> int:
        return 204 if self.there.pop(item_id, None) else 404


def do(client: FlaskClient, twin: Twin, step: Any) -> None:
    """One step on both, with the same outcome."""
    if step[0] == "POST":
        body = client.post("/v1/items", json=step[1]).json
        assert len(body.pop("errors")) == body["rejected"]
        assert body == twin.post(step[1])
        return
    json = step[2] if step[0] == "PATCH" else None
    answer = client.open("/v1/item", method=step[0], query_string={"id": step[1]}, json=json)
    expected = twin.patch(step[1], step[2]) if step[0] == "PATCH" else twin.delete(step[1])
    assert answer.status_code == expected, answer.text


def listed(client: FlaskClient, limit: int, **query: str) -> list[dict[str, Any]]:
    """All pages of a search, without what no product here has."""
    found, cursor = [], ""
    while cursor is not None:
        body = client.get(
            "/v1/items", query_string={**query, "limit": limit, "cursor": cursor}
        ).json
        found += body["items"]
        cursor = body["next_cursor"]
    empty = ("additional_image_link", "product_type", "attributes")
    return [{name: v for name, v in one.items() if name not in empty} for one in found]


@pytest.fixture(scope="module")
def empty_client(tmp_path_factory):
    root = tmp_path_factory.mktemp("model") / "shop"
    root.mkdir()
    (root / "recommender.toml").write_text("schema_version = 1\n")
    app = create_app(root)
    yield app.test_client()
    service_of(app).close()


@settings(max_examples=30, deadline=None)
@given(steps=steps, limit=st.integers(1, 4))
def test_the_catalog_is_what_was_done_to_it(empty_client, steps, limit):
    client, twin = empty_client, Twin()
    for item_id in IDS:
        client.delete("/v1/item", query_string={"id": item_id})
    done: list[Any] = []
    for step in steps:
        if step[0] == "again":
            step = done[step[1] % len(done)] if done else ("POST", [])
        do(client, twin, step)
        done.append(step)

        table = service_of(client.application).catalog.table()
        assert set(table.ids) == set(twin.there)
        in_order = [twin.there[item_id] for item_id in sorted(twin.there)]
        assert listed(client, limit) == in_order
    for item_id in IDS:
        answer = client.get("/v1/item", query_string={"id": item_id})
        assert answer.status_code == (200 if item_id in twin.there else 404)
    cheap = [one for one in in_order if one.get("price", 100) < 50] if steps else []
    assert listed(client, limit, filter="price<50") == cheap
    oaks = {one["id"] for one in twin.there.values() if "Oak" in one["title"]}
    assert {one["id"] for one in listed(client, limit, q="oak")} == oaks
