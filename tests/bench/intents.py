"""Visits of the simulated shop with two aims: does a model see both?

Asked are the prefixes that hold products of both aims; the truth stands beside the shop.
"""

import json
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contest import Contest
from pipelines.ingest.events import import_events
from pipelines.simulate.workspace import Plan, simulate
from recommender.data.examples import Sessions, last_items, select_sessions
from recommender.data.split import borders_of
from recommender.data.steps import load_session_log
from recommender.models.contract import Model
from recommender.models.topk import top_k
from recommender.settings import Settings
from recommender.workspace import Workspace

PLAN = Plan(0, 600, 260, date(2026, 10, 2), date(2026, 10, 31))
SETTINGS = Settings.model_validate({"evaluation": {"test_days": 3}})
LENGTH = 10


def bench_intents() -> list[dict[str, Any]]:
    """Shares of two-aim prefixes, the mixture against the network with one vector."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = simulated_shop(Path(folder) / "shop")
        log = load_session_log(workspace.events_dir, SETTINGS)
        contest = Contest(workspace, SETTINGS, log, borders_of(log, SETTINGS), lambda _: None)
        asked, aims, categories = _two_aims(workspace, contest)
        found = {
            name: _shares(contest.train(name).model, asked, aims, categories)
            for name in ("mdn:plain", "softmax:plain", "mdn", "softmax")
        }
    return [
        {
            "name": f"{what}, {ours}, {len(aims)} questions",
            "value": round(100 * found[ours][what], 1),
            "unit": "%",
            "peer": peer,
            "peer_value": round(100 * found[peer][what], 1),
            "ratio": found[ours][what] / max(found[peer][what], 1e-9),
        }
        for ours, peer in (("mdn:plain", "softmax:plain"), ("mdn", "softmax"))
        for what in found[ours]
    ]


def simulated_shop(root: Path) -> Workspace:
    """A shop of 30 days with its events imported."""
    workspace = Workspace(root)
    simulate(root, PLAN)
    for source in sorted((root / "source").glob("events-*.ndjson")):
        import_events(workspace, SETTINGS, source)
    return workspace


def _two_aims(
    workspace: Workspace, contest: Contest
) -> tuple[Sessions, NDArray[np.int64], NDArray[np.int64]]:
    """Prefixes that saw both aims, the aims of each, shape (n, 2), and the items' categories."""
    truth = workspace.root / "truth"
    begins = {
        int(np.datetime64(visit["first_view"].rstrip("Z"), "us").astype(np.int64)): visit["aims"]
        for visit in json.loads((truth / "two_aims.json").read_text())
    }
    path_of = json.loads((truth / "categories.json").read_text())
    names = sorted({tuple(path) for path in path_of.values()})
    item_ids = contest.judging.vocabulary.item_ids
    categories = np.array([names.index(tuple(path_of[item_id])) for item_id in item_ids])
    queries, times_us = contest.examination.queries, contest.judging.held_out.times_us
    chosen, aims = [], []
    for query, session in enumerate(queries.session_of_query.tolist()):
        planted = begins.get(int(times_us[session]))
        if planted is None:
            continue
        pair = [names.index(tuple(aim)) for aim in planted]
        if set(pair) <= set(categories[queries.sessions.session(query)].tolist()):
            chosen.append(query)
            aims.append(pair)
    return select_sessions(queries.sessions, np.array(chosen)), np.array(aims), categories


def _shares(
    model: Model, asked: Sessions, aims: NDArray[np.int64], categories: NDArray[np.int64]
) -> dict[str, float]:
    """How often both aims are in the first ten, and how often each leads a list of its own.

    A model without intents has one list: there its two most frequent categories count.
    """
    allowed = np.ones((asked.n_sessions, model.n_items), np.bool_)
    allowed[np.arange(asked.n_sessions), last_items(asked, 1)[:, 0]] = False
    first, _ = top_k(model.scores(asked), 2 * LENGTH, allowed)
    covered, parted = [], []
    for row, pair in enumerate(aims):
        covered.append(set(pair) <= set(categories[first[row, :LENGTH]]))
        intents = model.intents(asked.session(row), LENGTH, allowed[row])[:2]
        if intents:
            leading = [int(np.bincount(categories[one.items]).argmax()) for one in intents]
        else:
            leading = np.argsort(-np.bincount(categories[first[row]]), kind="stable")[:2].tolist()
        parted.append(set(leading) == set(pair))
    return {
        "both aims in the first ten": float(np.mean(covered)),
        "each aim leads one of two lists": float(np.mean(parted)),
    }
