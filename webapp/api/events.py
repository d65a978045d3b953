"""`POST /v1/events`: what visitors did, checked and appended to the event log."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from recommender.errors import DataError
from webapp.api.event_rules import RefusedEventError, check_event
from webapp.bodies import JSON, Limits, NotJson, read_values
from webapp.problems import ProblemError
from webapp.service import current_service

MAX_BODY_BYTES = 1_000_000
MAX_EVENTS = 500

_LIMITS = Limits(MAX_BODY_BYTES, MAX_EVENTS, "events")
# `text/plain` is what sendBeacon can send without asking the server first.
_JSON = (*JSON, "text/plain", "")

events = Blueprint("events", __name__)


@events.post("/v1/events")
def collect() -> ResponseReturnValue:
    """Take one event, an array, or one a line; 202 once they are written."""
    now = datetime.now(UTC)
    accepted: dict[str, dict[str, Any]] = {}
    duplicates = 0
    errors: list[dict[str, Any]] = []
    for index, value in enumerate(read_values(_LIMITS, _JSON)):
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


def _event(value: object, now: datetime) -> dict[str, Any]:
    if isinstance(value, NotJson):
        raise RefusedEventError("not_json", value.detail)
    return check_event(value, now)
