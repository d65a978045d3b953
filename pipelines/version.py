"""From a trained model to a version in the models folder."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.report import data_entry, page_of, product_lookup
from pipelines.train import OnTraining, Trained, choose, judged, train
from recommender.data.days import rfc3339
from recommender.data.split import borders_of, everything, split_for_choosing, split_for_judging
from recommender.data.steps import load_session_log
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.summary import examine, summarize
from recommender.serving.artifact import write_artifact
from recommender.settings import Settings
from recommender.workspace import Workspace


def train_version(
    workspace: Workspace,
    settings: Settings,
    *,
    on_training: OnTraining,
    say: Callable[[str], None],
) -> Path:
    """Judge the model of `model.name` on the last days, refit it on everything, write it.

    The version is not live yet; the gate of `nightly` does not ask.

    Returns:
        Its folder.

    Raises:
        DataError: If there is too little to train on.
    """
    log = load_session_log(workspace.events_dir, settings)
    parts = borders_of(log, settings)
    judging = split_for_judging(log, settings, parts)
    name = settings.model.name
    say(f"Training {name} on {judging.train.n_sessions} sessions…")
    choice = choose(name, split_for_choosing(log, settings, parts), settings, on_training)
    trained = train(
        choice, judging.vocabulary, judging.train, settings, on_training, with_vectors=False
    )
    say(f"Judging on {judging.held_out.n_sessions} later sessions…")
    lookup = product_lookup(workspace)
    examination = examine(judging, queries_of(judging.held_out), lookup)
    rows = [judged(trained, examination, settings)]
    report = summarize(examination, rows, settings.evaluation)
    report["data"] = data_entry(workspace, log)
    say("Training on everything…")
    vocabulary, sessions = everything(log, settings)
    refitted = train(choice, vocabulary, sessions, settings, on_training, with_vectors=True)
    return write_version(
        workspace,
        settings,
        refitted,
        report,
        page=page_of(report, workspace, lookup),
        data={
            "judged_on": report["test"],
            "refitted_on": {"sessions": sessions.n_sessions, "items": len(vocabulary)},
            "data_until": rfc3339(int(log.times_us.max()) + 1_000_000),
        },
    )


def write_version(
    workspace: Workspace,
    settings: Settings,
    trained: Trained,
    report: Mapping[str, Any],
    *,
    page: str,
    data: Mapping[str, Any],
) -> Path:
    """Write an artifact of a trained model with its report as JSON and as a page."""
    return write_artifact(
        workspace.models_dir,
        parts=trained.parts,
        vocabulary=trained.vocabulary,
        settings=settings,
        report=report,
        page=page,
        data=data,
        created_at=datetime.now(UTC),
        main=trained.model.name,
    )
