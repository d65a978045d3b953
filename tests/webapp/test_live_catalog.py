"""The thread that follows a catalog elsewhere; here both catalogs are files."""

import threading
import time
from contextlib import closing

import pytest

pytest.importorskip("elasticsearch")

from recommender.catalog.copy import CatalogCopy, LocalCopy
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.settings import CatalogSettings, Settings
from recommender.workspace import Workspace
from tests.small_shop import N_PRODUCTS, make_product, wait_for
from webapp import catalog_sources
from webapp.live_catalog import LiveCatalog
from webapp.marks import ChangeMark


@pytest.fixture
def origin(tmp_path):
    with closing(EmbeddedCatalog(tmp_path / "origin.sqlite")) as origin:
        origin.upsert(make_product(number) for number in range(N_PRODUCTS))
        yield origin


@pytest.fixture
def live(origin, workspace: Workspace, monkeypatch):
    monkeypatch.setattr(catalog_sources, "open_catalog", lambda *_, **__: origin)
    settings = Settings(catalog=CatalogSettings(adapter="elasticsearch"))
    with (
        closing(ChangeMark(workspace.root / "mark")) as mark,
        closing(LiveCatalog(workspace, settings, mark)) as live,
    ):
        yield live


def test_what_nobody_foresaw_is_told_and_following_goes_on(live, origin, monkeypatch, caplog):
    def spoiled(*_):
        raise KeyError("seq_no")

    assert live.problem is None
    with monkeypatch.context() as patched:
        patched.setattr(CatalogCopy, "follow", spoiled)
        wait_for(lambda: live.problem is not None)
        assert live.problem == "the catalog cannot be followed (KeyError: 'seq_no')"
        assert not live.changed()
        assert len(live.table()) == N_PRODUCTS
    origin.upsert([make_product(N_PRODUCTS)])
    wait_for(lambda: len(live.table()) == N_PRODUCTS + 1)
    assert live.problem is None
    assert live.changed()
    assert caplog.text.count("Traceback") == 1
    assert "the catalog answers again" in caplog.text


def test_a_write_does_not_wait_until_the_whole_catalog_is_copied(
    live, origin, workspace, monkeypatch
):
    copying, go_on = threading.Event(), threading.Event()
    whole = list(origin.scan())
    copiers = []

    def scan():
        copiers.append(threading.current_thread())
        copying.set()
        assert go_on.wait(60)
        return iter(whole)

    with monkeypatch.context() as patched:
        patched.setattr(origin, "scan", scan)
        patched.setattr(catalog_sources, "_SEEN_WITHIN_S", 0.5)
        with closing(LocalCopy(workspace.catalog_copy_path("products"))) as copy:
            copy.take_over([], [], "a cursor that has expired")
        assert copying.wait(10)
        begun = time.monotonic()
        threading.Timer(10, go_on.set).start()
        assert not live.changed(), "it is not seen yet, and nobody says so"
        waited_s = time.monotonic() - begun
        go_on.set()
    assert waited_s < 5
    assert len(set(copiers)) == 1


def test_nobody_who_writes_copies_the_whole_catalog(live, origin, workspace, monkeypatch):
    """The copy is as if the catalog was filled anew: the one thread that follows reads all."""
    copiers = set()
    scan = origin.scan

    def noted():
        copiers.add(threading.current_thread())
        return scan()

    monkeypatch.setattr(origin, "scan", noted)
    for number in range(10):
        with closing(LocalCopy(workspace.catalog_copy_path("products"))) as copy:
            copy.take_over([], [], "a cursor that has expired")
        origin.upsert([make_product(N_PRODUCTS + number)])
        live.changed()
        assert len(live.table()) == N_PRODUCTS + number + 1
    assert len(copiers) == 1
    assert threading.current_thread() not in copiers
