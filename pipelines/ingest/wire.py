"""SQL that makes event fields of what a file holds; its table is called `batch`.

The result has `ordinal`, `problem`, `raw`, all `EVENT_FIELDS` and `ITEM_FIELDS` as text but for
`event_time`, which is a time with `time_problem` beside it, and `items`.
"""

import json
from collections.abc import Mapping

import pyarrow as pa

from pipelines.ingest.mapping import FieldMap
from pipelines.ingest.times import time_from_text, time_from_type
from recommender.data.eventscan import (
    EVENT_FIELDS,
    ITEM_FIELDS,
    events_from_lines,
    identifier,
    literal,
)

_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
_EXACT_INTEGERS_BELOW = 1 << 53


def wire_from_lines(field_map: FieldMap, tz: str | None) -> str:
    """SQL of NDJSON lines, a table of `LINE_SCHEMA`; blank lines are left out."""
    # Only a short line can be blank, and trimming the long ones costs as much as parsing them.
    lines = f"(SELECT * FROM batch WHERE strlen(line) > 64 OR trim(line, {_BLANKS}) <> '')"
    texts = {name: identifier(name) for name in (*EVENT_FIELDS, *ITEM_FIELDS)} | {
        name: literal(value) for name, value in field_map.constants.items()
    }
    time, time_problem = time_from_text(texts.pop("event_time"), tz)
    columns = ", ".join(f"{text} AS {identifier(name)}" for name, text in texts.items())
    return f"""
        SELECT
            ordinal,
            coalesce(
                problem,
                CASE WHEN kind IS NULL THEN 'not_json' WHEN kind <> 'OBJECT' THEN 'not_object' END
            ) AS problem,
            line AS raw,
            {columns},
            items,
            {time} AS event_time,
            {time_problem} AS time_problem
        FROM ({events_from_lines(lines, field_map.columns)})
    """


def wire_from_columns(
    schema: pa.Schema, columns: Mapping[str, str], constants: Mapping[str, str], tz: str | None
) -> str:
    """SQL of a table whose columns have our names.

    Args:
        schema: Of the table: `ordinal`, `problem` and one column for each of `columns`.
        columns: Column in the file by field of ours, for the text of refused rows.
        constants: Value of a field in every row.
        tz: Time zone of times that name none.
    """
    texts = dict.fromkeys((*EVENT_FIELDS, *ITEM_FIELDS), "NULL::VARCHAR")
    for name in columns:
        if name != "items":
            texts[name] = _text_of(identifier(name), schema.field(name).type)
    texts |= {name: literal(value) for name, value in constants.items()}
    del texts["event_time"]
    if "event_time" in columns:
        time, time_problem = time_from_type("event_time", schema.field("event_time").type, tz)
    else:
        time, time_problem = time_from_text(literal(constants["event_time"]), tz)
    fields = ", ".join(f"{text} AS {identifier(name)}" for name, text in texts.items())
    shown = ", ".join(f"{literal(column)}, {identifier(name)}" for name, column in columns.items())
    return f"""
        SELECT
            ordinal,
            problem,
            json_object({shown})::VARCHAR AS raw,
            {fields},
            {_items_of(schema)} AS items,
            {time} AS event_time,
            {time_problem} AS time_problem
        FROM batch
    """


def _items_of(schema: pa.Schema) -> str:
    """SQL of `items`: a list of structs, or JSON in a text; anything else counts as no items."""
    structure = [dict.fromkeys(ITEM_FIELDS, "VARCHAR")]
    position = schema.get_field_index("items")
    if position < 0:
        return f"from_json('null', {literal(json.dumps(structure))})"
    kind = schema.field(position).type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (is_list and pa.types.is_struct(kind.value_type)):
        # Half an array must not end the query.
        text = "CASE WHEN json_valid(items::VARCHAR) THEN items::VARCHAR END"
        return f"from_json({text}, {literal(json.dumps(structure))})"
    inner = kind.value_type
    fields = ", ".join(
        f"{identifier(name)} := " + _text_of(f"item.{identifier(name)}", inner.field(name).type)
        if inner.get_field_index(name) >= 0
        else f"{identifier(name)} := NULL::VARCHAR"
        for name in ITEM_FIELDS
    )
    return f"list_transform(items, lambda item: struct_pack({fields}))"


def _text_of(column: str, kind: pa.DataType) -> str:
    if not pa.types.is_floating(kind):
        return f"{column}::VARCHAR"
    # Integers with gaps reach a file as floats: 123.0 is the id 123.
    return f"""
        CASE
            WHEN isnan({column}) THEN NULL
            WHEN {column} = trunc({column}) AND abs({column}) < {_EXACT_INTEGERS_BELOW}
                THEN {column}::BIGINT::VARCHAR
            ELSE {column}::VARCHAR
        END
    """
