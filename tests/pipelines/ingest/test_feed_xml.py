"""Merchant Center feeds in XML."""

import gzip
import time

import pytest

from pipelines.ingest.feed import feed_rows
from recommender.catalog.product import MAX_ENTRIES, Product
from recommender.errors import DataError

GOOGLE = 'xmlns:g="http://base.google.com/ns/1.0"'

CHAIR = """<item>
  <title>Not this title</title>
  <g:id>A</g:id>
  <g:title>Oak &amp; &lt;b&gt;iron&lt;/b&gt; chair</g:title>
  <description><![CDATA[<p>Sit</p><script>alert(1)</script><p>down</p>]]></description>
  <link>https://shop.example/a?b=1&amp;c=2</link>
  <g:image_link>/a.svg</g:image_link>
  <g:additional_image_link>/b.svg</g:additional_image_link>
  <g:additional_image_link>/c.svg</g:additional_image_link>
  <g:price>49,90 EUR</g:price>
  <g:sale_price>39.90 EUR</g:sale_price>
  <g:availability>out of stock</g:availability>
  <g:product_type>Home &gt; Chairs</g:product_type>
  <g:product_type>The second one</g:product_type>
  <g:shipping><g:country>US</g:country><g:price>5 USD</g:price></g:shipping>
  <g:custom_label_0></g:custom_label_0>
  <media:thing xmlns:media="urn:other">no</media:thing>
  <guid>no</guid>
</item>"""


def rss(*items: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    channel = "<title>Shop</title><link>https://shop.example</link><description>All</description>"
    return f'{head}\n<rss version="2.0" {GOOGLE}><channel>{channel}{"".join(items)}</channel></rss>'


def item(item_id: str, *more: str) -> str:
    return f"\n<item><g:id>{item_id}</g:id><g:title>T</g:title>{''.join(more)}</item>"


def test_an_item_of_rss_becomes_a_product(write, take_items, products):
    counts = take_items(write("feed.xml", rss(CHAIR)))

    assert counts.added == 1
    assert products()["A"] == Product(
        id="A",
        title="Oak & iron chair",
        description="Sit down",
        link="https://shop.example/a?b=1&c=2",
        image_link="/a.svg",
        additional_image_link=["/b.svg", "/c.svg"],
        price=49.9,
        sale_price=39.9,
        currency="EUR",
        availability="out_of_stock",
        product_type=["Home", "Chairs"],
        attributes={"shipping": "US:5 USD"},
    )


def test_an_entry_of_atom_becomes_a_product(write, take_items, products):
    entry = (
        "<entry><id>tag:not-this</id><g:id>A</g:id><title>Chair</title>"
        '<link rel="self" href="/no"/><link href="/chair"/><author><name>x</name></author>'
        '<content type="xhtml"><div><p>Sit</p><p>down</p></div></content><g:price>5 EUR</g:price>'
        "</entry><entry><id>B</id><title>Table</title></entry>"
    )
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom" {GOOGLE}><title>S</title>{entry}</feed>'
    take_items(write("feed", feed))

    assert products() == {
        "A": Product(
            id="A", title="Chair", link="/chair", description="Sit down", price=5.0, currency="EUR"
        ),
        "B": Product(id="B", title="Table"),
    }


@pytest.mark.parametrize(
    "pack",
    [
        lambda text: gzip.compress(text.encode()),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        lambda text: text.replace("UTF-8", "windows-1252").encode("cp1252"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["gzip", "mark", "latin-1", "cp1252", "crlf"],
)
def test_shapes_and_encodings(pack, write, take_items, products):
    take_items(write("feed.xml", pack(rss(item("A", "<g:brand>Möbel</g:brand>")))))

    assert products()["A"].brand == "Möbel"


@pytest.mark.parametrize("name", ["feed.xml", "feed.tsv", "-"])
def test_the_format_is_told_by_the_first_bytes(name, write, monkeypatch):
    path = write("feed.tsv" if name == "-" else name, rss(item("A")))
    if name == "-":

        class Stdin:
            buffer = path.open("rb")

        monkeypatch.setattr("sys.stdin", Stdin)
    rows = list(feed_rows(name if name == "-" else str(path)))
    if name == "-":
        Stdin.buffer.close()

    assert [row.item_id for row in rows] == ["A"]


def test_refused_items_say_line_and_attribute(write, take_items, workspace):
    feed = rss(
        item("A"),
        item("B", "<g:price>cheap</g:price>"),
        item("C", "<g:link>javascript:alert(1)</g:link>"),
        "<item><g:title>no id</g:title></item>",
        item("D", f"<description>{'x' * 200_000}</description>"),
        item("E", *(f"<g:a{n}>{'x' * 1000}</g:a{n}>" for n in range(1500))),
    )
    counts = take_items(write("feed.xml", feed), settings={"max_refused": 1})

    (file,) = counts.files
    assert file.refused == {"bad_link": 1, "bad_price": 1, "missing_id": 1, "text_too_long": 2}
    assert file.places["bad_price"] == "line 4, column 'g:price'"
    assert "first in line 5, column 'g:link'" in file.in_words()
    kept = file.rejected_path.read_text("utf-8")
    assert '"reason": "bad_price"' in kept
    assert '"line": 4, "column": "g:price"' in kept
    assert counts.added == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (rss(head='<!DOCTYPE r [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>'), "line 1.*document type"),
        (rss(head='<!DOCTYPE r SYSTEM "file:///etc/passwd">'), "document type"),
        (rss(head='<!DOCTYPE r [<!ENTITY % p SYSTEM "http://x.example/p"> %p;]>'), "document type"),
        ("<!DOCTYPE html>\n<html><body>404</body></html>", "line 1.*is an HTML page"),
        (rss(item("A", "<g:brand>a&nbsp;b</g:brand>")), "line 3.*undefined entity"),
        (rss("<g:x>" * 100_000), "line 2, column .* nested deeper than 64"),
        (rss(f"<!--{'x' * 3_000_000}-->"), "longer than 1,048,576 bytes"),
        (rss(f"<item a='{'x' * 3_000_000}'/>"), "longer than 1,048,576 bytes"),
        (rss(item("A"))[:-20], "line 3, column .*: "),
        (rss("<g:x>a & b</g:x>"), "bare &"),
        (rss("<g:x>\0</g:x>"), "not well-formed"),
        (rss("<g:x>Möbel</g:x>").encode("latin-1"), "not in the encoding"),
        (rss(item("A")).encode("utf-16"), "UTF-16; save it as UTF-8"),
        (rss(head='<?xml version="1.0" encoding="shift_jis"?>'), "save it as UTF-8"),
        (rss(head='<?xml version="1.0" encoding="klingon"?>'), "save it as UTF-8"),
        ("<rss><channel><item><g:id>A</g:id></item></channel></rss>", "xmlns:g="),
        (rss("".join(f"<a{n}/>" for n in range(20_000))), "more than 10,000 different names"),
        (rss("".join(f"<b a{n}=''/>" for n in range(20_000))), "more than 10,000 different names"),
        (
            rss("".join(f"<b xmlns:a{n}='u'/>" for n in range(20_000))),
            "more than 10,000 different names",
        ),
        ("<html><body/></html>", "first element is <html>"),
        ("<rss/><rss/>", "junk after document element"),
    ],
    ids=lambda value: "" if len(value) > 60 else None,
)
def test_hostile_and_broken_files_are_a_sentence(content, says, write, take_items, products):
    take_items(write("before.xml", rss(item("before"))))
    with pytest.raises(DataError, match=rf"(?s)feed\.xml .*{says}") as caught:
        take_items(write("feed.xml", content))

    assert caught.value.exit_code == 1
    assert len(str(caught.value)) < 500
    assert products()["before"].availability == "in_stock"


def test_a_feed_without_items_is_empty(write, take_items):
    assert "empty" in take_items(write("feed.xml", rss())).in_words()


def test_of_very_many_pictures_the_first_ones_are_taken_at_once(write):
    links = [f"/{n}" for n in range(35_000)]
    pictures = "".join(f"<g:additional_image_link>{n}</g:additional_image_link>" for n in links)
    path = str(write("feed.xml", rss(item("A", pictures))))
    began = time.process_time()
    (row,) = feed_rows(path)
    # A square of their number took 2 s.
    assert time.process_time() - began < 1

    assert row.product.additional_image_link == links[:MAX_ENTRIES]
