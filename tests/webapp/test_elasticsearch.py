"""The service over a catalog in a real Elasticsearch, and without it when it is away."""

import http.client
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from filelock import FileLock

pytest.importorskip("elasticsearch")

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_rebuild import rebuild
from recommender.catalog.product import Product, ProductPatch
from recommender.errors import CatalogError, SettingsError
from recommender.settings import ElasticsearchSettings
from recommender.workspace import Workspace
from tests.small_shop import N_PRODUCTS, Server, id_of, make_product, wait_for
from webapp.app import create_app
from webapp.service import service_of

pytestmark = pytest.mark.elastic


def use(workspace: Workspace, url: str, index: str) -> ElasticsearchCatalog:
    """Let the shop keep its products on a server; give them to it."""
    workspace.catalog_path.unlink()
    workspace.settings_path.write_text(
        "schema_version = 1\n[catalog]\nadapter = 'elasticsearch'\n[catalog.elasticsearch]\n"
        f"hosts = ['{url}']\nindex = '{index}'\n"
    )
    catalog = ElasticsearchCatalog(ElasticsearchSettings(hosts=[url], index=index, timeout_s=30))
    catalog.upsert(make_product(number) for number in range(N_PRODUCTS))
    return catalog


@pytest.fixture
def catalog(workspace: Workspace, elasticsearch_url: str) -> Iterator[ElasticsearchCatalog]:
    with closing(use(workspace, elasticsearch_url, f"test-{uuid.uuid4().hex}")) as catalog:
        yield catalog
        client = catalog.connection.writer()
        for index in client.indices.get(index=f"{catalog.alias}-*"):
            client.indices.delete(index=index)


def best(client: Any) -> str:
    return client.get("/v1/recommendations?limit=1").json["items"][0]["id"]


def test_products_come_from_the_server_and_follow_it(catalog, client, app):
    assert client.get("/readyz").json["catalog"] == {
        "status": "ok", "products": N_PRODUCTS, "problem": None,
    }  # fmt: skip
    assert best(client) == id_of(0)
    catalog.patch([ProductPatch(id=id_of(0), availability="out_of_stock")])
    wait_for(lambda: best(client) == id_of(1), seconds=2)
    catalog.delete([id_of(1)])
    wait_for(lambda: best(client) == id_of(2), seconds=2)
    rebuild(catalog)
    catalog.upsert([make_product(1)])
    wait_for(lambda: best(client) == id_of(1), seconds=2)

    live = service_of(app).catalog
    live.catalog.patch([ProductPatch(id=id_of(1), availability="out_of_stock")])
    live.changed()
    assert best(client) == id_of(2)


def test_a_start_without_the_server_answers_from_the_copy_and_says_so(
    catalog, workspace, open_app, caplog
):
    service_of(open_app(workspace)).close()
    text = workspace.settings_path.read_text()
    hosts = catalog.connection.where.removeprefix("Elasticsearch at ")
    workspace.settings_path.write_text(text.replace(hosts, "http://127.0.0.1:9"))
    client = open_app(workspace).test_client()

    assert client.get("/v1/recommendations?limit=3").json["items"][0]["title"]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    assert ready.json["catalog"]["products"] == N_PRODUCTS
    assert "http://127.0.0.1:9 cannot be reached" in ready.json["catalog"]["problem"]
    assert "answering with the products as last copied" in caplog.text
    assert len(client.get("/v1/items?limit=5").json["items"]) == 5


def test_a_start_waits_for_another_process_that_copies_for_the_first_time(
    catalog, workspace, open_app
):
    path = workspace.catalog_copy_path(catalog.alias)
    lock = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
    lock.acquire()
    release = threading.Timer(2.5, lock.release)
    release.start()
    client = open_app(workspace).test_client()
    release.join()
    assert client.get("/v1/recommendations").status_code == 200


def test_without_the_server_and_without_a_copy_nobody_knows_what_is_sold_out(
    workspace, open_app, caplog
):
    workspace.settings_path.write_text(
        "[catalog]\nadapter = 'elasticsearch'\n"
        "[catalog.elasticsearch]\nhosts = ['http://127.0.0.1:9']\n"
    )
    client = open_app(workspace).test_client()
    answer = client.get("/v1/recommendations")
    assert (answer.status_code, answer.json["type"]) == (503, "catalog-unavailable")
    assert "cannot be reached" in answer.json["detail"]
    assert client.get("/readyz").status_code == 503
    assert "no products were ever copied" in caplog.text
    assert "last copied" not in caplog.text


def test_a_secret_that_is_not_set_stops_the_start(workspace, monkeypatch):
    monkeypatch.delenv("SHOP_KEY", raising=False)
    workspace.settings_path.write_text(
        "[catalog]\nadapter = 'elasticsearch'\n[catalog.elasticsearch]\napi_key_env = 'SHOP_KEY'\n"
    )
    with pytest.raises(SettingsError, match="SHOP_KEY"):
        create_app(workspace.root)


class Load:
    """Visitors that ask for recommendations at a steady rate.

    Attributes:
        answers: Number of answers with products.
        failures: What came instead.
    """

    def __init__(self, port: int, a_second: int, n_threads: int = 4) -> None:
        self._port, self._pause = port, n_threads / a_second
        self._done, self._lock = threading.Event(), threading.Lock()
        self.answers = 0
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(n_threads)]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._done.set()
            for thread in self._threads:
                thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        due = time.monotonic()
        while not self._done.is_set():
            connection.request("GET", "/v1/recommendations?limit=5")
            response = connection.getresponse()
            text = response.read()
            with self._lock:
                if response.status == 200 and b'"rank":1' in text.replace(b" ", b""):
                    self.answers += 1
                else:
                    self.failures.append(f"{response.status}: {text[:200]!r}")
            due += self._pause
            time.sleep(max(0.0, due - time.monotonic()))
        connection.close()


class Writer:
    """Gives a catalog one product after another; what fails it gives again.

    Attributes:
        taken: Ids that the catalog said it has.
        refused: What it said instead.
        counts: Number of products it said are new, changed and unchanged.
    """

    def __init__(self, catalog: ElasticsearchCatalog) -> None:
        self._catalog, self._done = catalog, threading.Event()
        self.taken: list[str] = []
        self.refused: list[str] = []
        self.counts = [0, 0, 0]
        self._thread = threading.Thread(target=self._write)

    @contextmanager
    def running(self) -> Iterator["Writer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._done.set()
            self._thread.join()

    def _write(self) -> None:
        while not self._done.is_set():
            item_id = f"written {len(self.taken):05}"
            try:
                counts = self._catalog.upsert([Product(id=item_id, title=item_id)])
            except CatalogError as err:
                self.refused.append(str(err))
                time.sleep(0.1)
                continue
            assert counts.errors == ()
            self.counts[0] += counts.added
            self.counts[1] += counts.changed
            self.counts[2] += counts.unchanged
            self.taken.append(item_id)


@pytest.mark.slow
def test_a_killed_elasticsearch_fails_no_recommendation_and_loses_no_write(
    workspace: Workspace, start: Callable[..., Server], start_elasticsearch
):
    with (
        start_elasticsearch() as server,
        closing(use(workspace, server.url, "products")) as catalog,
    ):
        service = start(workspace.root, "--workers", 2)

        def status() -> str:
            return str(service.call("/readyz")[1]["status"])

        def shown() -> list[str]:
            return [i["id"] for i in service.call("/v1/recommendations?limit=5")[1]["items"]]

        load, writer = Load(service.port, 200), Writer(catalog)
        with load.running(), writer.running():
            wait_for(lambda: len(writer.taken) > 20, seconds=60)
            assert status() == "ready"
            server.kill()
            wait_for(lambda: status() == "degraded")
            begun = load.answers
            wait_for(lambda: load.answers > begun + 400, seconds=60)
            server.start()
            taken = len(writer.taken)
            wait_for(lambda: status() == "ready", seconds=60)
            wait_for(lambda: len(writer.taken) > taken + 20, seconds=60)
        catalog.patch([ProductPatch(id=id_of(0), availability="out_of_stock")])
        wait_for(lambda: id_of(0) not in shown(), seconds=5)

        assert load.failures == []
        assert len(shown()) == 5
        assert any("cannot be reached" in refusal for refusal in writer.refused)
        assert [found.id for found in catalog.get(writer.taken)] == writer.taken
        # What was given again was there already, or not at all: nothing was written twice.
        assert sum(writer.counts) == writer.counts[0] + writer.counts[2] == len(writer.taken)
        assert catalog.count() == N_PRODUCTS + len(writer.taken)
