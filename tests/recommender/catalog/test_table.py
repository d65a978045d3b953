import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_the_cache_reads_only_what_changed(catalog):
    catalog.upsert(Product(id=f"x{number:04}", title="X") for number in range(2500))
    cache = CatalogCache(catalog)
    before = cache.table.get("b")
    catalog.upsert([Product(id="0", title="First"), Product(id="x0001", title="Y")])
    catalog.delete(["a", "x0002"])
    catalog.upsert(Product(id=f"z{number:04}", title="Z") for number in range(1500))
    assert cache.refresh_if_changed()
    assert cache.table.ids == tuple(product.id for product in catalog.scan())
    assert cache.table.get("x0001").title == "Y"
    assert cache.table.get("b") is before
    assert len(cache.table) == 4001


def test_a_replaced_catalog_is_read_anew(catalog, tmp_path):
    cache = CatalogCache(catalog)
    other = EmbeddedCatalog(tmp_path / "other.sqlite")
    other.upsert([Product(id="q", title="Q")])
    other.close()
    (tmp_path / "other.sqlite").replace(tmp_path / "catalog.sqlite")
    for leftover in tmp_path.glob("catalog.sqlite-*"):
        leftover.unlink()
    assert cache.refresh_if_changed()
    assert cache.table.ids == ("q",)


def test_a_replaced_catalog_that_cannot_be_read_at_first_is_read_later(catalog, tmp_path):
    cache = CatalogCache(catalog)
    other = EmbeddedCatalog(tmp_path / "other.sqlite")
    other.upsert([Product(id="q", title="Q")])
    other.close()
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection, connection:
        connection.execute("UPDATE product SET document = '{}'")
    (tmp_path / "other.sqlite").replace(tmp_path / "catalog.sqlite")
    for leftover in tmp_path.glob("catalog.sqlite-*"):
        leftover.unlink()
    assert not cache.refresh_if_changed()
    assert cache.stale
    assert cache.table.ids == ("a", "b")

    # No change to hear of: the product only can be read again.
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE product SET document = ?", ['{"id": "q", "title": "Q"}'])
    assert cache.refresh_if_changed()
    assert cache.table.ids == ("q",)
    assert not cache.stale


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
    assert table.passing(cheap, vocabulary).tolist() == [False, False, True, False]
    assert table.passing(dear_or_unknown, vocabulary).tolist() == [True, False, False, True]
    assert not ProductTable([]).passing(dear_or_unknown, vocabulary).any()


FILTERS = [
    'availability="in_stock"', "price<5", "NOT sale_price>1", 'brand="B1"', 'color="red"',
    'product_type="Chairs"', 'attributes.Seat="cane"', 'NOT brand IN ("B0", "B9")',
]  # fmt: skip
few = st.integers(0, 5)
products = st.builds(
    Product,
    id=few.map(str),
    title=st.just("T"),
    price=st.none() | few.map(float),
    sale_price=st.none() | few.map(float),
    availability=st.sampled_from(["in_stock", "out_of_stock"]),
    brand=st.none() | few.map(lambda n: f"B{n}"),
    color=st.sampled_from([None, "red"]),
    product_type=st.sampled_from([[], ["Chairs"], ["Chairs", "Stools"]]),
    attributes=st.sampled_from([{}, {"Seat": "cane"}]),
)
steps = st.lists(
    st.tuples(st.lists(products, max_size=3), st.lists(few.map(str), max_size=2)), max_size=4
)


@settings(max_examples=60, deadline=None)
@given(first=st.lists(products, max_size=6), steps=steps, ordered=st.booleans())
def test_a_changed_table_is_one_made_anew(first, steps, ordered):
    """Whatever was asked of the older ones, and they stay as they were."""
    vocabulary = Vocabulary([str(n) for n in range(7)])
    there = {product.id: product for product in first}
    table = ProductTable(there[i] for i in (sorted(there) if ordered else there))
    ever_any = bool(first)
    tables = [(table, dict(there), ever_any)]
    for changed, deleted in steps:
        # What is told as deleted was there.
        ever_any = ever_any or bool(changed or deleted)
        there = {i: p for i, p in there.items() if i not in deleted}
        there |= {product.id: product for product in changed}
        tables.append((tables[-1][0].changed(changed, deleted), dict(there), ever_any))
        for known, expected, emptied in tables:
            fresh = ProductTable((expected[i] for i in sorted(expected)), emptied=emptied)
            assert known.ids == fresh.ids
            assert [known.get(i) for i in fresh.ids] == [expected[i] for i in fresh.ids]
            for node in map(parse_filter, FILTERS):
                passing = known.passing(node, vocabulary)
                assert passing.tolist() == fresh.passing(node, vocabulary).tolist()
            sellable = [fresh.sellable(item_id) for item_id in vocabulary.item_ids]
            assert known.sellable_mask(vocabulary).tolist() == sellable
    newest, there, _ = tables[-1]
    for at, (older, was, _) in enumerate(tables):
        touched = {p.id for changed, _ in steps[at:] for p in changed}
        touched |= {item_id for _, deleted in steps[at:] for item_id in deleted}
        told = newest.changed_since(older)
        assert told >= {i for i in was.keys() | there.keys() if was.get(i) != there.get(i)}
        assert told <= touched
    assert newest.changed_since(newest) == set()
