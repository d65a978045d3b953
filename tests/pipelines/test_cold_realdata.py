"""Products without clicks on a real log whose feed says little."""

from pathlib import Path

import pytest

from pipelines.cold_report import evaluate_cold
from pipelines.ingest.events import import_events
from pipelines.ingest.items import import_items
from pipelines.ingest.mapping import parse_map
from pipelines.inquiry import Inquiry
from recommender.settings import Settings
from recommender.workspace import Workspace
from tests.rees46_feed import write_feed

pytestmark = [pytest.mark.realdata, pytest.mark.slow]
SETTINGS = Settings.model_validate(
    {
        "softmax": {"variant": "plain", "epochs": 2, "dim": 16, "hidden": 16},
        "densities": {"enabled": False},
        "evaluation": {"test_days": 7, "validation_days": 7, "bootstrap_samples": 20},
    }
)


def test_rees46_products_of_the_last_week(realdata: Path, tmp_path: Path) -> None:
    log = realdata / "clicks" / "rees46_electronics_2021-01_02_events.parquet"
    feed, workspace = tmp_path / "feed.jsonl", Workspace(tmp_path / "shop")
    assert write_feed(log, feed) == 6_040
    maps = ["session_id=session_id,item_id=product_id,event_time=ts,event_name=event"]
    import_events(workspace, SETTINGS, str(log), field_map=parse_map(maps))
    assert import_items(workspace, SETTINGS, [str(feed)]).added == 18_700

    report = evaluate_cold(Inquiry.open(workspace, SETTINGS, None, lambda _: None))

    unknown = report["unknown"]
    assert set(unknown) == {"all", "with category", "without category"}
    for part in ("all", "with category"):
        methods = unknown[part]["methods"]
        assert unknown[part]["queries"] > 500
        for rival in ("random in category", "popularity of category"):
            assert methods[rival]["recall@20"]["ahead"]["low"] > 0
    lists = report["lists"]["unknown"]["methods"]
    assert lists["2"]["recall@20"]["value"] > lists["0"]["recall@20"]["value"] == 0
