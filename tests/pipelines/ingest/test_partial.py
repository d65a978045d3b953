"""Partial feeds: prices and stock of products that are there."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.errors import CatalogError, MappingError, RefusedRowsError

FULL = (
    "id\ttitle\tprice\tsale_price\tavailability\tbrand\n"
    "A\tChair\t49.00 EUR\t39.00 EUR\tin stock\tAcme\n"
    "B\tTable\t99.00 EUR\t\tin stock\tAcme\n"
    "C\tLamp\t9.00 EUR\t\tin stock\tAcme\n"
)


@pytest.fixture
def full(write, take_items, products):
    take_items(write("full.tsv", FULL))
    return products()


def xml(**values: str) -> str:
    cells = "".join(f"<g:{name}>{value}</g:{name}>" for name, value in values.items())
    google = 'xmlns:g="http://base.google.com/ns/1.0"'
    return f"<rss {google}><channel><item>{cells}</item></channel></rss>"


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        ("id\tprice\nA\t45 EUR\n", {"price": 45.0}),
        ("id,price,title\nA,45,No\n", {"price": 45.0}),
        ("id,price\nB,45 USD\n", {"price": 45.0, "currency": "USD"}),
        ("id\tsale price\nA\t\n", {"sale_price": None}),
        ("id\tprice\tavailability\nA\t\tout of stock\n", {"availability": "out_of_stock"}),
        ('{"id": "A", "price": 45, "title": "No"}', {"price": 45.0}),
        ('{"id": "A", "sale_price": null}', {"sale_price": None}),
        (xml(id="A", price="45 EUR", brand="No"), {"price": 45.0}),
        (xml(id="A", sale_price=""), {"sale_price": None}),
    ],
)
def test_only_what_is_given_changes(content, changes, full, write, take_items, products):
    counts = take_items(write("part", content), partial=True)

    item_id = "B" if "B" in content else "A"
    assert products() == full | {item_id: full[item_id].model_copy(update=changes)}
    assert (counts.added, counts.changed, counts.unknown, counts.withdrawn) == (0, 1, 0, 0)
    again = take_items(write("part", content), partial=True)
    assert (again.changed, again.unchanged) == (0, 1)


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        ("id\tprice\tsale_price\nA\t45 EUR\t46 EUR\n", {"price": 45.0}, "sale_above_price"),
        ("id\tprice\tsale_price\nA\t45 EUR\t4 USD\n", {"price": 45.0}, "sale_in_other_currency"),
        ("id\tcurrency\tsale_price\nA\tEUR\t4 USD\n", {}, "sale_in_other_currency"),
        # What contradicts the catalog is counted together.
        ("id\tprice\nA\t38.99 EUR\n", {"price": 38.99}, None),
        ("id\tprice\nA\t45 USD\n", {"price": 45.0, "currency": "USD"}, None),
        ("id\tsale_price\nA\t50 EUR\n", {}, None),
        ("id\tsale_price\nA\t4 USD\n", {}, None),
    ],
)
def test_a_sale_that_cannot_be_ends(content, changes, reason, full, write, take_items, products):
    counts = take_items(write("part.tsv", content), partial=True)

    changed = full["A"].model_copy(update={"sale_price": None, **changes})
    assert products() == full | {"A": changed}
    if reason is None:
        assert counts.files[0].sales_left_out == {}
        assert counts.as_json()["sales_left_out"] == 1
        assert "1 left without a sale price" in counts.in_words()
    else:
        assert counts.files[0].sales_left_out == {reason: 1}
        assert counts.sales_left_out == 0


def test_parquet(full, take_items, products, tmp_path):
    table = pa.table({"id": ["B"], "availability": ["backorder"], "title": ["No"]})
    pq.write_table(table, tmp_path / "part.parquet")
    take_items(tmp_path / "part.parquet", partial=True)

    changed = full["B"].model_copy(update={"availability": "backorder"})
    assert products() == full | {"B": changed}


def test_unknown_ids_are_counted_and_named(full, write, take_items, products):
    text = "id\tprice\nA\t1 EUR\nX\t1 EUR\nY\t1 EUR\n"
    counts = take_items(write("part.tsv", text), partial=True)

    assert (counts.changed, counts.unknown) == (1, 2)
    assert "2 not in the catalog and left out, first X, Y" in counts.in_words()
    assert json.loads(json.dumps(counts.as_json()))["unknown_ids"] == ["X", "Y"]
    assert set(products()) == {"A", "B", "C"}


def test_refused_rows_change_nothing(full, write, take_items, products):
    text = "id\tprice\nA\t1 EUR\nB\tcheap\nA\t2 EUR\n\t3 EUR\nC\t\n"
    with pytest.raises(RefusedRowsError, match="first in line 3, column 'price'"):
        take_items(write("part.tsv", text), partial=True)
    assert products() == full

    counts = take_items(write("part.tsv", text), partial=True, settings={"max_refused": 1})
    reasons = {"bad_price": 1, "duplicate_id": 1, "missing_id": 1, "nothing_to_change": 1}
    assert counts.files[0].refused == reasons
    assert products()["A"].price == 1.0


def test_the_last_of_several_files_counts(full, write, take_items, products):
    first = write("1.tsv", "id\tprice\nA\t1 EUR\nB\t1 EUR\n")
    take_items(first, write("2.tsv", "id\tprice\nA\t2 EUR\n"), partial=True)

    assert [product.price for product in products().values()] == [2.0, 1.0, 9.0]


def test_a_dry_run_counts_and_writes_nothing(full, write, take_items, products):
    part = write("part.tsv", "id\tprice\nA\t1 EUR\nX\t1 EUR\n")
    counts = take_items(part, partial=True, dry_run=True)

    assert (counts.changed, counts.unknown) == (1, 1)
    assert products() == full


@pytest.mark.parametrize(
    ("header", "says"),
    [("id\ttitle", "none of the columns price, sale_price"), ("sku\tprice", "no column 'id'")],
)
def test_missing_columns(header, says, full, write, take_items):
    with pytest.raises(MappingError, match=says):
        take_items(write("part.tsv", f"{header}\nA\t1\n"), partial=True)


def test_without_a_catalog_it_says_what_to_do(write, take_items, workspace):
    with pytest.raises(CatalogError, match="recommender import items FILE"):
        take_items(write("part.tsv", "id\tprice\nA\t1\n"), partial=True)
    assert not workspace.catalog_path.exists()
