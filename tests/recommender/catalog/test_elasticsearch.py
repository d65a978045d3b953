"""What only the catalog in Elasticsearch does, on a real server."""

import multiprocessing
import threading
import time
import uuid
from contextlib import closing

import pytest

pytest.importorskip("elasticsearch")

from recommender.catalog import elasticsearch_client, elasticsearch_index, elasticsearch_rebuild
from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_documents import INDEX
from recommender.catalog.elasticsearch_index import new_index_name
from recommender.catalog.elasticsearch_rebuild import RolledBack, rebuild, roll_back
from recommender.catalog.elasticsearch_verify import Verified, verify
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import Search, UpsertCounts
from recommender.errors import CatalogError, CursorExpiredError
from recommender.settings import ElasticsearchSettings

pytestmark = pytest.mark.elastic


def product(item_id: str, **attributes) -> Product:
    return Product(id=item_id, title=f"Product {item_id}", **attributes)


@pytest.fixture
def settings(elasticsearch_url):
    return ElasticsearchSettings(
        hosts=[elasticsearch_url], index=f"test-{uuid.uuid4().hex}", timeout_s=30
    )


@pytest.fixture
def catalog(settings):
    with closing(ElasticsearchCatalog(settings)) as catalog:
        catalog.count()
        yield catalog
        client = catalog.connection.writer()
        for index in client.indices.get(index=f"{catalog.alias}-*"):
            client.indices.delete(index=index)


def indices_of(catalog) -> list[str]:
    return sorted(catalog.connection.client().indices.get(index=f"{catalog.alias}-*"))


def test_without_create_a_missing_index_stays_missing(settings):
    with closing(ElasticsearchCatalog(settings, create=False)) as catalog:
        with pytest.raises(CatalogError, match="recommender import items"):
            catalog.count()
        with pytest.raises(CatalogError, match="recommender import items"):
            catalog.upsert([product("a")])
        assert catalog.health().status == "unavailable"


def test_many_that_are_first_make_one_index(catalog, settings):
    shared = settings.model_copy(update={"index": f"{settings.index}-first"})
    users = [ElasticsearchCatalog(shared) for _ in range(6)]
    for user in users:
        user.connection.client()
    all_there, answers = threading.Barrier(len(users)), []

    def use(user: ElasticsearchCatalog) -> None:
        all_there.wait()
        answers.append(user.upsert([product("a")]).errors)

    threads = [threading.Thread(target=use, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [()] * len(users)
    assert len(indices_of(users[0])) == 1
    assert users[0].count() == 1
    for user in users:
        user.close()


def test_a_product_that_is_refused_is_told_and_the_others_are_written(catalog):
    odd = product("odd", attributes={"nul\0": "x"})
    counts = catalog.upsert([product("a"), odd, product("b")])
    assert (counts.added, counts.changed, counts.unchanged) == (2, 0, 0)
    assert [error.item_id for error in counts.errors] == ["odd"]
    assert "reserved character" in counts.errors[0].problem
    assert catalog.count() == 2


def test_a_field_that_is_no_product_s_is_refused(catalog):
    client = catalog.connection.client()
    with pytest.raises(CatalogError, match="strict"), catalog.connection.translated():
        client.index(index=catalog.alias, id="x", document={"id": "x", "colour": "red"})


def test_a_rebuild_lets_a_new_index_answer_and_keeps_the_old_one(catalog):
    catalog.upsert(product(f"{n:04}") for n in range(1200))
    catalog.delete(["0007"])
    cursor, before = catalog.change_cursor(), list(catalog.scan())
    (first,) = indices_of(catalog)

    rebuilt = rebuild(catalog)
    assert (rebuilt.kept, rebuilt.products) == (first, 1199)
    assert list(catalog.scan()) == before
    assert catalog.search(Search("product")).total == 1199
    with pytest.raises(CursorExpiredError):
        catalog.changes_since(cursor)
    assert catalog.upsert([product("new")]) == UpsertCounts(1, 0, 0)
    catalog.delete(["0001", "0002"])

    assert roll_back(catalog) == RolledBack(first, rebuilt.index, 3)
    assert list(catalog.scan()) == before
    assert catalog.patch([ProductPatch(id="0001", price=3)]).changed == 1

    assert roll_back(catalog) == RolledBack(rebuilt.index, first, 1)
    assert [found.id for found in catalog.get(["0001", "new"])] == ["new"]
    assert catalog.upsert([product("newer")]).added == 1

    third = rebuild(catalog).index
    assert indices_of(catalog) == [rebuilt.index, third]


def test_nothing_to_go_back_to(catalog):
    catalog.upsert([product("a")])
    with pytest.raises(CatalogError, match="nothing to go back to"):
        roll_back(catalog)
    # As a rebuild leaves it that is killed before it ends.
    client = catalog.connection.client()
    client.indices.create(index=new_index_name(catalog.alias), **INDEX)
    with pytest.raises(CatalogError, match="nothing to go back to"):
        roll_back(catalog)
    assert catalog.upsert([product("b")]).added == 1


def test_an_alias_on_two_indices(catalog):
    client, second = catalog.connection.client(), new_index_name(catalog.alias)
    client.indices.create(index=second, aliases={catalog.alias: {}}, **INDEX)
    for job in (rebuild, roll_back):
        with pytest.raises(CatalogError, match="stands for 2 indices; leave it on one"):
            job(catalog)
    assert second in indices_of(catalog)


def test_a_rebuild_loses_no_write_and_fails_no_search(catalog):
    catalog.upsert(product(f"{n:04}") for n in range(2000))
    done = threading.Event()
    failures: list[Exception] = []
    written: list[str] = []

    def write() -> None:
        try:
            while not done.is_set():
                item_id = f"w{len(written):04}"
                assert catalog.upsert([product(item_id)]).errors == ()
                assert catalog.patch([ProductPatch(id="0001", price=len(written))]).errors == ()
                written.append(item_id)
        except Exception as err:
            failures.append(err)

    def search() -> None:
        try:
            while not done.is_set():
                assert catalog.search(Search("product 0002")).total == 1
                assert len(catalog.get(["0001", "0002"])) == 2
        except Exception as err:
            failures.append(err)

    threads = [threading.Thread(target=write), threading.Thread(target=search)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        rebuild(catalog)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(written) > 0
    assert [found.id for found in catalog.get(written)] == written
    assert catalog.count() == 2000 + len(written)
    assert catalog.get(["0001"])[0].price == len(written) - 1


def test_a_rebuild_that_fails_changes_nothing(catalog, monkeypatch):
    catalog.upsert([product("a"), product("b")])
    (first,) = indices_of(catalog)
    monkeypatch.setattr(catalog, "scan", lambda: iter([product("x", attributes={"\0": ""})]))
    with pytest.raises(CatalogError, match="the old one goes on answering"):
        rebuild(catalog)
    assert indices_of(catalog) == [first]
    assert catalog.upsert([product("c")]).added == 1


def test_a_rebuild_that_ends_while_it_holds_writes(catalog, monkeypatch):
    def fail(*_):
        raise CatalogError("the server went away")

    catalog.upsert([product("a")])
    with monkeypatch.context() as patched:
        patched.setattr(elasticsearch_rebuild, "_switch", fail)
        with pytest.raises(CatalogError, match="went away"):
            rebuild(catalog)
    assert catalog.health().status == "ok"
    assert catalog.upsert([product("b")]).added == 1

    # As a process leaves it that is killed there.
    catalog.connection.writer().indices.add_block(index=catalog.alias, block="write")
    with monkeypatch.context() as patched:
        patched.setattr(elasticsearch_client, "_WAITS_S", (0.01,))
        patched.setattr(elasticsearch_index, "PATIENCE_S", 0.01)
        health = catalog.health()
        assert health.status == "degraded"
        assert "recommender index --rebuild" in str(health.problem)
        with pytest.raises(CatalogError, match="recommender index --rebuild"):
            catalog.upsert([product("c")])
    assert rebuild(catalog).products == 2
    assert catalog.health().status == "ok"
    assert catalog.upsert([product("c")]).added == 1


def test_writes_that_are_held_for_a_moment_are_no_fault(catalog):
    catalog.upsert([product("a")])
    client = catalog.connection.writer()
    client.indices.add_block(index=catalog.alias, block="write")
    switched = threading.Timer(
        0.5, client.indices.put_settings, (), {"settings": {"index.blocks.write": None}}
    )
    switched.start()
    health = catalog.health()
    switched.join()
    assert (health.status, health.problem) == ("ok", None)


def test_verify_finds_what_is_not_as_it_should_be(catalog, tmp_path):
    catalog.upsert(product(f"{n:02}", price=n, attributes={"a": "b"}) for n in range(30))
    catalog.delete(["29"])
    with closing(EmbeddedCatalog(tmp_path / "copy.sqlite")) as copy:
        copy.upsert(catalog.scan())
        assert verify(catalog) == verify(catalog, copy) == Verified(29, {})

        client = catalog.connection.client()

        def change(item_id: str, **fields) -> None:
            client.update(index=catalog.alias, id=item_id, doc=fields)

        change("03", search_title="of an earlier version")
        change("04", price=-1)
        copy.delete(["05"])
        copy.upsert([product("055"), product("30"), product("06")])
        client.indices.refresh(index=catalog.alias)
        found = verify(catalog, copy)
    assert {name: difference.first for name, difference in found.differences.items()} == {
        "outdated": ["03"], "unreadable": ["04"], "not_in_copy": ["05"],
        "not_in_index": ["055", "30"], "unlike_copy": ["04", "06"],
    }  # fmt: skip


def test_verify_knows_another_layout(catalog):
    client = catalog.connection.client()
    client.indices.put_mapping(
        index=catalog.alias, dynamic=True, properties={"colour": {"type": "keyword"}}
    )
    assert verify(catalog).differences["layout"].first == ["dynamic", "colour"]
    rebuild(catalog)
    assert verify(catalog).differences == {}


def count_in_child(catalog: ElasticsearchCatalog, answers) -> None:
    answers.put(catalog.count())


def test_a_forked_process_has_connections_of_its_own(catalog):
    catalog.upsert([product("a")])
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=count_in_child, args=(catalog, answers))
    child.start()
    assert answers.get(timeout=60) == 1
    child.join()
    assert catalog.count() == 1


def test_an_index_that_is_read_only_says_so(catalog):
    catalog.upsert([product("a")])
    client = catalog.connection.client()
    block = {"index.blocks.read_only_allow_delete": True}
    client.indices.put_settings(index=catalog.alias, settings=block)
    with pytest.raises(CatalogError, match="flood-stage watermark"):
        catalog.patch([ProductPatch(id="a", price=1)])
    assert catalog.health().status == "degraded"
    assert "disk is nearly full" in str(catalog.health().problem)
    client.indices.put_settings(
        index=catalog.alias, settings={"index.blocks.read_only_allow_delete": None}
    )
    assert catalog.patch([ProductPatch(id="a", price=1)]).changed == 1


def test_an_index_in_the_place_of_the_alias(catalog, settings):
    client = catalog.connection.client()
    taken = settings.model_copy(update={"index": f"taken-{uuid.uuid4().hex}"})
    client.indices.create(index=taken.index)
    other = ElasticsearchCatalog(taken)
    with closing(other), pytest.raises(CatalogError, match="choose another name"):
        other.count()
    client.indices.delete(index=taken.index)


def wait_until_it_answers(catalog) -> None:
    deadline = time.monotonic() + 60
    while catalog.health().status == "unavailable" and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.slow
def test_passwords_and_a_crash(monkeypatch, start_elasticsearch):
    """A server that knows its users: who may ask, and what is left after it was killed."""
    monkeypatch.setenv("RIGHT", "correct horse")
    monkeypatch.setenv("WRONG", "wrong horse")
    with start_elasticsearch(password="correct horse") as server:
        known = ElasticsearchSettings(
            hosts=[server.url], user="elastic", password_env="RIGHT", timeout_s=30
        )
        wrong = known.model_copy(update={"password_env": "WRONG"})
        nobody = known.model_copy(update={"user": None, "password_env": None})
        with closing(ElasticsearchCatalog(known)) as catalog:
            assert catalog.upsert([product("a")]) == UpsertCounts(1, 0, 0)
            with pytest.raises(CatalogError, match="refuses user elastic with the password in WRO"):
                ElasticsearchCatalog(wrong).count()
            with pytest.raises(CatalogError, match="asks who we are"):
                ElasticsearchCatalog(nobody).count()

            server.kill()
            with pytest.raises(CatalogError, match="cannot be reached"):
                catalog.upsert([product("b")])
            assert catalog.health().status == "unavailable"
            server.start()
            wait_until_it_answers(catalog)
            assert catalog.upsert([product("a"), product("b")]) == UpsertCounts(1, 0, 1)
