"""Train several models on earlier days and judge all of them on the same later ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.batch_sizes import measure_batch_sizes
from pipelines.contest import Contest
from pipelines.report import PAGE_NAME, REPORT_NAME, plain_json, write_files
from pipelines.tables import costs_in_words
from pipelines.thin_days import warn_of_thin_test
from pipelines.train import OnTraining
from recommender.data.split import Split, borders_of
from recommender.data.steps import load_session_log
from recommender.evaluation.saved_ranks import RANKS_NAME, SavedRanks
from recommender.evaluation.summary import JudgedModel, seed_entry
from recommender.models.registry import chosen_model, model_class
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
    n_seeds: int = 1,
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
        n_seeds: Trainings of each model that another seed changes; the first is the row, all of
            them tell the spread.
        say: Told what begins, and what large models will take before the first is trained.

    Raises:
        BudgetError: If a model would take more than the settings or the machine allow.
        DataError: If the log has too few sessions or days.
        CatalogError: If there is a catalog that cannot be read.
    """
    log = load_session_log(workspace.events_dir, settings)
    borders = borders_of(log, settings, test_us)
    warn_of_thin_test(log, settings, borders, chosen=test_us is not None)
    contest = Contest(workspace, settings, log, borders, on_training)
    predicted = {name: _predicted(name, contest.judging, settings, say) for name in names}
    rows = [
        replace(row, name=name, predicted=predicted[name])
        for name in names
        for row in [_judged(contest, name, n_seeds, on_training)]
    ]
    report = {**contest.report(rows), "seeds": n_seeds}
    if batch_sizes:
        model, chosen = chosen_model(names[0], settings)
        report["batch_sizes"] = measure_batch_sizes(
            model, contest.choosing, chosen, batch_sizes, say
        )
    ranks = SavedRanks.of(contest.examination, rows, settings.evaluation.ties)
    return Evaluation(report, contest.page(report), ranks)


def _judged(contest: Contest, name: str, n_seeds: int, on_training: OnTraining) -> JudgedModel:
    """The row of `model.seed`, with what the seeds after it come to."""
    first = contest.train(name)
    on_training(f"{name}: judging")
    row = contest.judge(first)
    if n_seeds == 1 or not first.model.uses_seed:
        return row
    seed, k = contest.settings.model.seed, contest.settings.evaluation.k
    entries = [seed_entry(seed, row.judgement, row.train_s, k)]
    for other in range(seed + 1, seed + n_seeds):
        again = contest.judge(contest.train(name, other))
        entries.append(seed_entry(other, again.judgement, again.train_s, k))
    return replace(row, seeds=entries)


def _predicted(
    name: str, judging: Split, settings: Settings, say: Callable[[str], None]
) -> Mapping[str, float]:
    """What a model says it will take; one that is too large is refused before any training."""
    model, chosen = chosen_model(name, settings)
    untrained = model_class(model)(len(judging.vocabulary), chosen)
    costs = untrained.predicted_costs(judging.train)
    if costs:
        say(f"{name} will take {costs_in_words(costs)}.")
    return costs


def write_evaluation(folder: Path, done: Evaluation) -> Path:
    """Write an evaluation's files; returns the page.

    Raises:
        DataError: If the folder cannot be written.
    """
    write_files(folder, {REPORT_NAME: plain_json(done.report), PAGE_NAME: done.page})
    done.ranks.write(folder / RANKS_NAME)
    return folder / PAGE_NAME
