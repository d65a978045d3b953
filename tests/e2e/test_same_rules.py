"""An event is judged alike by `POST /v1/events` and by `import events`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.ingest.events import import_events
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.api.event_rules import RefusedEventError, check_event

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VIEW = {
    "event_name": "view_item",
    "event_time": "2026-11-21T10:00:00Z",
    "visitor_id": "v1",
    "items": [{"item_id": "A"}],
    "consent": "granted",
}
TAKEN = "taken"


def by_wire(event: dict) -> str:
    try:
        check_event(event, NOW)
    except RefusedEventError as err:
        return err.code
    return TAKEN


def by_import(event: dict, folder: Path) -> str:
    path = folder / "events.ndjson"
    path.write_text(json.dumps(event))
    settings = Settings.model_validate({"import": {"max_refused": 1.0}})
    counts = import_events(Workspace(folder / "shop"), settings, path, dry_run=True, now=NOW)
    (code,) = counts.refused or [TAKEN]
    return code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, TAKEN),
        ({"items": [], "item_id": "A"}, TAKEN),
        ({"event_name": "search", "items": None, "item_id": ""}, TAKEN),
        ({"event_name": "view_item_list", "items": []}, TAKEN),
        ({"event_time": "2026-11-21t10:00:00.5z"}, TAKEN),
        ({"event_time": 1795251600}, TAKEN),
        ({"event_time": 1795251600123456}, TAKEN),
        ({"visitor_id": None, "session_id": "s1"}, TAKEN),
        ({"visitor_id": None, "consent": "denied"}, TAKEN),
        ({"visitor_id": "é" * 128}, TAKEN),
        ({"visitor_id": "é" * 129}, "id_too_long"),
        ({"visitor_id": ""}, "missing_visitor"),
        ({"event_name": ""}, "missing_event_name"),
        ({"event_time": "2026-11-21T10:00:00"}, "naive_event_time"),
        ({"event_time": "2026-11-21"}, "naive_event_time"),
        ({"event_time": "soon"}, "bad_event_time"),
        ({"event_time": -5}, "bad_event_time"),
        ({"event_time": 10**17}, "bad_event_time"),
        ({"event_time": "2026-11-22T12:00:01Z"}, "future_event_time"),
        ({"items": []}, "missing_item_id"),
        ({"items": [{"item_id": "A"}, {"price": 1}]}, "missing_item_id"),
        ({"items": [{"item_id": "x" * 257}]}, "id_too_long"),
        ({"items": [{"item_id": "A"}] * 201}, "too_many_items"),
    ],
)
def test_both_ways_in_say_the_same(changes, code, tmp_path):
    event = VIEW | changes

    assert (by_wire(event), by_import(event, tmp_path)) == (code, code)
