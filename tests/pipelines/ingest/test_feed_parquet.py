"""Feeds in Parquet."""

import gzip
import subprocess
import sys
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.feed import feed_rows
from recommender.catalog.product import Product
from recommender.errors import DataError, MappingError


@pytest.fixture
def parquet(tmp_path):
    def parquet(columns, name="feed.parquet"):
        path = tmp_path / name
        pq.write_table(pa.table(columns), path, row_group_size=2)
        return path

    return parquet


COLUMNS = {
    "id": pa.array([1, 2, 3]),
    "Title": pa.array(["Oak <b>chair</b>", "Table", "Lamp"]).dictionary_encode(),
    "price": pa.array([Decimal("49.50"), None, Decimal("1.00")]),
    "product type": pa.array([["Home", "Chairs"], None, []], pa.list_(pa.string())),
    "attributes": pa.array([[("wood", "oak")], None, []], pa.map_(pa.string(), pa.string())),
    "stock": pa.array([3.0, float("nan"), 0.5]),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_rows_become_products(pack, parquet, write, take_items, products):
    take_items(write("feed", pack(parquet(COLUMNS).read_bytes())))

    assert products() == {
        "1": Product(
            id="1",
            title="Oak chair",
            price=49.5,
            product_type=["Home", "Chairs"],
            attributes={"wood": "oak", "stock": "3"},
        ),
        "2": Product(id="2", title="Table"),
        "3": Product(id="3", title="Lamp", price=1.0, attributes={"stock": "0.5"}),
    }


def test_refused_rows(parquet):
    titles = pa.StringArray.from_buffers(
        4, *pa.array([b"good", b"caf\xe9", b"", b"x"], pa.binary()).buffers()[1:]
    )
    path = parquet({"id": ["A", "B", "C", None], "title": titles})

    rows = list(feed_rows(str(path)))
    assert [row.reason for row in rows] == [None, "not_utf8", "missing_title", "missing_id"]


def test_what_is_no_parquet(parquet, write, take_items):
    whole = parquet(COLUMNS).read_bytes()
    for content in (whole[:200], b"PAR1 and rubbish", b"id,title\nA,T\n"):
        with pytest.raises(DataError, match=r"bad\.parquet is no readable Parquet"):
            take_items(write("bad.parquet", content))
    with pytest.raises(DataError, match="damaged gzip"):
        take_items(write("bad.parquet.gz", gzip.compress(whole)[:-9]))
    with pytest.raises(MappingError, match="no column 'title'; its columns are id"):
        take_items(parquet({"id": ["A"]}))


def test_without_pyarrow_it_says_what_to_install(parquet, tmp_path):
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pipelines.ingest.feed import feed_rows\n"
        "from recommender.errors import MissingExtraError\n"
        "try:\n"
        f"    list(feed_rows({str(parquet(COLUMNS))!r}))\n"
        "except MissingExtraError as err:\n"
        "    print(err)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'session-recommender[train]'" in done.stdout


def test_a_partial_feed_that_can_change_nothing_is_refused(parquet):
    path = parquet({"id": pa.array(["1"]), "title": pa.array(["Oak chair"])})
    with pytest.raises(MappingError, match="none of the columns price, sale_price"):
        list(feed_rows(str(path), partial=True))
