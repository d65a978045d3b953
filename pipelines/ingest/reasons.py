"""Why a row is refused: the codes in `rejected/` and what a message says about them."""

from collections.abc import Mapping

from recommender.catalog.product import SALE_FAULTS

REASONS: dict[str, str] = {
    **SALE_FAULTS,
    "not_utf8": "the text is not UTF-8: save the file as UTF-8, in a spreadsheet as CSV UTF-8",
    "line_too_long": "the line is longer than 1 MiB",
    "not_json": "the line is no JSON",
    "not_object": "the line is no JSON object",
    "column_count": "the row has more or fewer columns than the header",
    "missing_event_name": "no event name",
    "missing_event_time": "no time",
    "bad_event_time": "the time cannot be read",
    "naive_event_time": "the time names no time zone: add --tz, for example --tz Europe/Madrid",
    "future_event_time": "the time lies more than 24 hours in the future",
    "too_many_items": "more than 200 items",
    "missing_item_id": "an item has no id",
    "bad_item_id": "an item is neither text nor a whole number",
    "id_too_long": "an id is longer than 256 bytes",
    "missing_visitor": "neither visitor_id nor session_id",
    "broken_row": "the row cannot be taken apart: look for an open quotation mark",
    "not_list": "the row is no list of items",
    "empty_session": "the list is empty",
    "missing_id": "no id",
    "missing_title": "no title",
    "duplicate_id": "the id was in an earlier row of the file",
    "bad_price": "a price cannot be read: write 49.00 EUR",
    "ambiguous_price": "a price has a point before three digits: 1.299 may be 1299.00 or 1.30, "
    "write which",
    "bad_availability": "availability is none of in_stock, out_of_stock, preorder, backorder",
    "bad_link": "a link is neither http(s) nor relative",
    "bad_value": "another attribute has a value that is not allowed",
    "text_too_long": "a text is longer than 128 Ki characters, or the product than 1 Mi",
    "too_much_markup": "a text has more than 5,000 tags",
    "too_deep": "values are nested too deeply",
    "nothing_to_change": "none of price, sale_price, currency and availability is given",
}


def described(rows: Mapping[str, int], places: Mapping[str, str] | None = None) -> str:
    """The refused rows of a file as text, the most frequent reason first.

    Args:
        rows: By reason.
        places: Where the first row of a reason is, as far as known.
    """
    ordered = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))
    firsts = {reason: f"; first in {place}" for reason, place in (places or {}).items()}
    return "; ".join(
        f"{count:,} {reason} ({REASONS[reason]}{firsts.get(reason, '')})"
        for reason, count in ordered
    )
