"""Shopify's product CSV, with the headers before 2025 and those since.

Rows of one handle are the variants of a product; what is said once of the product stands in the
first of them. Each variant becomes a product of ours, all with the handle as `item_group_id`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from pipelines.ingest.feed_table import Header, Row, row_values
from pipelines.ingest.mapping import listed
from pipelines.ingest.records import Record, price_of
from recommender.errors import MappingError

_GOOGLE = "google shopping / "

_NAMES = {
    "handle": ("url handle", "handle"),
    "title": ("title",),
    "description": ("description", "body (html)"),
    "brand": ("vendor",),
    "category": ("product category",),
    "type": ("type",),
    "tags": ("tags",),
    "published": ("published on online store", "published"),
    "status": ("status",),
    "sku": ("sku", "variant sku"),
    "barcode": ("barcode", "variant barcode"),
    "price": ("price", "variant price"),
    "compare_at": ("compare-at price", "variant compare at price"),
    "tracker": ("inventory tracker", "variant inventory tracker"),
    "quantity": ("inventory quantity", "variant inventory qty"),
    "policy": ("continue selling when out of stock", "variant inventory policy"),
    "image": ("product image url", "image src"),
    "position": ("image position",),
    "variant_image": ("variant image url", "variant image"),
    "google_product_category": (_GOOGLE + "google product category",),
    "gender": (_GOOGLE + "gender",),
    "age_group": (_GOOGLE + "age group",),
    "mpn": (_GOOGLE + "manufacturer part number (mpn)", _GOOGLE + "mpn"),
    "condition": (_GOOGLE + "condition",),
} | {f"custom_label_{n}": (f"{_GOOGLE}custom label {n}",) for n in range(5)}
"""What we read → its columns, the newer name first."""

_TAKEN = ("brand", "description", "google_product_category", "gender", "age_group", "condition")
_OPTIONS = (1, 2, 3)
_DEFAULT_OPTION = "default title"
_OPTION_FIELDS = {"color": "color", "colour": "color", "size": "size", "material": "material"}
_READ_FROM = {
    "id": "sku", "item_group_id": "handle", "title": "title", "description": "description",
    "brand": "brand", "price": "price", "sale_price": "compare_at", "availability": "quantity",
    "image_link": "image", "additional_image_link": "image", "gtin": "barcode",
}  # fmt: skip
"""Our attribute → what a message says is at fault."""

_METAFIELD = "metafields."
_HIDDEN = ("draft", "archived", "unlisted")
_MAX_GROUP = 10_000
"""Rows; Shopify allows 2,048 variants and 250 pictures a product."""

_MAX_DIGITS = 9
"""Of a picture's place; a number with more is none."""


class _Line(NamedTuple):
    """A row, its cells by what we call them, and those of metafields by their columns."""

    row: Row
    cells: dict[str, str]
    more: dict[str, str]


def is_shopify(columns: Sequence[str]) -> bool:
    """Whether a header is Shopify's: products have handles and no ids there."""
    names = {column.lower() for column in columns}
    return "title" in names and bool(names & set(_NAMES["handle"])) and "id" not in names


def shopify_records(
    header: Header, rows: Iterator[Row], path: str, *, partial: bool
) -> Iterator[Record]:
    """Variants as products, in order.

    Raises:
        MappingError: If a column is missing.
    """
    columns = _columns(header.columns)
    for required in ("handle",) if partial else ("handle", "title"):
        if required not in columns:
            raise MappingError(
                f"{path} has no column {_NAMES[required][0]!r}; its columns are "
                f"{listed(header.columns)}; export the products from Shopify again"
            )
    metafields = [column for column in header.columns if _METAFIELD in column.lower()]
    lines = (_line(header, row, columns, metafields) for row in rows)
    for _, group in groupby(_numbered(lines), key=lambda pair: pair[0]):
        yield from _variants([line for _, line in group], columns)


def _columns(columns: Sequence[str]) -> dict[str, str]:
    """What we read → the file's column."""
    by_name = {column.lower(): column for column in reversed(columns)}
    found = {}
    for ours, names in _NAMES.items():
        for name in names:
            if name in by_name:
                found[ours] = by_name[name]
                break
    for number in _OPTIONS:
        for part in ("name", "value"):
            if f"option{number} {part}" in by_name:
                found[f"option{number}_{part}"] = by_name[f"option{number} {part}"]
    return found


def _line(header: Header, row: Row, columns: Mapping[str, str], metafields: Sequence[str]) -> _Line:
    values = row_values(header, row)
    cells = {ours: values.get(column, "").strip() for ours, column in columns.items()}
    return _Line(row, cells, {name: values[name] for name in metafields if values.get(name)})


def _numbered(lines: Iterator[_Line]) -> Iterator[tuple[int, _Line]]:
    """The lines with a number for each run of one handle; a refused row is a run of its own."""
    number, last, length = 0, "", 0
    for line in lines:
        handle = "" if line.row.reason is not None else line.cells["handle"]
        length += 1
        if not handle or handle != last or length > _MAX_GROUP:
            number, length = number + 1, 1
        last = handle
        yield number, line


def _variants(lines: list[_Line], columns: Mapping[str, str]) -> Iterator[Record]:
    first = lines[0]
    if first.row.reason is not None or not first.cells["handle"]:
        reason = first.row.reason or "missing_id"
        yield Record(first.row.number, {}, first.row.cells, first.row.line, reason)
        return
    pictures = _pictures(lines)
    told = {ours: columns[read] for ours, read in _READ_FROM.items() if read in columns}
    for line in lines:
        if line is first or _is_variant(line):
            values = _values(line, first, pictures, set(columns))
            row = line.row
            yield Record(row.number, values, row.cells, row.line, columns=told)


def _is_variant(line: _Line) -> bool:
    """Rows that only bring a picture are none."""
    return any(line.cells.get(name) for name in ("sku", "price", "option1_value"))


def _pictures(lines: list[_Line]) -> list[str]:
    """Of the product, in their order."""
    found = []
    for place, line in enumerate(lines):
        if line.cells.get("image"):
            position = line.cells.get("position", "")
            is_number = position.isdecimal() and len(position) <= _MAX_DIGITS
            found.append((int(position) if is_number else place + 1, place, line))
    return list(dict.fromkeys(line.cells["image"] for _, _, line in sorted(found, key=_place)))


def _place(found: tuple[int, int, _Line]) -> tuple[int, int]:
    return found[:2]


def _values(
    line: _Line, first: _Line, pictures: Sequence[str], columns: set[str]
) -> dict[str, Any]:
    """A variant by our names."""
    cells, product = line.cells, first.cells
    handle = product["handle"]
    options = {
        product.get(f"option{number}_name") or f"Option{number}": value
        for number in _OPTIONS
        if (value := cells.get(f"option{number}_value", "")) and value.lower() != _DEFAULT_OPTION
    }
    images = list(dict.fromkeys(filter(None, [cells.get("variant_image"), *pictures])))
    values: dict[str, Any] = {name: product.get(name, "") for name in _TAKEN}
    values |= {f"custom_label_{n}": product.get(f"custom_label_{n}", "") for n in range(5)}
    values |= {
        "id": _unquoted(cells.get("sku", "")) or "/".join([handle, *options.values()]),
        "item_group_id": handle,
        "title": product.get("title", ""),
        "link": "/products/" + quote(handle),
        "image_link": images[0] if images else "",
        "additional_image_link": images[1:],
        "product_type": product.get("type") or product.get("category", ""),
        "google_product_category": product.get("google_product_category")
        or product.get("category", ""),
        "gtin": _unquoted(cells.get("barcode", "")),
        "mpn": cells.get("mpn") or product.get("mpn", ""),
    }
    attributes = {"Tags": product.get("tags", ""), **first.more, **line.more}
    for name, value in options.items():
        if name.lower() in _OPTION_FIELDS:
            values[_OPTION_FIELDS[name.lower()]] = value
        else:
            attributes[name] = value
    return (
        values
        | _prices(cells, columns)
        | _stock(cells, product, columns)
        | {"attributes": attributes}
    )


def _unquoted(text: str) -> str:
    """Shopify writes an apostrophe before numbers that a spreadsheet would round."""
    return text.removeprefix("'")


def _prices(cells: Mapping[str, str], columns: set[str]) -> dict[str, str]:
    """Price and sale price: a compare-at price above the price is what it cost before."""
    price, before = cells.get("price", ""), cells.get("compare_at", "")
    now, then = price_of(price), price_of(before)
    if now is not None and then is not None and then[0] > now[0]:
        return {"price": before, "sale_price": price}
    if before and then is None:
        return {"price": price, "sale_price": before}
    # A file without compare-at prices says nothing about sales.
    ended = {"sale_price": ""} if "compare_at" in columns else {}
    return {"price": price, **ended}


def _stock(
    cells: Mapping[str, str], product: Mapping[str, str], columns: set[str]
) -> dict[str, str]:
    """Availability, if the file says something about it."""
    if not columns & {"status", "published", "quantity"}:
        return {}
    if product.get("status", "").lower() in _HIDDEN:
        return {"availability": "out_of_stock"}
    if product.get("published", "").lower() in ("false", "no"):
        return {"availability": "out_of_stock"}
    quantity = cells.get("quantity", "")
    is_tracked = "tracker" not in columns or bool(cells.get("tracker"))
    if not quantity or not is_tracked:
        return {"availability": "in_stock"}
    try:
        number = float(quantity)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        # None of the words of availability, so the row is refused.
        return {"availability": quantity}
    if number > 0:
        return {"availability": "in_stock"}
    goes_on = cells.get("policy", "").lower() in ("continue", "true", "yes")
    return {"availability": "backorder" if goes_on else "out_of_stock"}
