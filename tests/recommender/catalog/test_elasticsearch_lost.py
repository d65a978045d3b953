"""Answers of a real server that never come: what it did counts, not what was heard of it."""

import uuid
from contextlib import closing

import pytest

pytest.importorskip("elasticsearch")

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_rebuild import RolledBack, rebuild, roll_back
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import DeleteCounts
from recommender.errors import CatalogError
from recommender.settings import ElasticsearchSettings
from tests.lossy_proxy import proxy

pytestmark = pytest.mark.elastic


@pytest.fixture
def catalog(elasticsearch_url):
    """Three products, asked without a proxy."""
    index = f"test-{uuid.uuid4().hex}"
    with closing(catalog_at(elasticsearch_url, index=index)) as catalog:
        catalog.upsert([product("a"), product("b"), product("c")])
        yield catalog
        client = catalog.connection.writer()
        for name in client.indices.get(index=f"{index}-*"):
            client.indices.delete(index=name)


def catalog_at(*hosts: str, index: str) -> ElasticsearchCatalog:
    known = ElasticsearchSettings(hosts=list(hosts), index=index, timeout_s=30)
    return ElasticsearchCatalog(known)


def product(item_id: str, **fields) -> Product:
    return Product(id=item_id, title=f"Product {item_id}", **fields)


def is_switch(method: str, path: str) -> bool:
    return (method, path) == ("POST", "/_aliases")


def interrupted(catalog, monkeypatch, after: bool) -> None:
    """Somebody presses Ctrl-C when the switch was sent, or before."""
    indices = type(catalog.connection.client().indices)
    switch = indices.update_aliases

    def stopped(*args, **kwargs):
        if after:
            switch(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(indices, "update_aliases", stopped)


@pytest.mark.parametrize("n_hosts", [1, 2])
def test_a_switch_whose_answer_is_lost_is_done(catalog, elasticsearch_url, n_hosts):
    first, _ = catalog.indices()
    with proxy(elasticsearch_url, is_switch) as address:
        hosts = [address, elasticsearch_url][:n_hosts]
        with closing(catalog_at(*hosts, index=catalog.alias)) as lossy:
            for _ in range(2):
                rebuilt = rebuild(lossy)
                assert catalog.indices() == (rebuilt.index, [rebuilt.kept])
                assert rebuilt.products == catalog.count() == 3
                first = rebuilt
            assert catalog.upsert([product("d")]).added == 1
            assert roll_back(lossy) == RolledBack(first.kept, first.index, 1)
    assert catalog.indices() == (first.kept, [first.index])
    assert catalog.upsert([product("e")]).added == 1


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_rebuild_that_is_interrupted_while_it_switches(catalog, monkeypatch, after):
    first, _ = catalog.indices()
    with monkeypatch.context() as patched:
        interrupted(catalog, patched, after)
        with pytest.raises(KeyboardInterrupt):
            rebuild(catalog)
    answering, kept = catalog.indices()
    assert (answering != first, kept) == ((True, [first]) if after else (False, []))
    assert catalog.count() == 3
    assert catalog.upsert([product("d")]).added == 1


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_way_back_that_is_interrupted_while_it_switches(catalog, monkeypatch, after):
    rebuilt = rebuild(catalog)
    with monkeypatch.context() as patched:
        interrupted(catalog, patched, after)
        with pytest.raises(KeyboardInterrupt):
            roll_back(catalog)
    there = (rebuilt.kept, [rebuilt.index]) if after else (rebuilt.index, [rebuilt.kept])
    assert catalog.indices() == there
    assert catalog.upsert([product("d")]).added == 1


def test_nothing_is_deleted_where_nobody_can_say_which_index_answers(catalog, elasticsearch_url):
    """The server is out of reach from the switch on; it did it."""
    first, _ = catalog.indices()
    gone: list[str] = []

    def from_the_switch_on(method: str, path: str) -> bool:
        if is_switch(method, path) or gone:
            gone.append(path)
        return bool(gone)

    with (
        proxy(elasticsearch_url, from_the_switch_on) as address,
        closing(catalog_at(address, index=catalog.alias)) as lossy,
        pytest.raises(CatalogError, match="cannot be reached"),
    ):
        rebuild(lossy)
    answering, kept = catalog.indices()
    assert kept == [first]
    assert catalog.count() == 3
    assert rebuild(catalog).kept == answering


def is_bulk(method: str, path: str) -> bool:
    return path.startswith("/_bulk")


def test_a_write_whose_answer_is_lost_is_counted_once(catalog, elasticsearch_url):
    to_lose: list[str] = []

    def is_lost(method: str, path: str) -> bool:
        return is_bulk(method, path) and bool(to_lose) and bool(to_lose.pop())

    with (
        proxy(elasticsearch_url, is_lost) as one,
        proxy(elasticsearch_url, is_lost) as other,
        closing(catalog_at(one, other, index=catalog.alias)) as lossy,
    ):
        to_lose.append("the patch")
        patched = lossy.patch([ProductPatch(id="a", price=5), ProductPatch(id="-", price=5)])
        assert (patched.changed, patched.unchanged, patched.unknown) == (1, 0, 1)
        assert to_lose == []
        to_lose.append("the new product")
        added = lossy.upsert([product("d"), product("b")])
        assert (added.added, added.unchanged) == (1, 1)
        assert to_lose == []
        to_lose.append("the deletion")
        assert lossy.delete(["d", "-"]) == DeleteCounts(1, ("-",))
        assert to_lose == []
    assert (catalog.count(), catalog.get(["a"])[0].price) == (3, 5)


def test_where_no_host_answers_a_write_may_be_done(catalog, elasticsearch_url):
    with (
        proxy(elasticsearch_url, is_bulk) as address,
        closing(catalog_at(address, index=catalog.alias)) as lossy,
        pytest.raises(CatalogError, match="what was sent last may be written all the same"),
    ):
        lossy.delete(["a"])
    assert catalog.get(["a"]) == []
