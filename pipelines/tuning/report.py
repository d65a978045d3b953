"""What tuning found, as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipelines.tuning.objective import Objective
from pipelines.tuning.search import importances
from pipelines.tuning.space import Options, Tuned, present_values
from pipelines.tuning.study import Study, Trial
from pipelines.tuning.winner import Winner
from recommender.data.days import rfc3339
from recommender.settings import Settings

SCHEMA_VERSION = 1
ENOUGH_TRIALS = 10
"""With fewer complete trials nothing is said about what each setting did."""


def tuning_report(
    study: Study,
    winner: Winner,
    space: tuple[Tuned, ...],
    objective: Objective,
    settings: Settings,
) -> dict[str, Any]:
    """The result of `recommender tune --json`.

    Args:
        study: All trials.
        winner: Who won.
        space: What is tuned.
        objective: What judged.
        settings: The present ones.
    """
    split, k = objective.split, settings.evaluation.k
    held_out = objective.held_out
    lead = None
    if winner.lead is not None:
        low, high = winner.lead.interval
        lead = {"value": winner.lead.value, "low": low, "high": high}
    return {
        "schema_version": SCHEMA_VERSION,
        "model": objective.model,
        "study": study.folder.name,
        "validation": {
            "until": None if split.until_us is None else rfc3339(split.until_us),
            "sessions": held_out.n_sessions,
            "queries": len(objective.queries),
        },
        "objective": {"mean_of": [f"recall@{k}", f"mrr@{k}"], "exclude": objective.exclusion},
        "trials": [asdict(trial) for trial in study.trials],
        "best": winner.best.number,
        "present": None if winner.present is None else winner.present.number,
        "chosen": winner.chosen.number,
        "standard_error": winner.error,
        "lead": lead,
        "present_settings": present_values(space, settings),
        "settings": dict(winner.chosen.values),
        "influence": _influence(study.complete, space),
    }


def _influence(trials: Sequence[Trial], space: tuple[Tuned, ...]) -> dict[str, Any]:
    """By setting, its share in the ups and downs of the trials, and what the best quarter had."""
    if len(trials) < ENOUGH_TRIALS:
        return {}
    best = sorted(trials, key=lambda trial: trial.value or 0.0)[-(len(trials) // 4) :]
    shares = importances(space, list(trials))
    return {
        one.name: {
            "share": round(shares.get(one.name, 0.0), 3),
            "best_quarter": _span(one, [trial.values[one.name] for trial in best]),
        }
        for one in sorted(space, key=lambda one: -shares.get(one.name, 0.0))
    }


def _span(one: Tuned, values: list[Any]) -> list[Any]:
    """The options that occur, or the smallest and the largest number."""
    if isinstance(one, Options):
        return [value for value in one.values if value in values]
    return [min(values), max(values)]
