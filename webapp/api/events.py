"""`POST /v1/events`: what visitors did, checked and appended to the event log."""

import json
from datetime import UTC, datetime
from typing import Any, NoReturn

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from recommender.errors import DataError
from webapp.api.event_rules import RefusedEventError, check_event
from webapp.problems import ProblemError
from webapp.service import current_service

MAX_BODY_BYTES = 1_000_000
MAX_EVENTS = 500

_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
# `text/plain` is what sendBeacon can send without asking the server first.
_JSON = ("application/json", "text/plain", "")

events = Blueprint("events", __name__)


@events.post("/v1/events")
def collect() -> ResponseReturnValue:
    """Take one event, an array, or one a line; 202 once they are written."""
    now = datetime.now(UTC)
    accepted: dict[str, dict[str, Any]] = {}
    duplicates = 0
    errors: list[dict[str, Any]] = []
    for index, value in enumerate(_body()):
        try:
            event = _event(value, now)
        except RefusedEventError as err:
            errors.append(
                {"index": index, "code": err.code, "detail": err.detail, "pointer": err.pointer}
            )
            continue
        if event["event_id"] in accepted:
            duplicates += 1
        accepted.setdefault(event["event_id"], event)
    try:
        current_service().events.append(list(accepted.values()))
    except DataError as err:
        raise ProblemError(
            "log-unavailable",
            "The events were not kept; send them again later.",
            headers={"Retry-After": "10"},
        ) from err
    counts = {"accepted": len(accepted), "duplicates": duplicates, "rejected": len(errors)}
    return jsonify(counts | {"errors": errors}), 202


def _body() -> list[object]:
    body = _bytes()
    kind = request.mimetype
    if kind in _NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        _check_count(len(lines))
        return [_line(line) for line in lines]
    if kind not in _JSON:
        raise ProblemError(
            "invalid-request",
            f"{kind} is not understood; send application/json or application/x-ndjson.",
            status=415,
        )
    value = _parsed(body)
    if isinstance(value, list):
        _check_count(len(value))
        return value
    return [value]


def _bytes() -> bytes:
    """The body; reading stops at the limit, also when the sender named no length."""
    too_large = (request.content_length or 0) > MAX_BODY_BYTES
    body = bytearray()
    while not too_large and (part := request.stream.read(MAX_BODY_BYTES + 1 - len(body))):
        body += part
        too_large = len(body) > MAX_BODY_BYTES
    if too_large:
        raise ProblemError(
            "payload-too-large",
            f"The body is larger than {MAX_BODY_BYTES:,} bytes; send fewer events at once.",
        )
    return bytes(body)


def _event(value: object, now: datetime) -> dict[str, Any]:
    if isinstance(value, RefusedEventError):
        raise value
    return check_event(value, now)


def _check_count(count: int) -> None:
    if count > MAX_EVENTS:
        raise ProblemError(
            "payload-too-large", f"{count} events; a request has at most {MAX_EVENTS}: split it."
        )


def _line(line: bytes) -> object:
    """What a line says; one that is no JSON spoils itself only, not its request."""
    try:
        return _loads(line)
    except ValueError as err:
        return RefusedEventError("not_json", f"the line is not JSON: {err}")


def _parsed(body: bytes) -> object:
    try:
        return _loads(body)
    except ValueError as err:
        raise ProblemError(
            "invalid-request",
            "The body is not JSON: send an event, an array of events, or one event a line as "
            "application/x-ndjson.",
            errors=[{"pointer": "", "code": "not_json", "detail": str(err)}],
        ) from err


def _loads(text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
