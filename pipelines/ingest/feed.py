"""Rows of a Merchant Center feed as products, or as the reason why they are refused."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from pipelines.ingest.mapping import listed
from pipelines.ingest.sources import OnBytes, open_bytes
from recommender.catalog.product import Product
from recommender.errors import DataError, MappingError

if TYPE_CHECKING:
    import _csv

_LISTED = {"additional_image_link": ",", "product_type": " > "}
_PRICES = ("price", "sale_price")
_OWN_ATTRIBUTES = frozenset(Product.model_fields) - {"attributes"}
_REQUIRED = ("id", "title")

_MAX_HEADER = 1 << 16
_MAX_LINE = 1 << 20
"""Characters; a longer line comes in pieces, so that no file can fill the memory."""

_PRICE = re.compile(r"(?:([A-Z]{3})\s*)?([0-9][0-9.,\s']*)(?:\s*([A-Z]{3}))?")
_REASON_OF = {"id": "id_too_long", "link": "bad_link", "image_link": "bad_link"} | dict.fromkeys(
    _PRICES, "bad_price"
)


class FeedRow(NamedTuple):
    """A row behind the header: a product, or the reason why there is none.

    `refused_id` is the id of a refused row where it could be read.
    """

    number: int
    product: Product | None
    reason: str | None
    text: str
    refused_id: str | None = None


def feed_rows(path: str, on_bytes: OnBytes | None = None) -> Iterator[FeedRow]:
    """Read a feed: texts between tabs (or commas, where the header has no tab), gzipped or not.

    Attribute names may have spaces, capitals and the prefix `g:`; what is no attribute of ours
    comes into `attributes` by its own name.

    Args:
        path: A file, or `-` for stdin.
        on_bytes: Called with the bytes read since the last call.

    Raises:
        MappingError: If `id` or `title` is missing in the header.
        DataError: If the file cannot be read.
    """
    with open_bytes(path, on_bytes) as stream:
        # Bytes that are no UTF-8 become lone surrogates: their row is refused, not the file.
        texts = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        header = _printable(texts.readline(_MAX_HEADER))
        if not header.strip():
            return
        if len(header) == _MAX_HEADER:
            raise DataError(f"{path} is no product feed: its first line has no end; check the file")
        delimiter = "\t" if "\t" in header or "," not in header else ","
        columns = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
        names = [_attribute_name(column) for column in columns]
        for required in _REQUIRED:
            if required not in names:
                raise MappingError(
                    f"{path} has no column {required!r}; its columns are {listed(columns)}; the "
                    "first line must name the attributes of a Merchant Center feed, between tabs"
                )
        number = 0
        lines = iter(lambda: texts.readline(_MAX_LINE), "")
        for cells in _records(csv.reader(lines, delimiter=delimiter), len(columns)):
            if cells is not None and not any(cells):
                continue
            number += 1
            yield _row(number, cells, columns, names)


def _printable(text: str) -> str:
    """Bytes that were no UTF-8 as U+FFFD."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _attribute_name(column: str) -> str:
    return re.sub(r"\s+", "_", column.lower().removeprefix("g:").strip())


def _records(reader: "_csv.Reader", n_columns: int) -> Iterator[list[str] | None]:
    """The rows of a reader; None for every line that it cannot take apart.

    A quotation mark that is opened and never closed swallows rows. Each counts as a broken one:
    as part of a single row they would be missed by nobody, and go out of stock.
    """
    while True:
        n_lines = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        if cells is None or any(_holds_a_row(cell, n_columns) for cell in cells):
            yield from itertools.repeat(None, reader.line_num - n_lines)
        else:
            yield cells


def _holds_a_row(cell: str, n_columns: int) -> bool:
    """Whether a line inside a cell has the tabs of a row."""
    return n_columns > 1 and any(line.count("\t") >= n_columns - 1 for line in cell.split("\n")[1:])


def _row(number: int, cells: list[str] | None, columns: list[str], names: list[str]) -> FeedRow:
    if cells is None:
        return FeedRow(number, None, "broken_row", "")
    text = "\t".join(cells)
    try:
        text.encode()
    except UnicodeEncodeError:
        return FeedRow(number, None, "not_utf8", _printable(text))
    if any(cell.strip() for cell in cells[len(columns) :]):
        return FeedRow(number, None, "column_count", text)
    attributes: dict[str, str] = {}
    others: dict[str, str] = {}
    for column, name, cell in zip(columns, names, cells, strict=False):
        if cell := cell.strip():
            (attributes if name in _OWN_ATTRIBUTES else others).setdefault(
                name if name in _OWN_ATTRIBUTES else column, cell
            )
    product = _product(attributes, others)
    if isinstance(product, str):
        return FeedRow(number, None, product, text, attributes.get("id"))
    return FeedRow(number, product, None, text)


def _product(attributes: Mapping[str, str], others: dict[str, str]) -> Product | str:
    """The product, or the reason why there is none."""
    for required in _REQUIRED:
        if required not in attributes:
            return f"missing_{required}"
    values: dict[str, Any] = {**attributes, "attributes": others}
    for name, separator in _LISTED.items():
        parts = (part.strip() for part in attributes.get(name, "").split(separator))
        values[name] = [part for part in parts if part]
    for name in reversed(_PRICES):
        if name in attributes:
            price = _price(attributes[name])
            if price is None:
                return "bad_price"
            values[name], currency = price
            # The price's own currency wins over a column and over that of the sale price.
            values["currency"] = currency or values.get("currency")
    if "availability" in attributes:
        values["availability"] = re.sub(r"[\s-]+", "_", attributes["availability"].lower())
    if not all(_is_web_link(link) for link in values["additional_image_link"]):
        return "bad_link"
    try:
        return Product.model_validate(values)
    except ValidationError as err:
        place = str(err.errors()[0]["loc"][0])
        return "bad_availability" if place == "availability" else _REASON_OF.get(place, "bad_value")


def _is_web_link(link: str) -> bool:
    try:
        return urlsplit(link).scheme in ("", "http", "https")
    except ValueError:
        return False


def _price(text: str) -> tuple[float, str | None] | None:
    """`49.00 EUR`, `EUR 49.00`, `49,00 EUR`, `1,234.50`: amount and currency; None otherwise.

    Of points and commas the last one is the decimal sign, unless it is a comma before three digits.
    """
    match = _PRICE.fullmatch(text.upper())
    if match is None:
        return None
    amount = re.sub(r"[\s']", "", match[2])
    point, comma = amount.rfind("."), amount.rfind(",")
    is_decimal_comma = comma > point and len(amount) - comma - 1 != 3
    amount = (
        amount.replace(".", "").replace(",", ".") if is_decimal_comma else amount.replace(",", "")
    )
    try:
        return float(amount), match[1] or match[3]
    except ValueError:
        return None
