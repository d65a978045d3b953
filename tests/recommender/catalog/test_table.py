import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.product import Product
from recommender.catalog.table import CatalogCache, ProductTable
from recommender.data.vocabulary import Vocabulary
from recommender.errors import CatalogError


@pytest.fixture
def table() -> ProductTable:
    return ProductTable(
        [
            Product(id="a", title="A", product_type=["X", "Y"]),
            Product(id="b", title="B", availability="out_of_stock"),
            Product(id="c/😀", title="C", availability="preorder"),
        ]
    )


def test_products_by_id(table):
    assert len(table) == 3
    assert table.ids == ("a", "b", "c/😀")
    assert table.get("a").title == "A"
    assert table.get("z") is None
    assert "b" in table
    assert "z" not in table


def test_categories(table):
    assert table.category("a") == ("X", "Y")
    assert table.category("b") == ()
    assert table.category("z") == ()


def test_only_what_can_be_bought_is_sellable(table):
    assert [table.sellable(item_id) for item_id in ("a", "b", "c/😀", "z")] == [
        True, False, True, False,
    ]  # fmt: skip
    mask = table.sellable_mask(Vocabulary(["z", "c/😀", "b", "a"]))
    assert mask.tolist() == [False, True, False, True]


def test_without_a_catalog_everything_is_sellable():
    empty = ProductTable([])
    assert empty.sellable("z")
    assert empty.sellable_mask(Vocabulary(["y", "z"])).tolist() == [True, True]
    assert empty.sellable_mask(Vocabulary([])).tolist() == []


@pytest.fixture
def catalog(tmp_path):
    catalog = EmbeddedCatalog(tmp_path / "catalog.sqlite")
    catalog.upsert([Product(id="b", title="B"), Product(id="a", title="A")])
    yield catalog
    catalog.close()


def test_a_table_holds_the_whole_catalog(catalog):
    table = ProductTable.read(catalog)
    assert table.ids == ("a", "b")
    assert table.get("b") == Product(id="b", title="B")


def test_the_cache_follows_changes_of_another_process(catalog, tmp_path):
    cache = CatalogCache(catalog)
    before = cache.table
    assert not cache.refresh_if_changed()
    assert cache.table is before
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from recommender.catalog.embedded import EmbeddedCatalog\n"
        "from recommender.catalog.product import Product\n"
        "EmbeddedCatalog(Path(sys.argv[1])).upsert([Product(id='c', title='C')])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "catalog.sqlite")], check=True)
    assert cache.refresh_if_changed()
    assert cache.table.ids == ("a", "b", "c")
    # Who still answers with the old table is not disturbed.
    assert before.ids == ("a", "b")
    assert not cache.refresh_if_changed()


def test_a_broken_catalog_leaves_the_last_table(catalog, tmp_path):
    cache = CatalogCache(catalog)
    assert not cache.stale
    good = tmp_path / "good.sqlite"
    path = (tmp_path / "catalog.sqlite").rename(good)
    (tmp_path / "catalog.sqlite").write_bytes(b"no database" * 1000)
    assert not cache.refresh_if_changed()
    assert cache.stale
    assert "catalog.sqlite" in str(cache.problem)
    assert cache.table.ids == ("a", "b")
    path.replace(tmp_path / "catalog.sqlite")
    cache.refresh_if_changed()
    assert not cache.stale


def test_a_catalog_that_cannot_be_read_at_first_is_an_error(tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(CatalogError):
        CatalogCache(EmbeddedCatalog(path))


def test_many_threads_read_while_one_refreshes(catalog):
    cache = CatalogCache(catalog)
    done = threading.Event()
    found: list[tuple[str, ...]] = []

    def look() -> None:
        while not done.is_set():
            cache.refresh_if_changed()
            found.append(cache.table.ids)

    with ThreadPoolExecutor(3) as pool:
        looking = [pool.submit(look) for _ in range(3)]
        for number in range(20):
            catalog.upsert([Product(id=f"c{number:02}", title="C")])
        done.set()
    for future in looking:
        future.result()
    cache.refresh_if_changed()
    assert len(cache.table) == 22
    assert {ids[:2] for ids in found} == {("a", "b")}


def test_filters_choose_products_and_rows_of_a_model():
    table = ProductTable([
        Product(id="a", title="A", price=5.0),
        Product(id="b", title="B", price=50.0),
        Product(id="c", title="C"),
    ])  # fmt: skip
    cheap, dear_or_unknown = parse_filter("price<10"), parse_filter("NOT price<10")
    vocabulary = Vocabulary(["c", "gone", "a", "b"])
    assert table.select(cheap) == ["a"]
    assert table.select(dear_or_unknown) == ["b", "c"]
    assert table.passing(cheap, vocabulary).tolist() == [False, False, True, False]
    assert table.passing(dear_or_unknown, vocabulary).tolist() == [True, False, False, True]
    assert not ProductTable([]).passing(dear_or_unknown, vocabulary).any()
