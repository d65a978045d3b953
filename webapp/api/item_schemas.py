"""What the catalog's routes take and give, as pydantic models.

What comes in is read as a feed is: texts lose their markup, an empty one counts as none, and the
codes of faults are those of a feed's refused rows.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from recommender.catalog.plain_text import plain_text
from recommender.catalog.product import MAX_ENTRIES, SALE_FAULTS, Product, ProductPatch, sale_fault
from webapp.problems import pointer_to

MAX_TEXT = 1 << 17
"""Characters of one value; as in a feed."""

_MAX_NAME_BYTES = 256
_SHOWN = 60
_LINKS = ("link", "image_link", "additional_image_link")
_CHANGEABLE = "price, sale_price, currency and availability"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SIGN = re.compile(r"\s>\s")


class Fault(NamedTuple):
    """What is wrong with a product or a patch: a code, a sentence, where in it."""

    code: str
    detail: str
    pointer: str


class FaultyError(ValueError):
    """A product or a patch that is not taken.

    Attributes:
        faults: At least one.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].detail)
        self.faults = faults


class ItemIn(Product):
    """A product as it comes over the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        if name == "product_type" and isinstance(value, str):
            value = _PATH_SIGN.split(_text(name, value) or "")
        if isinstance(value, list):
            _check_entries(value)
            read = (_text(name, part) if isinstance(part, str) else part for part in value)
            return [part for part in read if part is not None]
        if isinstance(value, dict):
            return _attributes(value)
        text = _text(name, value) if isinstance(value, str) else value
        if text is None and name in ("id", "title"):
            raise PydanticCustomError("missing", "it is empty")
        return text


class PatchIn(ProductPatch):
    """A change of price or stock as it comes over the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("currency", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return _text("currency", value) if isinstance(value, str) else value


def read_item(value: object) -> Product:
    """A product of a request; null stands for a field that is not given.

    Raises:
        FaultyError: With all that is wrong with it.
    """
    given = {name: v for name, v in _object(value, "a product").items() if v is not None}
    try:
        product = Product.model_validate(ItemIn.model_validate(given).model_dump())
    except ValidationError as err:
        raise FaultyError([_fault(error, ItemIn) for error in err.errors()]) from err
    if (fault := sale_fault(product.price, product.sale_price)) is not None:
        raise FaultyError([Fault(fault, f"sale_price: {SALE_FAULTS[fault]}", "/sale_price")])
    return product


def read_patch(item_id: str, value: object) -> ProductPatch:
    """A change of one product; null takes a price or the currency away.

    Raises:
        FaultyError: With all that is wrong with it.
    """
    given = _object(value, "a patch")
    if given.get("id", item_id) != item_id:
        raise FaultyError([Fault("bad_value", "id: it is another one than the address has", "/id")])
    if not given.keys() - {"id"}:
        raise FaultyError([Fault("nothing_to_change", f"none of {_CHANGEABLE} is given", "")])
    try:
        patch = PatchIn.model_validate({**given, "id": item_id})
    except ValidationError as err:
        raise FaultyError([_fault(error, PatchIn) for error in err.errors()]) from err
    return ProductPatch.model_validate({"id": item_id, **patch.changes()})


def check_sale(patch: ProductPatch, product: Product) -> None:
    """Make sure that the product's price and sale price can stand beside each other afterwards.

    Raises:
        FaultyError: If they cannot.
    """
    fault = patch.sale_fault(product)
    if fault is None:
        return
    detail = f"{SALE_FAULTS[fault]}: name both, or end the sale with null as sale_price"
    named = next(n for n in ("sale_price", "price", "currency") if n in patch.model_fields_set)
    raise FaultyError([Fault(fault, f"{named}: {detail}", f"/{named}")])


class Refused(BaseModel):
    """A product of a bulk upsert that was not taken: its place in the request, and why."""

    index: int
    id: str | None
    code: str
    detail: str
    pointer: str


class Upserted(BaseModel):
    """The answer to a bulk upsert.

    Attributes:
        duplicates: Products whose id came again later in the request: the last one counts.
        rejected: Entries in `errors`.
    """

    added: int
    changed: int
    unchanged: int
    duplicates: int
    rejected: int
    errors: list[Refused]


class FacetCount(BaseModel):
    """A value of a field, and how many of all products found have it."""

    value: str
    count: int


class Listing(BaseModel):
    """A page of products.

    Attributes:
        total: Products on all pages.
        facets: Per field asked for, its most frequent values.
    """

    items: list[Product]
    next_cursor: str | None
    total: int
    facets: dict[str, list[FacetCount]] = {}

    @field_serializer("items")
    def _shown(self, items: list[Product]) -> list[dict[str, Any]]:
        return [item.model_dump(mode="json", exclude_none=True) for item in items]


def id_of(value: object) -> str | None:
    """The id of a product that was refused, as far as it can be told; shortened if too long."""
    found = value.get("id") if isinstance(value, Mapping) else None
    return _printable(found[:_MAX_NAME_BYTES]) if isinstance(found, str) and found else None


def _object(value: object, noun: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FaultyError([Fault("not_object", f"{noun} is a JSON object", "")])
    for name in value:
        if _has_surrogate(name):
            at = pointer_to(_shown(name))
            raise FaultyError([Fault("not_utf8", "the name of a field is no text", at)])
    return value


def _text(name: str, value: str) -> str | None:
    """A text without its markup; None for an empty one."""
    if len(value) > MAX_TEXT:
        raise PydanticCustomError("text_too_long", f"at most {MAX_TEXT:,} characters")
    if _has_surrogate(value):
        raise PydanticCustomError("not_utf8", "half of a surrogate pair is no text")
    if name in ("id", "item_group_id"):
        return _one_line("control_character", value.strip())
    if name in _LINKS:
        return _link(value.strip())
    try:
        text = plain_text(value)
    except ValueError as err:
        raise PydanticCustomError("too_much_markup", "{problem}", {"problem": str(err)}) from err
    return (text.upper() if name == "currency" else text) or None


def _one_line(code: Literal["control_character", "bad_link"], value: str) -> str | None:
    if _CONTROLS.search(value) is not None:
        raise PydanticCustomError(code, "no line ends or other control characters")
    return value or None


def _link(value: str) -> str | None:
    try:
        scheme = urlsplit(value).scheme
    except ValueError as err:
        raise PydanticCustomError("bad_link", "this is no address") from err
    if scheme not in ("", "http", "https"):
        raise PydanticCustomError("bad_link", "a link is http(s) or relative")
    return _one_line("bad_link", value)


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    _check_entries(given)
    for name in given:
        if not 1 <= len(name.encode(errors="replace")) <= _MAX_NAME_BYTES:
            raise PydanticCustomError("bad_value", f"a name has 1 to {_MAX_NAME_BYTES} bytes")
        _text("id", name)
    read = {n: _text("attributes", v) if isinstance(v, str) else v for n, v in given.items()}
    return {name: value for name, value in read.items() if value is not None}


def _check_entries(given: list[Any] | dict[str, Any]) -> None:
    if len(given) > MAX_ENTRIES:
        raise PydanticCustomError("too_many_values", f"at most {MAX_ENTRIES} entries")


_OWN_CODES = ("text_too_long", "not_utf8", "too_much_markup", "bad_link", "too_many_values")


def _fault(error: ErrorDetails, model: type[BaseModel]) -> Fault:
    """Pydantic's finding in our words; the value itself is not repeated."""
    places = [_shown(str(place)) for place in error["loc"]]
    name, kind = places[0], error["type"]
    pointer = "".join(map(pointer_to, places))
    if kind == "missing":
        return Fault(f"missing_{name}", f"{name} is required", pointer)
    if kind == "extra_forbidden":
        return Fault("unknown_field", _unknown(name, model), pointer)
    what = error["msg"].removeprefix("Value error, ")
    return Fault(_code(name, kind), f"{name}: {what[:1].lower()}{what[1:]}", pointer)


def _code(name: str, kind: str) -> str:
    if kind in _OWN_CODES:
        return kind
    if name == "id":
        return "id_too_long" if kind == "value_error" else "bad_value"
    special = {"price": "bad_price", "sale_price": "bad_price", "availability": "bad_availability"}
    return special.get(name, "bad_value")


def _unknown(name: str, model: type[BaseModel]) -> str:
    if model is PatchIn:
        known = "is not changed here" if name in Product.model_fields else "does not exist"
        return f"the field {name!r} {known}; what can be changed is {_CHANGEABLE}"
    near = difflib.get_close_matches(name, model.model_fields, n=1, cutoff=0.6)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    return f"there is no field {name!r}{hint}; a column of your own belongs in attributes"


def _shown(name: str) -> str:
    """A name of the sender's, as it can be repeated."""
    return _printable(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _printable(text: str) -> str:
    """Half of a surrogate pair, which JSON may hold, could not be sent back."""
    return text.encode(errors="replace").decode()
