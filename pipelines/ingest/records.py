"""What a feed says about a product, whatever its format, as a product or as a change of one."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from recommender.catalog.plain_text import plain_text
from recommender.catalog.product import MAX_ENTRIES, Product, SaleFault, sale_fault

MAX_TEXT = 1 << 17
"""Characters of one value."""

CHANGEABLE = ("price", "sale_price", "currency", "availability")
"""What a partial feed may change."""

_PRICES = ("price", "sale_price")
_LINKS = ("link", "image_link")
_OWN_ATTRIBUTES = frozenset(Product.model_fields) - {"attributes"}

_PRICE = re.compile(r"(?:([A-Z]{3})\s*)?([0-9](?:[0-9.,\s']*[0-9.,'])?)(?:\s*([A-Z]{3}))?")
_TWO_NUMBERS = re.compile(r"(?<=[0-9])[\s']+(?=[0-9])(?![0-9]{3}(?![0-9]))")
"""A space inside a number has three digits behind it; with others there are two numbers."""
_MAX_PRICE = 64
_POINT_AND_THREE = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_OF_THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
"""Currencies that are divided by a thousand (ISO 4217)."""
"""Characters."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SIGN = re.compile(r"\s>\s")

_T = TypeVar("_T")


class Record(NamedTuple):
    """One product of a file, as the file says it.

    Attributes:
        number: Its place in the file; the first is 1.
        values: Texts, numbers, lists or mappings by the file's own names.
        source: What is kept if it is refused.
        line: Where it begins in the file, if that has lines.
        reason: Why it cannot be read; then the values are no more than what shows which one it is.
        columns: The file's names of values that have one of ours here.
    """

    number: int
    values: Mapping[str, Any]
    source: str | Sequence[str] | Mapping[str, Any]
    line: int | None = None
    reason: str | None = None
    columns: Mapping[str, str] = {}

    def text(self) -> str:
        """The source as text."""
        if isinstance(self.source, str):
            return self.source
        if isinstance(self.source, Mapping):
            return json.dumps(self.source, ensure_ascii=False, default=str)
        return "\t".join(self.source)


class LeftOut(NamedTuple):
    """A sale price that contradicts the price of its row; the rest of the row is taken.

    Attributes:
        reason: Why.
        column: The file's name of the sale price.
    """

    reason: SaleFault
    column: str


class Refusal(Exception):  # noqa: N818
    """A record is refused; never leaves this package.

    Attributes:
        reason: A code of `pipelines.ingest.reasons`.
        column: The file's name of the attribute, if it is one's fault.
        item_id: The record's id, if it could be read.
    """

    def __init__(self, reason: str, column: str | None = None, item_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.column, self.item_id = reason, column, item_id


@lru_cache(1 << 12)
def attribute_name(column: str) -> str:
    """Our name of a column: capitals, spaces and the prefix `g:` make no difference."""
    return re.sub(r"\s+", "_", column.strip().lower().removeprefix("g:").strip())


def product_of(values: Mapping[str, Any]) -> tuple[Product, LeftOut | None]:
    """The product that a record describes, and the sale price that it could not have.

    Raises:
        Refusal: If it describes none.
    """
    try:
        return _product(*_sorted_out(values, text_of))
    except Refusal as err:
        err.item_id = id_of(values)
        raise


def change_of(values: Mapping[str, Any]) -> tuple[dict[str, Any], LeftOut | None]:
    """The new price, sale price, currency and availability of a product, as far as given.

    An empty sale price ends the sale (None), and so does one that contradicts the price beside it;
    of the others an empty value changes nothing.

    Raises:
        Refusal: If there is no id, or nothing to change.
    """
    own, _ = _sorted_out({**values, "attributes": {}}, lambda _: "")
    try:
        prices, left_out = _prices(own)
        if left_out is not None and left_out.reason == "sale_without_price":
            # The price is in the catalog; the two are compared there.
            left_out = None
        change = {"id": _item_id(own), **prices, **_availability(own)}
        if "sale_price" in own and (left_out or _is_empty(own["sale_price"][1])):
            change["sale_price"] = None
        if len(change) == 1:
            raise Refusal("nothing_to_change")
    except Refusal as err:
        err.item_id = id_of(values)
        raise
    return change, left_out


def id_of(values: Mapping[str, Any]) -> str | None:
    """The id of a record that cannot be read for another reason, if it can be read itself."""
    pairs = ((attribute_name(column), (column, value)) for column, value in values.items())
    try:
        item_id = _item_id({name: found for name, found in pairs if name == "id"})
    except Refusal:
        return None
    # What was no UTF-8 is another id by now.
    return None if "\ufffd" in item_id else item_id


_Own = dict[str, tuple[str, Any]]
"""Our name → the file's name and the value."""


def _sorted_out(
    values: Mapping[str, Any], text: Callable[[Any], str]
) -> tuple[_Own, dict[str, str]]:
    """What are attributes of ours, and what else there is."""
    own: _Own = {}
    others: dict[str, str] = {}
    for column, value in values.items():
        name = attribute_name(column)
        if name in _OWN_ATTRIBUTES:
            # An empty value gives way to another column of that name.
            if name not in own or _is_empty(own[name][1]):
                own[name] = column, value
        elif name == "attributes" and isinstance(value, Mapping | list):
            others.update(_texts(value, text))
        elif column and not _is_empty(value) and (other := _at(column, text, value)):
            others.setdefault(column.removeprefix("g:"), other)
    return own, others


def _texts(values: Any, text: Callable[[Any], str]) -> dict[str, str]:
    """A mapping, or its pairs as Parquet has them, with texts as values."""
    pairs = values.items() if isinstance(values, Mapping) else values
    found: dict[str, str] = {}
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise Refusal("bad_value", "attributes")
        name, value = _raw_text(pair[0]), _at(str(pair[0]), text, pair[1])
        if name and value:
            found.setdefault(name, value)
    return found


def _item_id(own: _Own) -> str:
    if "id" not in own or _is_empty(own["id"][1]):
        raise Refusal("missing_id")
    column, value = own["id"]
    return _at(column, _id_text, value)


def _product(own: _Own, others: dict[str, str]) -> tuple[Product, LeftOut | None]:
    fields: dict[str, Any] = {"id": _item_id(own), "attributes": others}
    for name, (column, value) in own.items():
        if _is_empty(value) or name in CHANGEABLE:
            continue
        if name == "id":
            continue
        if name == "item_group_id":
            found: Any = _at(column, _id_text, value)
        elif name == "product_type":
            found = _at(column, _path, value)
        elif name == "additional_image_link":
            found = _at(column, _links, value)
        elif name in _LINKS:
            found = _at(column, web_link, value)
        else:
            found = _at(column, text_of, value)
        if found:
            fields[name] = found
    if "title" not in fields:
        raise Refusal("missing_title")
    prices, left_out = _prices(own)
    fields |= prices | _availability(own)
    if left_out is not None:
        fields.pop("sale_price")
    try:
        return Product.model_validate(fields), left_out
    except ValidationError as err:
        place = str(err.errors()[0]["loc"][0])
        reason = "id_too_long" if place == "id" else "bad_value"
        raise Refusal(reason, own[place][0] if place in own else place) from err


def _prices(own: _Own) -> tuple[dict[str, Any], LeftOut | None]:
    """Price, sale price and currency, as far as they are there; whether the sale cannot be."""
    found: dict[str, Any] = {}
    currencies: dict[str, str | None] = {}
    for name in _PRICES:
        if name in own and not _is_empty(own[name][1]):
            column, value = own[name]
            found[name], currencies[name] = _at(column, _amount, value)
    if "currency" in own and not _is_empty(own["currency"][1]):
        column, value = own["currency"]
        currencies["column"] = _at(column, text_of, value).upper()
    # The price's own currency wins over a column, that over the sale price's.
    known = [currencies.get(name) for name in ("price", "column", "sale_price")]
    currency = next(filter(None, known), None)
    if currency is not None:
        found["currency"] = currency
    if currency not in _OF_THREE_DECIMALS:
        for name in currencies.keys() & set(_PRICES):
            _at(own[name][0], _refuse_ambiguous, own[name][1])
    of_both = {currency, currencies.get("sale_price")}
    fault = sale_fault(found.get("price"), found.get("sale_price"), currencies=of_both)
    return found, fault and LeftOut(fault, own["sale_price"][0])


def _availability(own: _Own) -> dict[str, str]:
    column, value = own.get("availability", ("", None))
    if _is_empty(value):
        return {}
    name = re.sub(r"[\s-]+", "_", _at(column, _raw_text, value).lower())
    if name not in ("in_stock", "out_of_stock", "preorder", "backorder"):
        raise Refusal("bad_availability", column)
    return {"availability": name}


def _at(column: str, read: Callable[[Any], _T], value: Any) -> _T:
    """Read a value; a refusal names its column."""
    try:
        return read(value)
    except Refusal as err:
        err.column = column
        raise
    except RecursionError as err:
        # What reads a list or a mapping calls itself for what is inside.
        raise Refusal("too_deep", column) from err


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    # What pandas writes for a missing number is no number.
    return value is None or value == [] or (isinstance(value, float) and math.isnan(value))


def _raw_text(value: Any) -> str:
    """A value as text, with the markup it has."""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and not math.isfinite(value):
        raise Refusal("bad_value")
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        text = str(int(value))
    elif isinstance(value, list | tuple):
        text = ", ".join(_raw_text(part) for part in value if not _is_empty(part))
    elif isinstance(value, Mapping):
        text = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, bytes):
        raise Refusal("bad_value")
    else:
        text = str(value)
    if len(text) > MAX_TEXT:
        raise Refusal("text_too_long")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as err:
            raise Refusal("not_utf8") from err
    return text


def text_of(value: Any) -> str:
    """A value as text without markup."""
    try:
        return plain_text(_raw_text(value))
    except ValueError as err:
        raise Refusal("too_much_markup") from err


def _id_text(value: Any) -> str:
    if isinstance(value, bool | list | tuple | Mapping):
        raise Refusal("bad_value")
    item_id = _raw_text(value)
    if _CONTROL.search(item_id) is not None:
        raise Refusal("bad_value")
    return item_id


def _path(value: Any) -> list[str]:
    """A category path: a list, or a text with ` > ` between its parts."""
    parts = value if isinstance(value, list | tuple) else _PATH_SIGN.split(text_of(value))
    return [text for part in parts if (text := text_of(part))]


def _links(value: Any) -> list[str]:
    """The first of them: nobody looks at more pictures, and a product is not refused for them."""
    parts: Iterable[Any] = value if isinstance(value, list | tuple) else _raw_text(value).split(",")
    links = (link for part in parts if not _is_empty(part) and (link := web_link(part)))
    return list(islice(links, MAX_ENTRIES))


def web_link(value: Any) -> str:
    """An http(s) or relative link: a `javascript:` link would run on the shop's page."""
    link = _raw_text(value)
    try:
        scheme = urlsplit(link).scheme
    except ValueError as err:
        raise Refusal("bad_link") from err
    if scheme not in ("", "http", "https") or _CONTROL.search(link) is not None:
        raise Refusal("bad_link")
    return link


def _amount(value: Any) -> tuple[float, str | None]:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            found: tuple[float, str | None] | None = float(value), None
        except OverflowError:
            found = None
    elif isinstance(value, list | tuple) and len(value) != 1:
        found = None
    else:
        found = price_of(_raw_text(value))
    if found is None or not math.isfinite(found[0]) or found[0] < 0:
        raise Refusal("bad_price")
    return found


def _refuse_ambiguous(value: Any) -> None:
    """`1.299 EUR` is 1,299 where points part thousands, and a little above one elsewhere."""
    if isinstance(value, int | float | Decimal):
        return
    match = _PRICE.fullmatch(_raw_text(value).strip().upper())
    if match is not None and _POINT_AND_THREE.fullmatch(match[2]) is not None:
        raise Refusal("ambiguous_price")


def price_of(text: str) -> tuple[float, str | None] | None:
    """`49.00 EUR`, `EUR 49.00`, `49,00 EUR`, `1,234.50`: amount and currency; None otherwise.

    Of points and commas the last one is the decimal sign, unless it is a comma before three digits.
    """
    text = text.strip().upper()
    match = _PRICE.fullmatch(text) if len(text) <= _MAX_PRICE else None
    if match is None or _TWO_NUMBERS.search(match[2]) is not None:
        return None
    if match[1] and match[3] and match[1] != match[3]:
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
