"""Bodies of requests, read up to a limit and taken apart."""

import json
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from flask import request

from webapp.problems import ProblemError

NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
JSON = ("application/json",)

LARGEST_BODY = 5_000_000
"""Bytes; no route takes more."""

CUT_SHORT = "webapp.cut_short"
"""Where in a request's WSGI environment the error stands that kept its body from being whole."""


class NotJson(NamedTuple):
    """Stands for a line that is no JSON; it spoils itself only, not its request."""

    detail: str


class Limits(NamedTuple):
    """How much one request may bring.

    Attributes:
        max_bytes: Of the body.
        max_values: In an array, or lines.
        noun: What the values are, in messages: "events".
    """

    max_bytes: int
    max_values: int
    noun: str


def read_values(limits: Limits, kinds: Iterable[str]) -> list[object]:
    """One value, the values of an array, or one a line; `NotJson` for a line that is none.

    Args:
        limits: How much is taken.
        kinds: Media types that are read as JSON, beside those of lines.

    Raises:
        ProblemError: 413 above a limit, 415 for another media type, 400 for what is no JSON.
    """
    body = read_bytes(limits)
    if request.mimetype in NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        _check_count(len(lines), limits)
        return [_line(line) for line in lines]
    value = _value(body, kinds, f"application/json or {NDJSON[0]}")
    if isinstance(value, list):
        _check_count(len(value), limits)
        return value
    return [value]


def read_value(limits: Limits, kinds: Iterable[str]) -> object:
    """The one value that the body is.

    Raises:
        ProblemError: As `read_values`.
    """
    return _value(read_bytes(limits), kinds, "application/json")


def read_bytes(limits: Limits) -> bytes:
    """The body; reading stops at the limit, also when the sender named no length.

    Raises:
        ProblemError: 413 above the limit, 415 for a compressed body, 408 for one that did not come
            in time, 411 for one of no stated length, 429 if too much comes at once, 400 if it
            broke off.
    """
    if (cut_short := request.environ.get(CUT_SHORT)) is not None:
        raise cut_short
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        detail = "The body is compressed; send it as it is, without Content-Encoding."
        raise ProblemError("invalid-request", detail, status=415)
    too_large = (request.content_length or 0) > limits.max_bytes
    body = bytearray()
    while not too_large and (part := request.stream.read(limits.max_bytes + 1 - len(body))):
        body += part
        too_large = len(body) > limits.max_bytes
    if too_large:
        raise ProblemError(
            "payload-too-large",
            f"The body is larger than {limits.max_bytes:,} bytes; send fewer {limits.noun} at "
            "once.",
        )
    return bytes(body)


def _value(body: bytes, kinds: Iterable[str], advice: str) -> object:
    if request.mimetype not in kinds:
        kind = request.mimetype or "a body without Content-Type"
        raise ProblemError(
            "invalid-request", f"{kind} is not understood; send {advice}.", status=415
        )
    try:
        return _loads(body)
    except ValueError as err:
        raise ProblemError(
            "invalid-request",
            f"The body is not JSON; send {advice}.",
            errors=[{"pointer": "", "code": "not_json", "detail": str(err)}],
        ) from err


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.max_values:
        raise ProblemError(
            "payload-too-large",
            f"{count} {limits.noun}; a request has at most {limits.max_values}: split it.",
        )


def _line(line: bytes) -> object:
    try:
        return _loads(line)
    except ValueError as err:
        return NotJson(f"the line is not JSON: {err}")


def _loads(text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
