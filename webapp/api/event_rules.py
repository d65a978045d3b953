"""What one event of the wire must be, and what of it is kept."""

import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from recommender.data.events import (
    EPOCH_UNITS,
    ITEM_EVENT_NAMES,
    MAX_FUTURE_S,
    MAX_ID_BYTES,
    MAX_ITEMS,
    PERSONAL_FIELDS,
)

MAX_AGE_S = 7 * 24 * 3600
"""Older events are refused: their days are closed, judged and trained on."""

_MAX_TEXT_BYTES = 2048
_MAX_NUMBER = 1e15
_IDS = (
    "event_id",
    "event_name",
    "visitor_id",
    "user_id",
    "session_id",
    "transaction_id",
    "recommendation_id",
    "placement",
    "page_view_id",
    "site",
)
_TEXTS = ("currency", "search_term", "user_agent", "locale")
_LOCATIONS = ("page_location", "page_referrer")
_USERINFO = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/]*@")


class RefusedEventError(ValueError):
    """An event that is not taken: a code for programs, a sentence, where in the event."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer


def check_event(event: object, now: datetime) -> dict[str, Any]:
    """Check one event and bring it into the shape of the log.

    Fields that nobody knows are dropped, `event_id` and `event_time` are filled, addresses lose
    their query. Without consent the event loses everything that points at a person.

    Args:
        event: Parsed JSON.
        now: The server's time, with its zone.

    Raises:
        RefusedEventError: At the first rule that is broken.
    """
    if not isinstance(event, dict):
        raise RefusedEventError("not_object", "an event is a JSON object")
    kept: dict[str, Any] = {}
    kept["event_id"] = _text(event, "event_id", MAX_ID_BYTES) or new_event_id()
    for name in _IDS:
        kept[name] = kept.get(name) or _text(event, name, MAX_ID_BYTES)
    if kept["event_name"] is None:
        raise RefusedEventError("missing_event_name", "event_name is required", "/event_name")
    kept["event_time"] = _wire_time(_event_time(event.get("event_time"), now))
    kept["items"] = _items(event, kept["event_name"])
    kept["value"] = _number(event, "value")
    for name in _TEXTS:
        kept[name] = _text(event, name, _MAX_TEXT_BYTES)
    for name in _LOCATIONS:
        kept[name] = _without_query(_text(event, name, _MAX_TEXT_BYTES))
    _apply_consent(kept, _text(event, "consent", MAX_ID_BYTES))
    return {name: value for name, value in kept.items() if value is not None}


def new_event_id() -> str:
    """A random id that sorts by time, laid out as UUID version 7."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | int.from_bytes(os.urandom(10))
    number = number & ~(0xF << 76) | 0x7 << 76
    digits = f"{number & ~(0x3 << 62) | 0x2 << 62:032x}"
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def _apply_consent(kept: dict[str, Any], consent: str | None) -> None:
    if consent == "granted":
        if kept["visitor_id"] is None and kept["session_id"] is None:
            raise RefusedEventError(
                "missing_visitor", "visitor_id or session_id is required", "/visitor_id"
            )
        kept["consent"] = consent
        return
    # Said in the log in so many words: an event that says nothing counts there as imported.
    kept["consent"] = "denied"
    for name in PERSONAL_FIELDS:
        kept.pop(name, None)


def _items(event: Mapping[str, Any], event_name: str) -> list[dict[str, Any]] | None:
    items = event.get("items")
    if items in (None, []) and event.get("item_id") not in (None, ""):
        return [_item(event, "")]
    if not isinstance(items, list | None):
        raise RefusedEventError("bad_value", "items is a list of objects", "/items")
    if not items and event_name in ITEM_EVENT_NAMES:
        raise RefusedEventError(
            "missing_item_id", f"{event_name} needs items[].item_id", "/items/0/item_id"
        )
    if items is not None and len(items) > MAX_ITEMS:
        raise RefusedEventError(
            "too_many_items", f"an event has at most {MAX_ITEMS} items", "/items"
        )
    return [_item(item, f"/items/{place}") for place, item in enumerate(items or [])] or None


def _item(item: object, pointer: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise RefusedEventError("bad_value", "an item is an object with item_id", pointer)
    kept: dict[str, Any] = {}
    for name in ("item_id", "item_variant"):
        kept[name] = _text(item, name, MAX_ID_BYTES, pointer)
    for name in ("quantity", "price"):
        kept[name] = _number(item, name, pointer)
    index = _number(item, "index", pointer)
    kept["index"] = None if index is None else _whole(index, f"{pointer}/index")
    if kept["item_id"] is None:
        raise RefusedEventError("missing_item_id", "an item needs item_id", f"{pointer}/item_id")
    return {name: value for name, value in kept.items() if value is not None}


def _text(event: Mapping[str, Any], name: str, max_bytes: int, parent: str = "") -> str | None:
    """A text, or a whole number as text; an empty one counts as absent."""
    value = event.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "":
        return None
    pointer = f"{parent}/{name}"
    if not isinstance(value, str):
        raise RefusedEventError("bad_value", f"{name} is a text", pointer)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as err:
        raise RefusedEventError("bad_value", f"{name} is not valid UTF-8", pointer) from err
    if size > max_bytes:
        code = "id_too_long" if max_bytes == MAX_ID_BYTES else "text_too_long"
        raise RefusedEventError(code, f"{name} has more than {max_bytes} bytes", pointer)
    return value


def _number(event: Mapping[str, Any], name: str, parent: str = "") -> float | None:
    value = event.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Not `>`: a NaN is greater than nothing.
    if not is_number or not abs(value) <= _MAX_NUMBER:
        raise RefusedEventError("bad_value", f"{name} is a number", f"{parent}/{name}")
    number: float = value
    return number


def _whole(number: float, pointer: str) -> int:
    if number != int(number) or abs(number) >= 2**31:
        raise RefusedEventError("bad_value", "index is a whole number", pointer)
    return int(number)


def _without_query(address: str | None) -> str | None:
    """An address without query, fragment and user name: they hold mail addresses and tokens."""
    if address is None:
        return None
    return _USERINFO.sub(r"\1//", re.split(r"[?#]", address, maxsplit=1)[0])


def _event_time(value: object, now: datetime) -> datetime:
    moment = now if value is None else _parse_time(value)
    late_s = (moment - now).total_seconds()
    if late_s > MAX_FUTURE_S:
        raise RefusedEventError(
            "future_event_time", "event_time is more than 24 hours in the future", "/event_time"
        )
    if late_s < -MAX_AGE_S:
        raise RefusedEventError(
            "old_event_time", "event_time is more than 7 days ago", "/event_time"
        )
    return moment


def _parse_time(value: object) -> datetime:
    if isinstance(value, str) and value.strip().isdecimal():
        value = float(value)
    if isinstance(value, str):
        return _parse_text_time(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        for limit, unit in EPOCH_UNITS.items():
            if value < limit:
                return datetime.fromtimestamp(value / unit, UTC)
    raise RefusedEventError(
        "bad_event_time", "event_time is RFC 3339, or epoch s, ms or µs", "/event_time"
    )


def _parse_text_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as err:
        raise RefusedEventError(
            "bad_event_time", f"event_time {text[:40]!r} is not RFC 3339", "/event_time"
        ) from err
    if moment.tzinfo is None:
        raise RefusedEventError(
            "naive_event_time", "event_time names no time zone; append Z for UTC", "/event_time"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as err:
        raise RefusedEventError(
            "bad_event_time", "event_time is out of range", "/event_time"
        ) from err


def _wire_time(moment: datetime) -> str:
    timespec = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
