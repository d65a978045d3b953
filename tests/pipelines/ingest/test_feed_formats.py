"""What holds for feeds of every format."""

import gzip
import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.catalog.product import Product
from recommender.errors import DataError

GOOGLE = 'xmlns:g="http://base.google.com/ns/1.0"'


def parquet(n_products: int) -> bytes:
    file = io.BytesIO()
    numbers = [f"{n}" for n in range(n_products)]
    table = {"id": pa.array(numbers, pa.string()), "title": pa.array(numbers, pa.string())}
    pq.write_table(pa.table(table), file)
    return file.getvalue()


def feed(kind: str, n_products: int) -> bytes:
    """Products with their numbers as ids and titles."""
    if kind == "parquet":
        return parquet(n_products)
    head, row, tail = {
        "tsv": ("id\ttitle\n", "{0}\t{0}\n", ""),
        "csv": ("id,title\n", "{0},{0}\n", ""),
        "shopify": ("URL handle,Title,Price\n", "{0},{0},\n", ""),
        "jsonl": ("", '{{"id": "{0}", "title": "{0}"}}\n', ""),
        "xml": (
            f"<rss {GOOGLE}><channel>",
            "<item><g:id>{0}</g:id><title>{0}</title></item>",
            "</channel></rss>",
        ),
    }[kind]
    return (head + "".join(row.format(n) for n in range(n_products)) + tail).encode()


KINDS = ["tsv", "csv", "shopify", "jsonl", "xml", "parquet"]
TEXTS = KINDS[:-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_format_is_told_from_its_bytes_plain_and_gzipped(
    kind, pack, write, take_items, products
):
    counts = take_items(write("feed", pack(feed(kind, 3))))

    assert counts.added == 3
    found = products()["2"]
    assert (found.id, found.title) == ("2", "2")
    assert take_items(write("again", feed(kind, 3)), file_format=kind).unchanged == 3


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_texts_come_from_stdin(kind, pack, take_items, monkeypatch):
    class Stdin:
        buffer = io.BytesIO(pack(feed(kind, 3)))

    monkeypatch.setattr("sys.stdin", Stdin)
    assert take_items("-").added == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_feed_withdraws_and_never_deletes(kind, write, take_items, products):
    take_items(write("feed", feed(kind, 5)))
    counts = take_items(write("feed", feed(kind, 2)))

    assert (counts.unchanged, counts.withdrawn) == (2, 3)
    stock = [product.availability for product in products().values()]
    assert stock == ["in_stock"] * 2 + ["out_of_stock"] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_empty_files_and_bare_headers_change_nothing(kind, write, take_items, products):
    take_items(write("feed", feed("tsv", 1)))
    for content in (b"", gzip.compress(b""), feed(kind, 0)):
        assert "stays as it is" in take_items(write(f"feed.{kind}", content)).in_words()

    assert products() == {"0": Product(id="0", title="0")}


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_gzip_changes_nothing(kind, write, take_items, products):
    take_items(write("feed", feed("tsv", 1)))
    whole = gzip.compress(feed(kind, 10_000))
    for content in (whole[: len(whole) // 2], whole[:12], whole[:-4] + b"\0\0\0\0"):
        with pytest.raises(DataError, match="damaged gzip"):
            take_items(write(f"feed.{kind}.gz", content))

    assert list(products()) == ["0"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_such_file_is_a_sentence(kind, write, take_items, tmp_path):
    rubbish = random.Random(3).randbytes(200_000)
    for path in (tmp_path, tmp_path / "none", write(f"feed.{kind}", rubbish)):
        with pytest.raises(DataError) as caught:
            take_items(path, file_format=kind)
        assert len(str(caught.value)) < 2_000
    with pytest.raises(DataError, match="UTF-16; save it as UTF-8"):
        take_items(write(f"feed.{kind}", "id\ttitle\n".encode("utf-16")))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("id\ttitle\n".encode("utf-16-le"), "no text in UTF-8; save it as CSV in UTF-8"),
        (b"PK\x03\x04" + bytes(5_000), "a spreadsheet or a ZIP archive; save it as CSV"),
        (gzip.compress(gzip.compress(b"id\ttitle\nA\tT\n")), "no text in UTF-8"),
    ],
    ids=["utf-16", "zip", "twice-gzipped"],
)
def test_what_is_no_text_is_told_without_showing_it(content, says, write, take_items):
    with pytest.raises(DataError, match=says) as caught:
        take_items(write("feed.csv", content))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", TEXTS)
def test_nul_bytes_never_get_into_the_catalog(kind, write, take_items, products):
    path = write("feed", feed(kind, 40).replace(b"17", b"1\x007"))
    if kind == "xml":
        with pytest.raises(DataError, match="line 1, column"):
            take_items(path)
        return
    take_items(path, settings={"max_refused": 1})
    found = products()
    assert len(found) == 39
    assert not any("\0" in f"{product.id}{product.title}" for product in found.values())
