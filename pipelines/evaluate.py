"""Train several models on earlier days and judge all of them on the same later ones."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.train import OnTraining, choose, judged, train
from recommender.data.split import borders_of, split_for_choosing, split_for_judging
from recommender.data.steps import load_session_log
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.summary import summarize
from recommender.models.registry import chosen_model
from recommender.settings import Settings


def evaluate_models(
    events_dir: Path,
    settings: Settings,
    names: Sequence[str],
    test_us: int | None,
    on_training: OnTraining,
) -> dict[str, Any]:
    """Make the report of `recommender evaluate`.

    Args:
        events_dir: The event log.
        settings: Of the workspace.
        names: Models, `NAME` or `NAME:VARIANT`; differences are those of the first against the
            others.
        test_us: Where the test begins, µs since 1970; None for the last `evaluation.test_days`.
        on_training: Asked for somebody to tell the epochs to.

    Raises:
        DataError: If the log has too few sessions or days.
    """
    sessions = load_session_log(events_dir, settings)
    parts = borders_of(sessions, settings, test_us)
    choosing = split_for_choosing(sessions, settings, parts)
    judging = split_for_judging(sessions, settings, parts)
    queries = queries_of(judging.held_out)
    models = []
    for name in names:
        model, chosen = chosen_model(name, settings)
        choice = choose(model, choosing, chosen, on_training)
        trained = train(
            choice, judging.vocabulary, judging.train, chosen, on_training, with_vectors=False
        )
        models.append(replace(judged(trained, queries, chosen), name=name))
    return summarize(judging, queries, models, settings.evaluation)
