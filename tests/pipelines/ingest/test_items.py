"""Import of product feeds."""

import gzip
import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.ingest import feed, seen_ids
from pipelines.ingest.feed import feed_rows
from pipelines.ingest.items import import_items
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product, ProductPatch
from recommender.errors import (
    CatalogError,
    DataError,
    MappingError,
    RefusedRowsError,
    WithdrawnError,
)
from recommender.settings import Settings
from recommender.workspace import Workspace

HEADER = "id\ttitle\timage link\tprice\tavailability\tproduct type\tcolour\n"


def row(number: int, **cells: str) -> str:
    values = {
        "id": f"SKU_{number}",
        "title": f"Product {number}",
        "image_link": f"/pictures/{number}.svg",
        "price": "49.00 EUR",
        "availability": "in stock",
        "product_type": "Furniture > Chairs",
        "colour": "oak",
    } | cells
    return "\t".join(values.values()) + "\n"


@pytest.fixture
def take(take_items):
    return take_items


def test_a_row_becomes_a_product(write, take, products):
    counts = take(write("feed.tsv", HEADER + row(1)))

    assert counts.files[0].imported == counts.added == 1
    assert products()["SKU_1"] == Product(
        id="SKU_1",
        title="Product 1",
        image_link="/pictures/1.svg",
        price=49.0,
        currency="EUR",
        availability="in_stock",
        product_type=["Furniture", "Chairs"],
        attributes={"colour": "oak"},
    )


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("availability", "Out of Stock", "availability", "out_of_stock"),
        ("g:availability", "preorder", "availability", "preorder"),
        ("G:Price", "12.50 USD", "price", 12.5),
        ("additional_image_link", "a.svg , https://x.example/b.svg,", "additional_image_link",
         ["a.svg", "https://x.example/b.svg"]),
        ("product_type", "Books > A>B > C", "product_type", ["Books", "A>B", "C"]),
        ("description", '"two\nlines\tand ""quotes"""', "description", 'two lines and "quotes"'),
        ("custom label 0", " 5 ", "custom_label_0", "5"),
        ("brand", "", "brand", None),
        ("Unknown Thing", "x", "attributes", {"Unknown Thing": "x"}),
    ],
)  # fmt: skip
def test_attributes(column, cell, field, value, write, take, products):
    take(write("feed.tsv", f"ID\tTitle\t{column}\nA\tÄ ☕\t{cell}\n"))

    assert getattr(products()["A"], field) == value


@pytest.mark.parametrize(
    ("header", "cells", "file_format"),
    [
        ("id;title;price;product_type", 'A;"Oak; iron";1.234,50 EUR;A, B', None),
        ("id;title;price;product_type", 'A;"Oak; iron";"1.234,50";"A, B"', "csv"),
        ("id,title,price,product_type", 'A,"Oak; iron",1234.50,"A, B"', "csv"),
        ("id\ttitle\tprice\tproduct_type", "A\tOak; iron\t1,234.50\tA, B", None),
    ],
)
def test_the_header_tells_what_stands_between_cells(
    header, cells, file_format, write, take, products
):
    take(write("feed.csv", f"{header}\n{cells}\n"), file_format=file_format)

    (product,) = products().values()
    assert (product.title, product.price) == ("Oak; iron", 1234.5)
    assert product.product_type == ["A, B"]


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("missing_id", row(9, id=" ")),
        ("missing_title", row(9, title="")),
        ("id_too_long", row(9, id="é" * 129)),
        ("duplicate_id", row(1, title="Another")),
        ("bad_price", row(9, price="cheap")),
        ("bad_availability", row(9, availability="sold")),
        ("bad_link", row(9, image_link="javascript:alert(1)")),
        ("column_count", row(9).strip() + "\tone\tmore\n"),
        ("not_utf8", row(9, title="caf\udcff")),
        ("broken_row", row(9, title="x" * 140_000)),
    ],
)
def test_every_reason_of_a_row(reason, line, write, take, products, workspace):
    text = HEADER + "".join(row(number) for number in range(30)) + line + row(30)
    counts = take(write("feed.tsv", text.encode(errors="surrogateescape")))

    assert counts.files[0].refused == {reason: 1}
    assert counts.added == len(products()) == 31
    assert products()["SKU_1"].title == "Product 1"
    (path,) = workspace.rejected_dir.iterdir()
    kept = json.loads(path.read_text("utf-8"))
    assert (kept["row"], kept["reason"]) == (31, reason)


def test_a_bad_additional_link_is_refused(write, tmp_path):
    text = "id\ttitle\tadditional image link\nA\tA\ta.svg,javascript:x\nB\tB\thttp://[\n"

    assert [row.reason for row in feed_rows(str(write("feed.tsv", text)))] == ["bad_link"] * 2


@pytest.mark.parametrize("n_swallowed", [20, 4000])
def test_rows_that_an_open_quotation_mark_swallows_are_refused_one_by_one(
    n_swallowed, write, take, products
):
    rows = [row(number) for number in range(n_swallowed + 2)]
    take(write("feed.tsv", HEADER + "".join(rows)))
    opened = [row(0, title='"Best chair'), *rows[1:-1], row(n_swallowed + 1, title='Bar"')]

    with pytest.raises(RefusedRowsError, match="open quotation mark"):
        take(write("feed.tsv", HEADER + "".join(opened)))

    assert {product.availability for product in products().values()} == {"in_stock"}


@pytest.mark.parametrize("sign", ["\t", ","])
def test_a_quotation_mark_that_is_never_closed(sign, write, take, products):
    rows = [f"{n}{sign}T\n" for n in range(10)]
    take(write("feed", f"id{sign}title\n" + "".join(rows)))
    rows[5] = f'5{sign}"T\n'
    counts = take(write("feed", f"id{sign}title\n" + "".join(rows)), settings={"max_refused": 0.5})

    assert counts.files[0].refused == {"broken_row": 5}
    assert counts.files[0].places == {"broken_row": "line 7"}


def test_a_record_over_very_many_lines_is_ended(write):
    """What is read for one row is limited, however its line ends stand in quotation marks."""
    cell = '"\n' + "x" * 98 + '"\t'
    path = str(write("feed.tsv", f"id\ttitle\n{cell * 30_000}\nA\tT\nB\tT\n"))
    n_refused, most = 0, 0
    for found in feed_rows(path):
        n_refused += found.reason == "broken_row"
        most = max(most, len(found.text))

    assert (found.item_id, found.reason) == ("B", None)
    assert n_refused > 20_000
    assert most < 1 << 20


def test_a_full_disk_for_ids_is_a_sentence(write, take, products, monkeypatch):
    take(write("feed.tsv", HEADER + row(1)))
    # What SQLite says when a file may not grow.
    monkeypatch.setattr(seen_ids, "_PAGES", 40)
    with pytest.raises(DataError, match="SQLITE_TMPDIR"):
        take(write("feed.tsv", HEADER + "".join(row(n, id=f"{n:0200}") for n in range(2000))))
    assert list(products()) == ["SKU_1"]


def test_too_many_refused_rows_change_nothing(write, take, products):
    take(write("feed.tsv", HEADER + row(1) + row(2)))
    bad = HEADER + row(3) + row(4, price="cheap")
    with pytest.raises(RefusedRowsError, match=r"1 of 2 rows refused.*bad_price.*rejected"):
        take(write("feed.tsv", bad))

    assert set(products()) == {"SKU_1", "SKU_2"}
    counts = take(write("feed.tsv", bad), settings={"max_refused": 0.5})
    assert (counts.added, counts.withdrawn) == (1, 2)


def test_what_a_full_feed_no_longer_has_is_out_of_stock(write, take, products):
    take(write("feed.tsv", HEADER + "".join(row(number) for number in range(4))))
    changed = HEADER + row(0) + row(1, price="50.00 EUR") + row(9)
    counts = take(write("feed.tsv", changed))

    assert (counts.added, counts.changed, counts.unchanged, counts.withdrawn) == (1, 1, 1, 2)
    stock = {id: product.availability for id, product in products().items()}
    assert stock == {
        "SKU_0": "in_stock",
        "SKU_1": "in_stock",
        "SKU_2": "out_of_stock",
        "SKU_3": "out_of_stock",
        "SKU_9": "in_stock",
    }
    again = take(write("feed.tsv", changed))
    assert (again.added, again.changed, again.unchanged, again.withdrawn) == (0, 0, 3, 0)


def test_who_is_withdrawn_keeps_what_others_wrote_meanwhile(
    write, take, products, workspace, monkeypatch
):
    take(write("feed.tsv", HEADER + "".join(row(number) for number in range(4))))
    with closing(EmbeddedCatalog(workspace.catalog_path)) as other:
        scan = EmbeddedCatalog.scan

        def scan_while_others_write(catalog: EmbeddedCatalog) -> Iterator[Product]:
            before = list(scan(catalog))
            other.patch([ProductPatch(id="SKU_2", price=5.0)])
            yield from before

        with monkeypatch.context() as patched:
            patched.setattr(EmbeddedCatalog, "scan", scan_while_others_write)
            feed = write("feed.tsv", HEADER + row(0) + row(1, price="50.00 EUR") + row(9))
            counts = take(feed)
    assert (counts.added, counts.changed, counts.unchanged, counts.withdrawn) == (1, 1, 1, 2)
    assert (products()["SKU_2"].price, products()["SKU_2"].availability) == (5.0, "out_of_stock")


def test_others_write_while_a_feed_is_read(write, take, products, workspace):
    take(write("feed.tsv", HEADER + row(1)))
    feed, done = write("feed.tsv", HEADER + "".join(map(row, range(2, 8000)))), []
    with closing(EmbeddedCatalog(workspace.catalog_path)) as other:

        def patch(_: int) -> None:
            done.append(other.patch([ProductPatch(id="SKU_1", price=float(len(done)))]))

        assert take(feed, on_bytes=patch).withdrawn == 1
    assert len(done) > 3
    assert products()["SKU_1"].price == len(done) - 1


def test_an_import_that_is_cut_off_while_it_writes_is_finished_by_the_same_again(
    write, take, products, monkeypatch
):
    take(write("feed.tsv", HEADER + row(1) + row(2)))

    def interrupted(*_):
        raise KeyboardInterrupt

    feed = write("feed.tsv", HEADER + row(2, title="New") + row(3))
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedCatalog, "patch", interrupted)
        with pytest.raises(KeyboardInterrupt, match="the same import once more finishes it"):
            take(feed)
    assert {product.availability for product in products().values()} == {"in_stock"}
    assert (products()["SKU_2"].title, len(products())) == ("New", 3)

    counts = take(feed)
    assert (counts.added, counts.changed, counts.unchanged, counts.withdrawn) == (0, 0, 2, 1)


def test_a_feed_that_was_cut_off_changes_nothing(write, take, products):
    sold_out = [row(number, availability="out of stock") for number in range(40, 80)]
    take(write("feed.tsv", HEADER + "".join(map(row, range(40))) + "".join(sold_out)))
    before = products()
    cut = write("cut.tsv", HEADER + row(99) + "".join(map(row, range(19))))
    says = (
        r"lacks 21 of 40 products that are in stock, above import.max_withdrawn = 0\.5; "
        r"nothing was imported; .* --allow-withdrawn"
    )
    for dry_run in (False, True):
        with pytest.raises(WithdrawnError, match=says):
            take(cut, dry_run=dry_run)
    assert products() == before

    assert take(write("cut.tsv", HEADER + "".join(map(row, range(20))))).withdrawn == 20
    settings = {"max_withdrawn": 0.9}
    few = write("few.tsv", HEADER + "".join(map(row, range(5))))
    assert take(few, settings=settings).withdrawn == 15


def test_of_few_products_all_may_go(write, take, products):
    take(write("feed.tsv", HEADER + "".join(map(row, range(11)))))
    with pytest.raises(WithdrawnError, match="lacks 11 of 11 products"):
        take(write("next.tsv", HEADER + row(50)))
    take(write("feed.tsv", HEADER + row(10)))
    stock = [product.availability for product in products().values()]
    assert sorted(stock) == ["in_stock"] + ["out_of_stock"] * 10


def test_several_files_are_one_feed_and_the_last_one_counts(write, take, products):
    first = write("1.tsv", HEADER + row(1) + row(2, title="old"))
    second = write("2.tsv", HEADER + row(2, title="new") + row(3))
    counts = take(first, second)

    assert [file.path for file in counts.files] == [str(first), str(second)]
    assert [file.rows for file in counts.files] == [2, 2]
    assert (counts.added, counts.changed, counts.withdrawn) == (3, 0, 0)
    assert products()["SKU_2"].title == "new"
    assert take(first, second).unchanged == 3


@pytest.mark.parametrize("content", ["", "\n", HEADER, "\ufeff", HEADER + "\n\t\t\n"])
def test_an_empty_feed_changes_nothing_and_says_so(content, write, take, products, workspace):
    counts = take(write("feed.tsv", content))
    assert "empty" in counts.in_words()
    assert not workspace.catalog_path.exists()

    take(write("full.tsv", HEADER + row(1)))
    take(write("feed.tsv", content))
    assert products()["SKU_1"].availability == "in_stock"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: b"\xef\xbb\xbf" + text])
@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_shapes_of_a_feed(pack, delimiter, write, take, products):
    text = (HEADER + row(1) + row(2)).replace("\t", delimiter).replace("\n", "\r\n")
    take(write("feed", pack(text.encode())))

    assert products()["SKU_2"].product_type == ["Furniture", "Chairs"]


@pytest.mark.parametrize("missing", ["id", "title"])
def test_a_missing_header_is_a_usage_error(missing, write, take, workspace):
    text = HEADER.replace(missing, "other", 1) + row(1)
    with pytest.raises(MappingError, match=rf"no column '{missing}'; its columns are .*price"):
        take(write("feed.tsv", text))
    with pytest.raises(MappingError, match="first line must name"):
        take(write("feed.tsv", row(1)))
    assert not workspace.catalog_path.exists()


def test_unreadable_feeds(write, take, tmp_path, workspace):
    whole = gzip.compress((HEADER + "".join(map(row, range(5000)))).encode())
    with pytest.raises(DataError, match="damaged gzip"):
        take(write("feed.tsv.gz", whole[: len(whole) // 2]))
    assert EmbeddedCatalog(workspace.catalog_path).count() == 0
    with pytest.raises(MappingError, match="its columns are"):
        take(write("feed.tsv", random.Random(5).randbytes(100_000)))
    with pytest.raises(DataError, match="first line has no end"):
        take(write("feed.tsv", b"A" * 200_000))
    with pytest.raises(DataError, match="there is no file"):
        take(tmp_path / "missing.tsv")
    with pytest.raises(DataError, match="is a folder"):
        take(tmp_path)


def test_a_catalog_that_cannot_be_written(write, take, workspace):
    workspace.root.mkdir()
    workspace.catalog_path.mkdir()
    with pytest.raises(CatalogError, match="cannot be used"):
        take(write("feed.tsv", HEADER + row(1)))


def test_an_interrupt_changes_nothing(write, take, products, monkeypatch):
    take(write("feed.tsv", HEADER + row(1)))
    original = feed._row

    def interrupted(record, **rest):
        if record.number == 3:
            raise KeyboardInterrupt
        return original(record, **rest)

    monkeypatch.setattr(feed, "_row", interrupted)
    with pytest.raises(KeyboardInterrupt):
        take(write("feed.tsv", HEADER + row(2) + row(3) + row(4)))
    assert set(products()) == {"SKU_1"}
    assert products()["SKU_1"].availability == "in_stock"


def test_a_product_whose_row_is_refused_stays_as_it_was(tmp_path: Path) -> None:
    workspace, source = Workspace(tmp_path / "shop"), tmp_path / "feed.tsv"
    workspace.root.mkdir()
    rows = [f"id_{n}\tthing {n}\t{n + 1}.00 EUR\n" for n in range(40)]
    for price in ("8.00 EUR", "a slip"):
        rows[7] = f"id_7\tthing 7\t{price}\n"
        source.write_text("id\ttitle\tprice\n" + "".join(rows), "utf-8")
        counts = import_items(workspace, Settings(), [str(source)])
    assert counts.files[0].refused == {"bad_price": 1}
    (product,) = EmbeddedCatalog(workspace.catalog_path).get(["id_7"])
    assert (product.price, product.availability) == (8.0, "in_stock")


def rows_of_csv(n: int) -> list[str]:
    return [f"p{number},t{number},d\n" for number in range(n)]


@pytest.mark.parametrize(
    ("first", "closing", "n_refused"),
    [
        # An odd quotation mark swallows three rows that are not broken themselves.
        ('p49,t49,"opened\n', 'p53,t53,"closed"\n', 5),
        ("p\udcff49,t49,d\n", "p53,t53,d\n", 1),
        ("p\x0149,t49,d\n", "p53,t53,d\n", 1),
    ],
    ids=["open quotation mark", "no UTF-8 in the id", "no text in the id"],
)
def test_where_a_refused_row_does_not_say_which_it_is_nothing_is_withdrawn(
    first, closing, n_refused, write, take, products
):
    header, rows = "id,title,description\n", rows_of_csv(201)
    take(write("feed.csv", header + "".join(rows)))
    rows[49], rows[53] = first, closing
    broken = (header + "".join(rows[:-1])).encode(errors="surrogateescape")
    counts = take(write("feed.csv", broken))

    assert (counts.files[0].n_refused, counts.without_id) == (n_refused, n_refused)
    assert (counts.withdrawn, counts.as_json()["without_id"]) == (0, n_refused)
    assert (
        f"nothing was taken out of stock, for {n_refused} of the refused rows" in counts.in_words()
    )
    assert {product.availability for product in products().values()} == {"in_stock"}

    rows[49], rows[53] = rows_of_csv(54)[49::4]
    counts = take(write("feed.csv", header + "".join(rows[:-1])))
    assert (counts.withdrawn, counts.without_id) == (1, 0)
    assert products()["p200"].availability == "out_of_stock"
    assert "nothing was taken" not in counts.in_words()


def test_a_row_that_gives_no_id_keeps_nothing_in_stock(write, take):
    header, rows = "id,title,description\n", rows_of_csv(40)
    take(write("feed.csv", header + "".join(rows)))
    rows[0] = ",of no product,d\n"
    counts = take(write("feed.csv", header + "".join(rows[:-1])))
    assert (counts.files[0].refused, counts.withdrawn) == ({"missing_id": 1}, 2)


def test_what_comes_in_several_files_is_counted(write, take, products):
    files = [write(f"{n}.tsv", f"id\ttitle\nA\tfrom {n}\nB{n}\tT\n") for n in range(3)]
    counts = take(*files)
    assert counts.in_several_files == counts.as_json()["in_several_files"] == 2
    assert "2 came in more than one file: of each the last counted" in counts.in_words()
    assert products()["A"].title == "from 2"


def test_a_failure_while_the_catalog_is_written_says_that_a_part_may_be_in_it(
    write, take, monkeypatch
):
    take(write("feed.tsv", "id\ttitle\nA\tT\n"))

    def full(*_):
        raise CatalogError("the disk is full")

    monkeypatch.setattr(EmbeddedCatalog, "patch", full)
    with pytest.raises(CatalogError, match=r"full; a part .* the same import once more finishes"):
        take(write("feed.tsv", "id\ttitle\nB\tT\n"))


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_spreadsheets_line_above_the_header_names_the_sign(first, write, take, products):
    rows = "id;title\r\nA;T,b\r\n;no id\r\n"
    counts = take(write("feed.csv", f"{first}\r\n{rows}"), settings={"max_refused": 1})
    assert products()["A"].title == "T,b"
    assert counts.files[0].places == {"missing_id": "line 4"}
