"""A feed takes as much memory as it takes, however large it is."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak"),
]

N_PRODUCTS = 20_000
TITLE = "title " * 200
GOOGLE = 'xmlns:g="http://base.google.com/ns/1.0"'

IMPORT = """
import re, sys
from pathlib import Path
from pipelines.ingest.items import import_items
from recommender.settings import ImportSettings, Settings
from recommender.workspace import Workspace
root = Path(sys.argv[1]); root.mkdir(exist_ok=True)
partial = sys.argv[3] == "partial"
settings = Settings(import_=ImportSettings(max_withdrawn=1))
counts = import_items(Workspace(root), settings, [sys.argv[2]], partial=partial)
# `getrusage` would count what the process that started this one had.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(sum(file.imported for file in counts.files), peak)
"""


def tsv(first: int, n_products: int) -> bytes:
    rows = (f"{n:032}\t{TITLE}\t{n}.00 EUR\n" for n in range(first, first + n_products))
    return ("id\ttitle\tprice\n" + "".join(rows)).encode()


def xml(first: int, n_products: int) -> bytes:
    items = (
        f"<item><g:id>{n:032}</g:id><g:title>{TITLE}</g:title><g:price>{n}</g:price></item>"
        for n in range(first, first + n_products)
    )
    return f"<rss {GOOGLE}><channel>{''.join(items)}</channel></rss>".encode()


def jsonl(first: int, n_products: int) -> bytes:
    numbers = range(first, first + n_products)
    rows = ({"id": f"{n:032}", "title": TITLE, "price": n} for n in numbers)
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def shopify(first: int, n_products: int) -> bytes:
    rows = (f"h{n // 3},{TITLE},{n:032},{n}\n" for n in range(first, first + n_products))
    return ("URL handle,Title,SKU,Price\n" + "".join(rows)).encode()


def parquet(first: int, n_products: int) -> bytes:
    ids = [f"{n:032}" for n in range(first, first + n_products)]
    file = io.BytesIO()
    pq.write_table(pa.table({"id": ids, "title": [TITLE] * n_products}), file)
    return file.getvalue()


def peak_mib(folder, path, kind: str = "full") -> tuple[int, float]:
    """Products imported, and the most memory that the whole process had."""
    command = [sys.executable, "-c", IMPORT, str(folder), str(path), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    n_imported, peak = map(int, done.stdout.split())
    return n_imported, peak / 1024


@pytest.mark.parametrize("make", [tsv, xml, jsonl, shopify, parquet])
def test_ten_times_the_products_take_hardly_more_memory(make, write, tmp_path):
    """Not even with other products in the catalog, which all go out of stock meanwhile."""
    few = peak_mib(tmp_path / "shop1", write("few", make(0, N_PRODUCTS // 10)))
    many = write("many.gz", gzip.compress(make(0, N_PRODUCTS), 1))
    others = write("others", make(N_PRODUCTS, N_PRODUCTS // 4))
    first = peak_mib(tmp_path / "shop2", many)
    then = peak_mib(tmp_path / "shop2", others)

    assert (few[0], first[0], then[0]) == (N_PRODUCTS // 10, N_PRODUCTS, N_PRODUCTS // 4)
    # The texts alone are 23 MiB.
    assert max(first[1], then[1]) < few[1] + 12, (few, first, then)
    assert max(first[1], then[1]) < 300


def test_so_does_a_partial_feed(write, tmp_path):
    few, many = (write(f"{n}", tsv(0, n)) for n in (N_PRODUCTS // 10, N_PRODUCTS))
    peak_mib(tmp_path / "shop", many)
    first = peak_mib(tmp_path / "shop", few, "partial")
    then = peak_mib(tmp_path / "shop", many, "partial")

    assert (first[0], then[0]) == (N_PRODUCTS // 10, N_PRODUCTS)
    assert then[1] < first[1] + 12, (first, then)
