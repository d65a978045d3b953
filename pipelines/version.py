"""From a trained model to a version in the models folder."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.cold import cold_in_words
from pipelines.contest import Contest
from pipelines.density_tables import densities_in_words
from pipelines.train import OnTraining, Trained
from recommender.data.days import rfc3339
from recommender.data.split import borders_of
from recommender.data.steps import load_session_log
from recommender.evaluation.wording import cold_words
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
    contest = Contest(workspace, settings, log, borders_of(log, settings), on_training)
    name = settings.model.name
    say(f"Training {name} on {contest.judging.train.n_sessions} sessions…")
    trained = contest.train(name)
    say(f"Judging on {contest.judging.held_out.n_sessions} later sessions…")
    report = contest.report([contest.judge(trained)])
    say("Training on everything…")
    return write_version(
        contest,
        contest.refit(trained),
        report,
        data={"data_until": rfc3339(int(log.times_us.max()) + 1_000_000)},
        say=say,
    )


def write_version(
    contest: Contest,
    refitted: Trained,
    report: Mapping[str, Any],
    *,
    data: Mapping[str, Any],
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write an artifact of a model with the report of its contest, as JSON and as a page.

    Args:
        contest: Where it was judged.
        refitted: The model, trained on everything.
        report: What the contest said.
        data: More for the manifest than what it was judged on and refitted on.
        say: Told which densities come with it, and whether products without clicks do.

    Returns:
        The folder of the version.
    """
    densities = contest.densities(refitted.choice.powers)
    say(densities_in_words(densities))
    cold = contest.cold_start(refitted)
    say(cold_in_words(cold))
    report = {**report, "cold": contest.cold_entry(refitted, cold)}
    if report["cold"] is not None:
        say(cold_words(report["cold"]))
    sizes = {"sessions": refitted.sessions.n_sessions, "items": len(refitted.vocabulary)}
    return write_artifact(
        contest.workspace.models_dir,
        parts=refitted.parts,
        vocabulary=refitted.vocabulary,
        # What it was built with: a variant or a seed of its own belongs to it.
        settings=refitted.model.settings,
        report=report,
        page=contest.page(report),
        data={"judged_on": report["test"], "refitted_on": sizes, **data},
        created_at=datetime.now(UTC),
        main=refitted.model.name,
        densities=densities,
        cold=cold,
    )
