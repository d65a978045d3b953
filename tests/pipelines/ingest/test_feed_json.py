"""Feeds of JSON lines."""

import json

import pytest

from pipelines.ingest.feed import feed_rows
from recommender.catalog.product import Product
from recommender.errors import DataError


def lines(*values: object) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def test_a_line_becomes_a_product(write, take_items, products):
    text = lines(
        {
            "id": 7,
            "title": "Oak &amp; <i>iron</i>",
            "price": 49.5,
            "currency": "eur",
            "product_type": ["Home", "Chairs"],
            "additional_image_link": ["/a,b.svg", "/c.svg"],
            "attributes": {"wood": "oak", "legs": 4},
            "rating": 4.0,
            "tags": ["a", "<b>b</b>"],
            "color": None,
        },
        {"id": "B", "title": "T", "price": "5.00 USD", "product_type": "Home > Tables"},
    )
    take_items(write("feed.jsonl", "\ufeff" + text))

    assert products() == {
        "7": Product(
            id="7",
            title="Oak & iron",
            price=49.5,
            currency="EUR",
            product_type=["Home", "Chairs"],
            additional_image_link=["/a,b.svg", "/c.svg"],
            attributes={"wood": "oak", "legs": "4", "rating": "4", "tags": "a, b"},
        ),
        "B": Product(id="B", title="T", price=5.0, currency="USD", product_type=["Home", "Tables"]),
    }


@pytest.mark.parametrize(
    ("line", "reason", "item_id"),
    [
        ("nonsense", "not_json", None),
        ('{"id": "A", "title": "x"', "not_json", "A"),
        ('{"id": "A", "title": "x", "price": NaN}', "not_json", "A"),
        ('{"id": "A", "title": "x", "price": ' + "9" * 5000 + "}", "bad_price", "A"),
        ('{"id": "A", "title": "x", "price": 1e999}', "bad_price", "A"),
        ('{"id": 1e999, "title": "x"}', "bad_value", None),
        ('{"id": "A", "title": "x", "size": -1e999}', "bad_value", "A"),
        ('{"id": ' + "9" * 5000 + ', "title": "x"}', "id_too_long", "9" * 5000),
        ("[1, 2]", "not_object", None),
        ('{"id": "A", "title": ' + "[" * 200_000, "too_deep", "A"),
        ('{"id": "A", "title": ' + "[" * 200_000 + "]" * 200_000 + "}", "too_deep", "A"),
        ('{"id": "A", "title": ' + "[" * 900 + "1" + "]" * 900 + "}", "too_deep", "A"),
        ('{"id": "A", "title": "T", "x": ' + "[" * 900 + "1" + "]" * 900 + "}", "too_deep", "A"),
        ('{"id": "A", "title": "T", "price": ' + "[" * 900 + "]" * 900 + "}", "too_deep", "A"),
        ('{"id": "A", "title": "' + "x" * 1_200_000 + '"}', "line_too_long", "A"),
        ('{"id": "A", "title": "' + "x" * 200_000 + '"}', "text_too_long", "A"),
        ('{"id": "A", "title": "' + "<p>" * 6_000 + '"}', "too_much_markup", "A"),
        ('{"id": "A", "title": "\\ud800"}', "not_utf8", "A"),
        ('{"id": "A\\u0000", "title": "x"}', "bad_value", None),
        ('{"id": ["A"], "title": "x"}', "bad_value", None),
        ('{"id": true, "title": "x"}', "bad_value", None),
        ('{"title": "x"}', "missing_id", None),
        ('{"id": "A", "title": "<script>x</script>"}', "missing_title", "A"),
        ('{"id": "A", "title": "x", "price": -1}', "bad_price", "A"),
        ('{"id": "A", "title": "x", "price": true}', "bad_price", "A"),
        ('{"id": "A", "title": "x", "price": [1, 2]}', "bad_price", "A"),
        ('{"id": "A", "title": "x", "availability": "gone"}', "bad_availability", "A"),
        ('{"id": "A", "title": "x", "link": "java\\nscript:alert(1)"}', "bad_link", "A"),
        ('{"id": "A", "title": "x", "additional_image_link": ["data:x"]}', "bad_link", "A"),
        ('{"id": "A", "title": "x", "attributes": [1]}', "bad_value", "A"),
    ],
    ids=lambda value: "" if value is None or len(value) > 40 else None,
)
def test_every_reason_of_a_line(line, reason, item_id, write):
    good = lines({"id": "good", "title": "T"})
    rows = list(feed_rows(str(write("feed.jsonl", f"{good}\n{line}\n{good}"))))

    assert [row.reason for row in rows] == [None, reason, None]
    assert (rows[1].line, rows[1].number, rows[1].item_id) == (3, 2, item_id)


def test_what_is_too_deep_for_a_change(write):
    line = '{"id": "A", "price": ' + "[" * 900 + "1" + "]" * 900 + "}"
    (row,) = feed_rows(str(write("feed.jsonl", line)), partial=True)

    assert (row.reason, row.item_id, row.column) == ("too_deep", "A", "price")


def test_bytes_that_are_not_utf8(write):
    (row,) = feed_rows(str(write("feed.jsonl", b'{"id": "A", "title": "caf\xe9"}')))

    assert (row.reason, row.item_id) == ("not_utf8", "A")


def test_a_product_whose_line_cannot_be_read_stays_in_stock(write, take_items, products):
    good = [{"id": str(number), "title": "T"} for number in range(30)]
    take_items(write("feed.jsonl", lines(*good)))
    broken = lines(*good[:-1]) + '{"id": "29", "title": "T'
    counts = take_items(write("feed.jsonl", broken))

    assert (counts.files[0].refused, counts.withdrawn) == ({"not_json": 1}, 0)
    assert products()["29"].availability == "in_stock"


def test_a_json_list_is_a_sentence(write, take_items):
    with pytest.raises(DataError, match="one product a line"):
        take_items(write("feed.json", '[{"id": "A", "title": "T"}]'))
