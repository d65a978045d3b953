"""Train several models on earlier days and judge all of them on the same later ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.batch_sizes import measure_batch_sizes
from pipelines.report import (
    PAGE_NAME,
    REPORT_NAME,
    data_entry,
    page_of,
    plain_json,
    product_lookup,
    write_files,
)
from pipelines.train import OnTraining, choose, judged, train
from recommender.data.split import borders_of, split_for_choosing, split_for_judging
from recommender.data.steps import load_session_log
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.saved_ranks import RANKS_NAME, SavedRanks
from recommender.evaluation.summary import examine, summarize
from recommender.models.registry import chosen_model
from recommender.settings import Settings
from recommender.workspace import Workspace


class Evaluation(NamedTuple):
    """What judging some models gave.

    Attributes:
        report: For `report.json`.
        page: `report.html`.
        ranks: Of every question, so that `compare` can pair them with another evaluation's.
    """

    report: dict[str, Any]
    page: str
    ranks: SavedRanks


def evaluate_models(
    workspace: Workspace,
    settings: Settings,
    names: Sequence[str],
    test_us: int | None,
    on_training: OnTraining,
    *,
    batch_sizes: Sequence[int] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Make the report of `recommender evaluate`.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        names: Models, `NAME` or `NAME:VARIANT`; differences are those of the first against the
            others.
        test_us: Where the test begins, µs since 1970; None for the last `evaluation.test_days`.
        on_training: Asked for somebody to tell the epochs to.
        batch_sizes: At these the first model is trained once more, for the report.
        say: Told what begins.

    Raises:
        DataError: If the log has too few sessions or days.
        CatalogError: If there is a catalog that cannot be read.
    """
    lookup = product_lookup(workspace)
    sessions = load_session_log(workspace.events_dir, settings)
    parts = borders_of(sessions, settings, test_us)
    choosing = split_for_choosing(sessions, settings, parts)
    judging = split_for_judging(sessions, settings, parts)
    examination = examine(judging, queries_of(judging.held_out), lookup)
    models = []
    for name in names:
        model, chosen = chosen_model(name, settings)
        choice = choose(model, choosing, chosen, on_training)
        trained = train(
            choice, judging.vocabulary, judging.train, chosen, on_training, with_vectors=False
        )
        models.append(replace(judged(trained, examination, chosen), name=name))
    report = summarize(examination, models, settings.evaluation)
    report["data"] = data_entry(workspace, sessions)
    if batch_sizes:
        model, chosen = chosen_model(names[0], settings)
        report["batch_sizes"] = measure_batch_sizes(model, choosing, chosen, batch_sizes, say)
    return Evaluation(
        report, page_of(report, workspace, lookup), SavedRanks.of(examination, models)
    )


def write_evaluation(folder: Path, done: Evaluation) -> Path:
    """Write an evaluation's files; returns the page.

    Raises:
        DataError: If the folder cannot be written.
    """
    write_files(folder, {REPORT_NAME: plain_json(done.report), PAGE_NAME: done.page})
    done.ranks.write(folder / RANKS_NAME)
    return folder / PAGE_NAME
