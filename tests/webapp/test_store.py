"""Writes through the service whose catalog is slow, or whose changes cannot be read."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import ProductPatch
from recommender.catalog.table import CatalogCache
from recommender.errors import CatalogError
from tests.small_shop import id_of, make_product, wait_for
from webapp import store as store_module
from webapp.service import service_of
from webapp.store import MAX_CALLS

ITEM = {"id": id_of(1)}


@contextmanager
def unreadable(monkeypatch) -> Iterator[None]:
    """Changes of the catalog cannot be read, as when a disk fails; all else works."""

    def fail(*_: object) -> None:
        raise CatalogError("the changes cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(CatalogCache, "_read_changes", fail)
        yield


def test_a_write_that_answers_do_not_count_yet_is_not_called_done(client, monkeypatch):
    body = make_product(2).model_dump() | {"price": 3.0}
    with unreadable(monkeypatch):
        changed = client.patch("/v1/item", query_string=ITEM, json={"price": 2.0})
        added = client.post("/v1/items", json=body)
        deleted = client.delete("/v1/item", query_string={"id": id_of(4)})

    assert (changed.status_code, changed.json["price"]) == (202, 2.0)
    assert (added.status_code, added.json["changed"]) == (202, 1)
    assert deleted.status_code == 202
    wait_for(lambda: client.get("/readyz").json["status"] == "ready")
    again = client.patch("/v1/item", query_string=ITEM, json={"price": 2.0})
    assert (again.status_code, again.json) == (200, changed.json)
    assert client.post("/v1/items", json=body).status_code == 200
    prices = {item["id"]: item["price"] for item in client.get("/v1/recommendations").json["items"]}
    assert (prices[id_of(1)], prices[id_of(2)]) == (2.0, 3.0)
    assert id_of(4) not in prices


def test_nobody_waits_longer_for_a_write_than_is_promised(client, app, monkeypatch):
    """Whatever the catalog does; and a slow one has no more calls at a time than others."""
    go_on = threading.Event()
    patch = EmbeddedCatalog.patch

    def slow(catalog: EmbeddedCatalog, patches: list[ProductPatch]) -> object:
        assert go_on.wait(30)
        return patch(catalog, patches)

    monkeypatch.setattr(EmbeddedCatalog, "patch", slow)
    monkeypatch.setattr(store_module, "WRITE_WITHIN_S", 0.2)
    for _ in range(MAX_CALLS):
        begun = time.monotonic()
        answer = client.patch("/v1/item", query_string=ITEM, json={"price": 2.0})
        assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable")
        assert "may still do it" in answer.json["detail"]
        assert time.monotonic() - begun < 2
    answer = client.patch("/v1/item", query_string=ITEM, json={"price": 2.0})
    assert "other calls wait for the catalog" in answer.json["detail"]

    go_on.set()

    wait_for(lambda: service_of(app).catalog.table().get(id_of(1)).price == 2.0)
    monkeypatch.setattr(store_module, "WRITE_WITHIN_S", 15.0)
    wait_for(
        lambda: client.patch("/v1/item", query_string=ITEM, json={"price": 2}).status_code == 200
    )


@pytest.mark.parametrize("error", [CatalogError("away"), ValueError("a fault of ours")])
def test_what_a_write_raises_is_raised_to_who_waits(app, error):
    def change(_: object) -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        service_of(app).store.write(change)
