"""Feeds of JSON lines: one product a line."""

import codecs
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pipelines.ingest.records import Record
from recommender.errors import DataError

MAX_LINE = 1 << 20
"""Bytes."""

_KEPT_BYTES = 4000
_ID = re.compile(r'"id"\s*:\s*"([^"\\]+)"')
"""Where a line that cannot be read most likely says which product it is about."""


def json_records(stream: io.BufferedReader, path: str) -> Iterator[Record]:
    """Products of a feed, in order.

    Raises:
        DataError: If the file is one JSON list instead of lines.
    """
    number = 0
    for line_number, line in _lines(stream):
        if line_number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
            if line.lstrip().startswith(b"["):
                raise DataError(
                    f"{path} begins with a JSON list; write one product a line, for example with: "
                    "jq -c '.[]'"
                )
        if not line.strip():
            continue
        number += 1
        yield _record(number, line_number, line)


def _lines(stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; of one that is too long no more than shows it."""
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        yield number, line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)


def _record(number: int, line_number: int, line: bytes) -> Record:
    def refused(reason: str) -> Record:
        text = line[:_KEPT_BYTES].decode(errors="replace")
        found = _ID.search(text)
        values = {} if found is None else {"id": found[1]}
        return Record(number, values, text, line_number, reason)

    if len(line) > MAX_LINE:
        return refused("line_too_long")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return refused("not_utf8")
    try:
        values = _value(text)
    except RecursionError:
        return refused("too_deep")
    except ValueError:
        return refused("not_json")
    if not isinstance(values, dict):
        return refused("not_object")
    return Record(number, values, text.strip(), line_number)


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # A number of thousands of digits is JSON; its field is told, as for any other price.
        return json.loads(text, parse_constant=_refuse_constant, parse_int=Decimal)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
