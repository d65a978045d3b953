"""A small event log with a structure to find: walks along a ring of items, 40 a day."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from pipelines.ingest.events import import_events
from recommender.settings import Settings
from recommender.workspace import Workspace

N_DAYS, N_ITEMS, N_SESSIONS = 4, 12, 40
QUICK = ["softmax.dim=8", "word2vec.dim=8", "softmax.hidden=8", "softmax.epochs=2",
         "word2vec.epochs=2", "evaluation.bootstrap_samples=50"]  # fmt: skip


def make_log(root: Path, last_day_from: int = 0, seed: int = 0) -> Path:
    """Write and import the log; walks of the last day start at other ids.

    Returns:
        The workspace, `root/shop`.
    """
    random = np.random.default_rng(seed)
    lines = []
    for day in range(N_DAYS):
        begin = datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(days=day)
        shift = last_day_from if day == N_DAYS - 1 else 0
        for number in range(N_SESSIONS):
            first = int(random.integers(N_ITEMS))
            lines += [
                _event(f"{day}-{number}", shift + (first + n) % N_ITEMS,
                       begin + timedelta(minutes=number, seconds=n))
                for n in range(4)
            ]  # fmt: skip
    path = root / "log.ndjson"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    import_events(Workspace(root / "shop"), Settings(), str(path))
    return root / "shop"


def _event(session: str, item: int, time: datetime) -> str:
    return json.dumps({
        "event_name": "view_item", "event_time": time.isoformat(), "session_id": session,
        "items": [{"item_id": f"item {item}"}],
    })  # fmt: skip
