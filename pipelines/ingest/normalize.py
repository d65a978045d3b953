"""SQL that makes events of raw fields: cleaned, with names of ours, and a reason where refused."""

from datetime import datetime

from pipelines.ingest.mapping import FieldMap
from recommender.data.events import (
    EVENT_NAMES,
    ITEM_EVENT_NAMES,
    MAX_ID_BYTES,
    MAX_ITEMS,
    PERSONAL_FIELDS,
    SYNONYMS,
)
from recommender.data.eventscan import EVENT_FIELDS, ITEM_FIELDS, identifier, literal

RAW_CHARACTERS = 1000
"""Of a refused row so much is kept."""

ITEM_TYPE = (
    'STRUCT(item_id VARCHAR, item_variant VARCHAR, quantity DOUBLE, price DOUBLE, "index" INTEGER)'
)

STAGED_COLUMNS = (
    {"ordinal": "BIGINT", "reason": "VARCHAR", "raw": "VARCHAR", "content": "VARCHAR"}
    | dict.fromkeys(EVENT_FIELDS, "VARCHAR")
    | {"event_time": "TIMESTAMPTZ", "value": "DOUBLE", "items": f"{ITEM_TYPE}[]"}
)
"""Columns of `normalized_events`, in order, with their duckdb types.

`reason` is null for an event that is in order; `raw` is the row's text for one that is refused;
`content` is a hash of everything but `event_id`.
"""

_LOCATIONS = ("page_location", "page_referrer")
_IDS = ("event_id", "visitor_id", "session_id", "user_id")
_FIELD_END, _ITEM_END = "chr(31)", "chr(30)"


def normalized_events(wire: str, field_map: FieldMap, consent: str, latest: datetime) -> str:
    """SQL of the events in a table of raw fields.

    Args:
        wire: A query as `pipelines.ingest.wire` writes it.
        field_map: What `--map` says of event names.
        consent: What an event without `consent` counts as.
        latest: Later events are refused.

    Returns:
        A query with `STAGED_COLUMNS`.
    """
    return f"""
        SELECT
            {", ".join(_final(name) for name in STAGED_COLUMNS)}
        FROM (
            SELECT *, {_reason(latest)} AS reason, {_content()} AS content
            FROM (
                SELECT * REPLACE ({", ".join(_consented(name) for name in PERSONAL_FIELDS)})
                FROM (SELECT {_cleaned(field_map, consent)} FROM ({wire}))
            )
        )
    """


def _final(name: str) -> str:
    if name == "raw":
        return f"CASE WHEN reason IS NOT NULL THEN left(raw, {RAW_CHARACTERS}) END AS raw"
    return identifier(name)


def _cleaned(field_map: FieldMap, consent: str) -> str:
    special = {
        "event_name": _event_name(field_map),
        "event_time": "event_time",
        "value": _number("value"),
        "consent": f"coalesce(nullif(lower(trim(consent)), ''), {literal(consent)})",
        **{
            name: f"nullif(split_part(split_part({name}, '?', 1), '#', 1), '')"
            for name in _LOCATIONS
        },
    }
    fields = ", ".join(
        special.get(name, f"nullif({identifier(name)}, '')") + f" AS {identifier(name)}"
        for name in EVENT_FIELDS
    )
    return f"ordinal, problem, time_problem, raw, {fields}, {_items()} AS items"


def _event_name(field_map: FieldMap) -> str:
    """Names of ours whatever their case, then those of `--map`, then synonyms; others stay."""
    ours = {name: name for name in EVENT_NAMES}
    cases = " ".join(
        f"WHEN {literal(theirs)} THEN {literal(name)}"
        for theirs, name in (SYNONYMS | ours | field_map.event_names).items()
    )
    return f"CASE lower(trim(event_name)) {cases} ELSE nullif(trim(event_name), '') END"


def _number(text: str) -> str:
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _items() -> str:
    """The list of items, else the one flat item, else none."""

    def item(prefix: str) -> str:
        def field(name: str) -> str:
            return f"{prefix}{identifier(name)}"

        return f"""struct_pack(
            item_id := nullif({field("item_id")}, ''),
            item_variant := nullif({field("item_variant")}, ''),
            quantity := {_number(field("quantity"))},
            price := {_number(field("price"))},
            "index" := TRY_CAST({field("index")} AS INTEGER)
        )"""

    return f"""
        CASE
            WHEN len(items) > 0 THEN list_transform(items, lambda item: {item("item.")})
            WHEN nullif(item_id, '') IS NOT NULL THEN [{item("")}]
            ELSE []
        END::{ITEM_TYPE}[]
    """


def _consented(name: str) -> str:
    return f"CASE WHEN consent = 'granted' THEN {name} END AS {name}"


def _reason(latest: datetime) -> str:
    names = ", ".join(literal(name) for name in sorted(ITEM_EVENT_NAMES))
    too_long = " OR ".join(f"strlen({name}) > {MAX_ID_BYTES}" for name in _IDS)
    item_too_long = (
        f"len(list_filter(items, lambda item: strlen(item.item_id) > {MAX_ID_BYTES} "
        f"OR strlen(item.item_variant) > {MAX_ID_BYTES})) > 0"
    )
    return f"""
        CASE
            WHEN problem IS NOT NULL THEN problem
            WHEN event_name IS NULL THEN 'missing_event_name'
            WHEN event_time IS NULL THEN time_problem
            WHEN event_time < TIMESTAMPTZ '0001-01-01 00:00:00+00' THEN 'bad_event_time'
            WHEN event_time > {literal(latest.isoformat())}::TIMESTAMPTZ THEN 'future_event_time'
            WHEN len(items) > {MAX_ITEMS} THEN 'too_many_items'
            WHEN event_name IN ({names}) AND len(items) = 0 THEN 'missing_item_id'
            WHEN len(list_filter(items, lambda item: item.item_id IS NULL)) > 0
                THEN 'missing_item_id'
            WHEN {too_long} OR {item_too_long} THEN 'id_too_long'
            WHEN consent = 'granted' AND visitor_id IS NULL AND session_id IS NULL
                THEN 'missing_visitor'
        END
    """


def _content() -> str:
    """A hash that no format and no version of a library changes: the same event, the same hash."""
    fields = ", ".join(
        f"coalesce({_canonical(name)}, '')" for name in EVENT_FIELDS if name != "event_id"
    )
    item = ", ".join(f"coalesce(item.{identifier(name)}::VARCHAR, '')" for name in ITEM_FIELDS)
    items = (
        f"array_to_string(list_transform(items, lambda item: concat_ws({_FIELD_END}, {item})), "
        f"{_ITEM_END})"
    )
    return f"md5(concat_ws({_FIELD_END}, {fields}, {items}))"


def _canonical(name: str) -> str:
    return (
        "epoch_us(event_time)::VARCHAR" if name == "event_time" else f"{identifier(name)}::VARCHAR"
    )
