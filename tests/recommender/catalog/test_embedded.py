"""The embedded catalog."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from filelock import FileLock

from recommender.catalog import embedded, sqlite_readers, sqlite_turns
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import FACET_FIELDS, Catalog, FacetValue, Search, UpsertCounts
from recommender.errors import CatalogError, CursorExpiredError, SlowSearchError
from tests.small_shop import held


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


def test_what_an_upsert_was_not_given_whole_is_not_written(catalog):
    catalog.upsert([product("a")])

    def some():
        yield product("a", price=1.0)
        yield product("b")
        raise KeyError("the feed ends in the middle")

    with pytest.raises(KeyError):
        catalog.upsert(some())
    assert list(catalog.scan()) == [product("a")]
    assert catalog.upsert([product("b")]).added == 1


def test_what_a_patch_was_not_given_whole_is_not_written(catalog):
    catalog.upsert([product("a", price=9.0), product("b")])

    def patches():
        yield ProductPatch(id="a", price=8.0)
        yield from (ProductPatch(id="b", price=float(n)) for n in range(600))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        catalog.patch(patches())
    assert [found.price for found in catalog.scan()] == [9.0, None]


def test_an_upsert_may_read_the_catalog_it_changes(catalog):
    catalog.upsert([product("a"), product("b")])

    sold_out = (
        found.model_copy(update={"availability": "out_of_stock"}) for found in catalog.scan()
    )
    assert catalog.upsert(sold_out).changed == 2


WRITE_MUCH = """
import sys
from pathlib import Path
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
print("begun", flush=True)
shop = (Product(id=f"{n:05}", title=f"Product {n}", brand="Acme") for n in range(20_000))
EmbeddedCatalog(Path(sys.argv[1])).upsert(shop)
"""


def test_others_write_while_another_process_writes_much(catalog, path):
    catalog.upsert([product("a")])
    command = [sys.executable, "-c", WRITE_MUCH, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        counts, price = [catalog.count()], 0.0
        while process.poll() is None:
            price += 1
            assert catalog.patch([ProductPatch(id="a", price=price)]).changed == 1
            counts.append(catalog.count())
    assert process.returncode == 0
    assert catalog.count() == 20_001
    between = {count for count in counts if 1 < count < 20_001}
    assert len(between) > 3, "a patch gets its turn while the other goes on"


def test_writers_of_many_threads_and_two_processes_wait_for_each_other(catalog, path):
    catalog.upsert([product("a")])
    failures: list[Exception] = []

    def write(number: int) -> None:
        try:
            for step in range(4):
                catalog.upsert(product(f"t{number}-{step}-{n}") for n in range(200))
        except Exception as err:
            failures.append(err)

    command = [sys.executable, "-c", WRITE_MUCH, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        writers = [threading.Thread(target=write, args=(number,)) for number in range(16)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert (failures, process.returncode) == ([], 0)
    assert catalog.count() == 1 + 20_000 + 16 * 4 * 200


def test_who_waits_too_long_is_told_that_another_program_holds_the_file(catalog, path, monkeypatch):
    catalog.upsert([product("a")])
    for module in (embedded, sqlite_turns):
        monkeypatch.setattr(module, "TURN_WITHIN_S", 0.2)
    turn = FileLock(path.with_name(".catalog.sqlite.turn"))
    for holder in (turn.acquire(), held(path)):
        with (
            holder,
            pytest.raises(CatalogError, match=r"held by another program.*try again") as told,
        ):
            catalog.upsert([product("b")])
        assert "disk" not in str(told.value)
    assert catalog.upsert([product("b")]).added == 1


def test_the_log_of_a_long_write_does_not_stay(catalog, path):
    assert catalog.count() == 0
    catalog.upsert(product(f"{n:04}", description="long " * 5_000) for n in range(1_900))
    assert path.stat().st_size > 40 * 2**20
    assert path.with_name("catalog.sqlite-wal").stat().st_size < 16 * 2**20


def test_changes_of_another_process_are_told(catalog, path):
    catalog.upsert([product("a")])
    cursor = catalog.change_cursor()
    code = (
        "import sys; from pathlib import Path\n"
        "from recommender.catalog.embedded import EmbeddedCatalog\n"
        "from recommender.catalog.product import Product\n"
        "EmbeddedCatalog(Path(sys.argv[1])).upsert([Product(id='c', title='C')])"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)

    assert [told.id for told in catalog.changes_since(cursor).products] == ["c"]
    assert catalog.count() == 2


def test_a_file_put_in_its_place_is_noticed(catalog, path, tmp_path):
    catalog.upsert([product("a")])
    before = catalog.change_cursor()
    other = EmbeddedCatalog(tmp_path / "other.sqlite")
    other.upsert([product("x"), product("y")])
    other.close()
    for leftover in tmp_path.glob("catalog.sqlite-*"):
        leftover.unlink()
    (tmp_path / "other.sqlite").replace(path)

    with pytest.raises(CursorExpiredError):
        catalog.changes_since(before)
    assert catalog.count() == 2


def test_without_create_a_missing_file_stays_missing(path):
    catalog = EmbeddedCatalog(path, create=False)
    for ask in (catalog.count, catalog.change_cursor, lambda: list(catalog.scan())):
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


VERSION_1 = """
CREATE TABLE product (
    id TEXT NOT NULL PRIMARY KEY, availability TEXT NOT NULL, document TEXT NOT NULL
) STRICT;
CREATE INDEX product_by_availability ON product (availability);
PRAGMA user_version = 1;
"""


@pytest.fixture
def written_by_version_1(path):
    shop = [product(f"{number:04}", brand="Acme", price=float(number)) for number in range(600)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1)
        rows = [(one.id, one.availability, one.model_dump_json(exclude_none=True)) for one in shop]
        connection.executemany("INSERT INTO product VALUES (?, ?, ?)", rows)
    return shop


def test_a_catalog_of_version_1_is_taken_over(written_by_version_1, catalog, path):
    shop = written_by_version_1
    with closing(EmbeddedCatalog(path, create=False)) as elsewhere:
        assert elsewhere.count() == 600
    assert list(catalog.scan()) == shop
    found = catalog.search(Search("acme", parse_filter("price<2"), ("brand",)))
    assert found.products == shop[:2]
    assert found.facets == {"brand": (FacetValue("Acme", 2),)}
    assert catalog.upsert(shop) == UpsertCounts(0, 0, 600)
    cursor = catalog.change_cursor()
    catalog.delete(["0000"])
    assert catalog.changes_since(cursor).deleted_ids == ["0000"]


def test_a_catalog_of_version_2_gets_its_indexes(catalog, path):
    catalog.upsert([product("a", brand="Acme", product_type=["A", "B"]), product("b")])
    catalog.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in FACET_FIELDS:
            connection.execute(f"DROP INDEX field_by_{name}")
        connection.execute("PRAGMA user_version = 2")
    found = catalog.search(Search(facets=("brand", "product_type", "attributes.x")))
    assert found.facets == {
        "brand": (FacetValue("Acme", 1),),
        "product_type": (FacetValue("A", 1), FacetValue("B", 1)),
        "attributes.x": (),
    }
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


@pytest.mark.parametrize("name", FACET_FIELDS)
def test_a_count_of_all_products_reads_an_index_only(catalog, path, name):
    catalog.upsert([product("a")])
    query = f"EXPLAIN QUERY PLAN SELECT {name}, count(*) FROM field WHERE {name} IS NOT NULL"
    with closing(sqlite3.connect(path)) as connection:
        ((*_, plan),) = connection.execute(f"{query} GROUP BY {name}").fetchall()
    assert f"COVERING INDEX field_by_{name}" in plan


def test_many_processes_take_over_version_1_once(written_by_version_1, path):
    code = (
        "import sys; from pathlib import Path\n"
        "from recommender.catalog.embedded import EmbeddedCatalog\n"
        "print(EmbeddedCatalog(Path(sys.argv[1])).count())"
    )
    command = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in running] == ["600\n"] * 3


def test_a_take_over_that_fails_leaves_the_file_as_it_was(written_by_version_1, path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE product SET document = '{}' WHERE id = '0599'")
    with pytest.raises(CatalogError, match="import the product feed again"):
        EmbeddedCatalog(path).count()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM product").fetchone() == (600,)


def test_a_newer_format_is_left_alone(catalog, path):
    catalog.upsert([product("a")])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(CatalogError, match="newer version"):
        EmbeddedCatalog(path).count()


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
                catalog.change_cursor()
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


@pytest.fixture
def endless():
    """A search that would take minutes: each condition reads every description anew."""
    texts = (f'description!="{number}"' for number in range(170))
    return Search(filter=parse_filter(" AND ".join(texts)))


def test_a_search_that_takes_too_long_is_given_up(catalog, endless, monkeypatch):
    catalog.upsert(product(f"{n:04}", description="long " * 2_000) for n in range(2_000))
    monkeypatch.setattr(sqlite_readers, "SEARCH_WITHIN_S", 0.1)
    began = time.monotonic()
    with pytest.raises(SlowSearchError, match=r"longer than 0\.1 s; name fewer"):
        catalog.search(endless)
    assert time.monotonic() - began < 2
    monkeypatch.setattr(sqlite_readers, "SEARCH_WITHIN_S", 60.0)
    assert catalog.search(Search("0007")).total == 1


def test_a_search_of_many_short_queries_is_given_up_too(catalog, monkeypatch):
    catalog.upsert([product("a")])
    monkeypatch.setattr(sqlite_readers, "SEARCH_WITHIN_S", 0.0)
    with pytest.raises(SlowSearchError):
        catalog.search(Search("product"))


def test_nobody_waits_for_a_search(catalog, endless, monkeypatch):
    catalog.upsert(product(f"{n:04}", description="long " * 2_000) for n in range(2_000))
    monkeypatch.setattr(sqlite_readers, "SEARCH_WITHIN_S", 3.0)
    with ThreadPoolExecutor(4) as pool:
        searches = [pool.submit(catalog.search, endless) for _ in range(4)]
        began = time.monotonic()
        assert [found.id for found in catalog.get(["0001"])] == ["0001"]
        assert catalog.patch([ProductPatch(id="0001", price=5.0)]).changed == 1
        assert catalog.search(Search("0001")).products[0].price == 5.0
        assert time.monotonic() - began < 2
        assert not any(search.done() for search in searches)
        for search in searches:
            with pytest.raises(SlowSearchError):
                search.result()


@pytest.mark.slow
def test_a_hundred_thousand_products(catalog):
    products = [product(f"SKU_{number}", brand="Acme") for number in range(100_000)]

    assert catalog.upsert(products) == UpsertCounts(added=100_000, changed=0, unchanged=0)
    assert catalog.upsert(products) == UpsertCounts(added=0, changed=0, unchanged=100_000)
    assert sum(1 for _ in catalog.scan()) == 100_000
