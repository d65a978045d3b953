"""What was planted in the simulated shop is found by the models that can see it."""

import json
from datetime import date
from pathlib import Path

import pytest

from pipelines.nightly import import_sources
from pipelines.simulate.workspace import Plan, simulate
from pipelines.train import Choice, train
from recommender.configuration import load_settings
from recommender.data.split import everything
from recommender.data.steps import load_session_log
from recommender.workspace import Workspace

FOUND = {"popularity": (0.0, 0.15), "sequential_rules": (0.8, 1), "word2vec": (0.6, 1),
         "softmax": (0.8, 1)}  # fmt: skip
"""Share of pairs A → B with B among the first ten for the session [A]: at least, at most."""


@pytest.mark.slow
def test_planted_complements(tmp_path: Path) -> None:
    """The figures stand in README; run with -s to see them."""
    simulate(tmp_path, Plan(0, 600, 260, date(2026, 3, 1), date(2026, 3, 30)))
    workspace = Workspace(tmp_path)
    settings = load_settings(workspace.settings_path, environ={})
    import_sources(workspace, settings)
    vocabulary, sessions = everything(load_session_log(workspace.events_dir, settings), settings)
    pairs = [
        (pair["item_id"], pair["complement_id"])
        for pair in json.loads((tmp_path / "truth" / "complements.json").read_text("utf-8"))
        if pair["item_id"] in vocabulary and pair["complement_id"] in vocabulary
    ]
    assert len(pairs) > 100
    asked = vocabulary.encode([[item_id] for item_id, _ in pairs])
    for name, (least, most) in FOUND.items():
        settled = {"start": "random", "epochs": 12} if name == "softmax" else {}
        choice = Choice(name, settled, [], 0.0)
        trained = train(choice, vocabulary, sessions, settings, lambda _: None, with_vectors=False)
        lists, _ = trained.model.recommend(asked, 10)
        hits = sum(
            complement in vocabulary.decode(row)
            for (_, complement), row in zip(pairs, lists, strict=True)
        )
        share = hits / len(pairs)
        print(f"{name}: {share:.3f} of {len(pairs)} pairs")  # noqa: T201
        assert least <= share <= most, name
