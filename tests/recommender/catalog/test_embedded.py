"""The embedded catalog."""

import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, UpsertCounts
from recommender.errors import CatalogError

ODD_IDS = ["gid://shopify/Product/1", "a b", "café ☕", "'; DROP TABLE product; --", "%", "x" * 256]


def product(item_id: str, **attributes) -> Product:
    return Product(id=item_id, title=f"Product {item_id}", **attributes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def catalog(path):
    catalog: Catalog = EmbeddedCatalog(path)
    yield catalog
    catalog.close()


def test_a_product_comes_back_whole(catalog):
    chair = Product(
        id="SKU/1",
        title="Oak chair ☕",
        price=49.0,
        currency="EUR",
        product_type=["Furniture", "Chairs"],
        additional_image_link=["a.svg", "b.svg"],
        attributes={"wood": "oak"},
        availability="preorder",
    )
    catalog.upsert([chair])

    assert catalog.get(["SKU/1"]) == [chair]


def test_get_keeps_the_order_and_leaves_unknown_ones_out(catalog):
    catalog.upsert(map(product, ODD_IDS))
    asked = ["café ☕", "unknown", "\ud800", "x" * 256, "gid://shopify/Product/1"]

    assert [found.id for found in catalog.get(asked)] == [asked[0], asked[3], asked[4]]
    assert catalog.get([]) == []


def test_get_of_more_ids_than_a_query_takes(catalog):
    ids = [f"{number:04}" for number in range(1500)]
    catalog.upsert(map(product, ids))

    assert [found.id for found in catalog.get(ids[::-1])] == ids[::-1]


def test_upsert_counts_and_scan_is_in_id_order(catalog):
    assert catalog.upsert([product("b"), product("a")]) == UpsertCounts(2, 0, 0)
    again = [product("a"), product("b", price=2.0), product("c")]
    assert catalog.upsert(again) == UpsertCounts(added=1, changed=1, unchanged=1)

    assert [found.id for found in catalog.scan()] == ["a", "b", "c"]
    assert catalog.count() == 3
    assert catalog.get(["b"])[0].price == 2.0


def test_a_failing_upsert_changes_nothing(catalog):
    catalog.upsert([product("a")])

    def some():
        yield product("a", price=1.0)
        yield product("b")
        raise KeyError("the feed ends in the middle")

    with pytest.raises(KeyError):
        catalog.upsert(some())
    assert list(catalog.scan()) == [product("a")]
    assert catalog.upsert([product("b")]).added == 1


def test_a_patch_changes_what_it_names_and_adds_nothing(catalog):
    catalog.upsert([product("a", price=9.0, sale_price=7.0, brand="Acme"), product("b")])
    changes = [
        {"id": "a", "price": 8.0, "sale_price": None, "availability": "out_of_stock"},
        {"id": "b", "availability": "in_stock"},
        {"id": "c", "price": 1.0},
    ]
    counts = catalog.patch(changes)

    assert (counts.changed, counts.unchanged, counts.unknown) == (1, 1, 1)
    assert counts.unknown_ids == ["c"]
    a, b = catalog.scan()
    assert a == product("a", price=8.0, brand="Acme", availability="out_of_stock")
    assert b == product("b")


def test_a_failing_patch_changes_nothing(catalog):
    catalog.upsert([product("a", price=9.0), product("b")])
    with pytest.raises(ValueError, match="price"):
        catalog.patch([{"id": "a", "price": 8.0}, {"id": "b", "price": -1.0}])

    assert catalog.get(["a"])[0].price == 9.0


def test_an_upsert_may_read_the_catalog_it_changes(catalog):
    catalog.upsert([product("a"), product("b")])

    sold_out = (
        found.model_copy(update={"availability": "out_of_stock"}) for found in catalog.scan()
    )
    assert catalog.upsert(sold_out).changed == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(limit=st.integers(1, 9))
def test_pages_are_the_scan(catalog, limit):
    catalog.upsert(map(product, ODD_IDS))
    seen, cursor = [], None
    while True:
        page = catalog.page(cursor, limit)
        seen += page.products
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == list(catalog.scan())


@pytest.mark.parametrize("cursor", ["", "x", "SKU_1", "a-._", "aWQ6/w==", "é", "eHg="])
def test_a_made_up_cursor_is_the_caller_s_mistake(catalog, cursor):
    with pytest.raises(ValueError, match="cursor"):
        catalog.page(cursor, 5)


def test_a_limit_below_one_is_the_caller_s_mistake(catalog):
    with pytest.raises(ValueError, match="limit"):
        catalog.page(None, 0)


def test_data_version_changes_with_every_change_and_only_then(catalog, path):
    versions = [catalog.data_version()]
    catalog.upsert([product("a")])
    versions.append(catalog.data_version())
    assert catalog.data_version() == versions[-1]
    catalog.upsert([product("a")])
    assert catalog.data_version() == versions[-1]

    elsewhere = EmbeddedCatalog(path)
    elsewhere.upsert([product("b")])
    elsewhere.close()
    versions.append(catalog.data_version())

    code = (
        "import sys; from pathlib import Path\n"
        "from recommender.catalog.embedded import EmbeddedCatalog\n"
        "from recommender.catalog.product import Product\n"
        "EmbeddedCatalog(Path(sys.argv[1])).upsert([Product(id='c', title='C')])"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    versions.append(catalog.data_version())

    assert len(set(versions)) == 4
    assert catalog.count() == 3


def test_a_file_put_in_its_place_is_noticed(catalog, path, tmp_path):
    catalog.upsert([product("a")])
    before = catalog.data_version()
    other = EmbeddedCatalog(tmp_path / "other.sqlite")
    other.upsert([product("x"), product("y")])
    other.close()
    for leftover in tmp_path.glob("catalog.sqlite-*"):
        leftover.unlink()
    (tmp_path / "other.sqlite").replace(path)

    assert catalog.data_version() != before
    assert catalog.count() == 2


def test_without_create_a_missing_file_stays_missing(path):
    catalog = EmbeddedCatalog(path, create=False)
    for ask in (catalog.count, catalog.data_version, lambda: list(catalog.scan())):
        with pytest.raises(CatalogError, match="recommender import items"):
            ask()
    assert not path.exists()

    EmbeddedCatalog(path).upsert([product("a")])
    assert catalog.count() == 1
    catalog.close()


def test_a_folder_that_goes_away_is_a_sentence(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    with closing(EmbeddedCatalog(folder / "catalog.sqlite")) as catalog:
        assert catalog.upsert([product("A")]).added == catalog.count() == 1
        folder.rename(tmp_path / "elsewhere")
        folder.write_text("a file where the folder was")

        with pytest.raises(CatalogError, match="cannot be used"):
            catalog.get(["A"])


def test_a_file_that_is_no_database_is_a_sentence(path, tmp_path):
    path.write_bytes(b"rubbish " * 1000)
    with pytest.raises(CatalogError, match=r"no sound catalog .* recommender import items"):
        EmbeddedCatalog(path).count()
    with pytest.raises(CatalogError, match="cannot be used"):
        EmbeddedCatalog(tmp_path).count()
    with pytest.raises(CatalogError, match="cannot be used"):
        EmbeddedCatalog(tmp_path / "no" / "folder.sqlite").upsert([product("a")])


def test_a_damaged_database_is_a_sentence(catalog, path):
    catalog.upsert(product(f"{number:05}") for number in range(2000))
    catalog.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(CatalogError, match="no sound catalog"):
        list(catalog.scan())


def test_a_product_that_cannot_be_read_is_a_sentence(catalog, path):
    catalog.upsert([product("a")])
    with sqlite3.connect(path) as connection:
        connection.execute('UPDATE product SET document = \'{"id": "a"}\'')
    connection.close()

    with pytest.raises(CatalogError, match="import the product feed again"):
        catalog.get(["a"])


def test_a_newer_format_is_left_alone(catalog, path):
    catalog.upsert([product("a")])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(CatalogError, match="newer version"):
        EmbeddedCatalog(path).count()


def test_a_scan_sees_one_state_while_others_write(catalog):
    catalog.upsert(product(f"{number:03}") for number in range(100))
    scan = catalog.scan()
    first = next(scan)
    catalog.upsert(product(f"{number:03}", price=1.0) for number in range(200))

    rest = list(scan)
    assert [first, *rest] == [product(f"{number:03}") for number in range(100)]


def test_many_threads_read_while_one_writes(catalog):
    catalog.upsert(product(f"{number:03}") for number in range(300))
    failures: list[Exception] = []

    def read(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(20):
                asked = [f"{rng.randrange(300):03}" for _ in range(20)]
                prices = {found.price for found in catalog.get(asked)}
                assert len(prices) == 1, "half of an upsert was seen"
                assert len({found.price for found in catalog.scan()}) == 1
                catalog.data_version()
        except Exception as err:
            failures.append(err)

    readers = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for reader in readers:
        reader.start()
    for price in range(10):
        catalog.upsert(product(f"{number:03}", price=float(price)) for number in range(300))
    for reader in readers:
        reader.join()

    assert failures == []


@pytest.mark.slow
def test_a_hundred_thousand_products(catalog):
    products = [product(f"SKU_{number}", brand="Acme") for number in range(100_000)]

    assert catalog.upsert(products) == UpsertCounts(added=100_000, changed=0, unchanged=0)
    assert catalog.upsert(products) == UpsertCounts(added=0, changed=0, unchanged=100_000)
    assert sum(1 for _ in catalog.scan()) == 100_000
