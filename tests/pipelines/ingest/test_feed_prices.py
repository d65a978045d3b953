"""Prices and sale prices of a feed, as shops write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest import records


@pytest.fixture
def take(take_items):
    return take_items


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("49.00 EUR", (49.0, "EUR")),
        ("EUR 49", (49.0, "EUR")),
        ("49,90eur", (49.9, "EUR")),
        ("1,234.50 USD", (1234.5, "USD")),
        ("1.234,50 EUR", (1234.5, "EUR")),
        ("1 234,50 EUR", (1234.5, "EUR")),
        ("1'234.50 CHF", (1234.5, "CHF")),
        ("1,234", (1234.0, None)),
        ("49.00 ", (49.0, None)),
        (" 49.  EUR ", (49.0, "EUR")),
        ("0", (0.0, None)),
        ("free", None),
        ("-5 EUR", None),
        ("EUR", None),
        ("1.2.3 EUR", None),
        ("5 € EUR", None),
        ("12 345 678.90 EUR", (12345678.9, "EUR")),
        ("10 20 EUR", None),
        ("5 10.00 EUR", None),
        ("1 2345", None),
        ("EUR 5 EUR", (5.0, "EUR")),
        ("EUR 5 USD", None),
    ],
)
def test_prices(text, expected):
    assert records.price_of(text) == expected


def test_a_point_before_three_digits_is_guessed_by_nobody(write, take, products):
    """A spreadsheet with decimal commas writes 1.299 for what one with points reads as 1.30."""
    prices = ["1.299 EUR", "12,50 EUR", "1.299,00 EUR", "KWD 1.299", "0.125", "1.2990", "12.345"]
    rows = "".join(f"{n};T;{price}\n" for n, price in enumerate(prices))
    settings = {"max_refused": 1}
    counts = take(write("feed.csv", "id;title;price\n" + rows), settings=settings).files[0]

    assert counts.refused == {"ambiguous_price": 2}
    assert counts.places == {"ambiguous_price": "line 2, column 'price'"}
    assert [one.price for one in products().values()] == [12.5, 1299.0, 1.299, 0.125, 1.299]

    columns = "id\ttitle\tprice\tcurrency\n"
    assert take(write("feed.tsv", f"{columns}A\tT\t1.299\tKWD\n")).files[0].refused == {}
    assert take(write("feed.jsonl", '{"id":"A","title":"T","price":1.299}')).files[0].refused == {}


def test_a_sale_that_cannot_be_is_left_out_and_counted(write, take, products):
    cells = [
        ("10 EUR", "10 EUR", 10.0),
        ("10 EUR", "9 EUR", 9.0),
        ("10", "9 USD", 9.0),
        ("10 EUR", "9", 9.0),
        ("10 EUR", "9 USD", None),
        ("10 EUR", "10.01 EUR", None),
        ("0", "5", None),
        ("", "5 EUR", None),
    ]
    rows = [f"{n}\tT\t{price}\t{sale}\n" for n, (price, sale, _) in enumerate(cells)]
    counts = take(write("feed.tsv", "id\ttitle\tprice\tSale Price\n" + "".join(rows))).files[0]

    assert [product.sale_price for product in products().values()] == [sale for *_, sale in cells]
    assert (counts.imported, counts.n_refused) == (8, 0)
    left_out = {"sale_above_price": 2, "sale_in_other_currency": 1, "sale_without_price": 1}
    assert counts.sales_left_out == counts.as_json()["sales_left_out"] == left_out
    words = "without their sale price 4: 2 sale_above_price (a sale price is at most the price; "
    assert words in counts.in_words()
    assert "first in line 7, column 'Sale Price'" in counts.in_words()


def test_the_price_and_the_sale_price_of_a_currency_column(write, take, products):
    header = "id\ttitle\tcurrency\tprice\tsale_price\n"
    take(write("feed.tsv", f"{header}A\tT\teur\t10\t9 USD\nB\tT\teur\t10 GBP\t9 GBP\n"))

    found = {item_id: (of.currency, of.sale_price) for item_id, of in products().items()}
    assert found == {"A": ("EUR", None), "B": ("GBP", 9.0)}


@pytest.mark.parametrize(
    "text", ["5" + " " * 130_000 + "x", "5" + "'" * 130_000 + " x", "5" * 65, "EUR 5" + "0" * 60]
)
def test_what_is_too_long_for_a_price_is_none_at_once(text):
    began = time.process_time()
    assert records.price_of(text) is None
    # A square of the length would take minutes.
    assert time.process_time() - began < 0.2


@given(st.integers(0, 10**9), st.sampled_from(["EUR", "USD"]))
def test_prices_of_the_documented_form_come_back(cents, currency):
    amount, found = records.price_of(f"{cents / 100:.2f} {currency}")
    assert (round(amount * 100), found) == (cents, currency)
