"""A copy follows its origin; here both are files, on a server tests of the service do it."""

import threading
from contextlib import closing

import pytest
from filelock import FileLock

from recommender.catalog.copy import CatalogCopy
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import Search
from recommender.errors import CatalogError


def product(item_id: str, **attributes) -> Product:
    return Product(id=item_id, title=f"Product {item_id}", **attributes)


@pytest.fixture
def origin(tmp_path):
    with closing(EmbeddedCatalog(tmp_path / "origin.sqlite")) as origin:
        origin.upsert(product(f"{number:04}") for number in range(1200))
        yield origin


@pytest.fixture
def copy(origin, tmp_path):
    with closing(CatalogCopy(origin, tmp_path / "copy.sqlite")) as copy:
        yield copy


def same(copy: CatalogCopy) -> bool:
    return list(copy.local.scan()) == list(copy.origin.scan())


def test_it_takes_all_once_and_then_what_changed(copy, origin, monkeypatch):
    assert not copy.complete
    assert copy.follow()
    assert copy.complete
    assert same(copy)

    monkeypatch.delattr(EmbeddedCatalog, "scan")
    before = copy.local.change_cursor()
    assert copy.follow()
    assert copy.local.change_cursor() == before
    origin.upsert([product("new"), product("0001", price=2.0)])
    origin.delete(["0002"])
    origin.patch([ProductPatch(id="0003", availability="out_of_stock")])
    assert copy.follow()
    changes = copy.local.changes_since(before)
    assert {changed.id for changed in changes.products} == {"new", "0001", "0003"}
    assert changes.deleted_ids == ["0002"]
    assert copy.local.search(Search("product 0002")).total == 0


def test_it_goes_on_where_an_earlier_process_ended(copy, origin, tmp_path, monkeypatch):
    copy.follow()
    origin.upsert([product("new")])
    monkeypatch.setattr(EmbeddedCatalog, "change_cursor", None)
    with closing(CatalogCopy(origin, tmp_path / "copy.sqlite")) as later:
        assert later.complete
        assert later.follow()
        assert same(later)


def test_an_origin_that_was_filled_anew_is_copied_without_writing_what_is_the_same(
    copy, origin, tmp_path
):
    copy.follow()
    before = copy.local.change_cursor()
    with closing(EmbeddedCatalog(tmp_path / "other.sqlite")) as other:
        other.upsert(product(f"{number:04}") for number in range(1, 1201))
    (tmp_path / "other.sqlite").replace(tmp_path / "origin.sqlite")
    for leftover in tmp_path.glob("origin.sqlite-*"):
        leftover.unlink()
    assert copy.follow()
    assert same(copy)
    changes = copy.local.changes_since(before)
    assert [changed.id for changed in changes.products] == ["1200"]
    assert changes.deleted_ids == ["0000"]


def test_an_origin_that_breaks_off_leaves_the_copy_as_it_was(copy, origin, monkeypatch):
    def scan():
        yield product("0000")
        raise CatalogError("the server went away")

    with monkeypatch.context() as patched:
        patched.setattr(origin, "scan", scan)
        assert not copy.follow()
    assert str(copy.problem) == "the server went away"
    assert not copy.complete
    assert copy.local.count() == 0
    assert copy.follow()
    assert copy.problem is None

    origin.upsert([product("new")])
    assert copy.follow()
    assert same(copy)


def test_a_cursor_that_was_spoiled_counts_as_expired(copy, origin):
    copy.follow()
    copy.local.take_over([], ["0001"], "no cursor")
    assert copy.follow()
    assert copy.problem is None
    assert same(copy)


def test_another_process_that_copies_is_left_alone(copy, tmp_path):
    with FileLock(tmp_path / ".copy.sqlite.lock"):
        assert not copy.follow()
    assert copy.problem is None
    assert copy.follow()


def test_a_folder_that_cannot_be_written(origin, tmp_path):
    (tmp_path / "none").write_text("a file in its place")
    with closing(CatalogCopy(origin, tmp_path / "none" / "copy.sqlite")) as copy:
        assert not copy.follow()
        assert "cannot be" in str(copy.problem)


def test_several_copiers_and_a_writer_end_with_the_same_products(copy, origin, tmp_path):
    others = [CatalogCopy(origin, tmp_path / "copy.sqlite") for _ in range(2)]
    done = threading.Event()

    def follow(one: CatalogCopy) -> None:
        while not done.is_set():
            one.follow()

    threads = [threading.Thread(target=follow, args=(one,)) for one in (copy, *others)]
    for thread in threads:
        thread.start()
    for number in range(30):
        origin.upsert([product("often", price=number), product(f"w{number:02}")])
        origin.delete([f"{number:04}"])
    done.set()
    for thread in threads:
        thread.join()
    assert [one.problem for one in (copy, *others)] == [None] * 3
    assert copy.follow()
    assert same(copy)
    for one in others:
        one.local.close()
