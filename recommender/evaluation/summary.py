"""The table of an evaluation, as `evaluate --json` prints it and `report.json` keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.days import rfc3339
from recommender.data.split import Split
from recommender.evaluation.abstention import abstention_entry
from recommender.evaluation.breadth import coverage, novelty, popularity_share
from recommender.evaluation.calibration import calibration_entry
from recommender.evaluation.compare import Resampled
from recommender.evaluation.protocol import Judgement, Queries
from recommender.evaluation.slices import (
    Lookup,
    Parts,
    categories_of,
    category_parts,
    parts_of,
    slice_entries,
)
from recommender.evaluation.typical import ShownLists, Typical, choose_typical, typical_entries
from recommender.models.metrics import EXCLUDED, hits, reciprocal_ranks
from recommender.settings import EvaluationSettings

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Examination:
    """The questions that all models of a report are asked, and what is known of them.

    Attributes:
        split: What was learned from and what is judged on.
        queries: The questions.
        parts: Parts of them.
        categories: Parts of them by the next item's category; empty without a catalog.
        typical: Those whose answers are shown.
    """

    split: Split
    queries: Queries
    parts: Parts
    categories: Parts
    typical: Sequence[Typical]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Steps of each item in training, shape (n_items,)."""
        return np.bincount(self.split.train.items, minlength=len(self.split.vocabulary))


@dataclass(frozen=True)
class JudgedModel:
    """One model's row.

    Attributes:
        name: As it was asked for.
        judgement: Ranks and lists.
        train_s: Seconds of all training, what validation chose included.
        n_bytes: Of the arrays that serving loads.
        ms_per_query: One answer.
        epochs: One record per epoch of the choosing.
        settled: What validation chose.
        shown: Lists of the typical visits.
        seeds: The same trained with other seeds.
        predicted: What training was foretold to take.
        choosing_s: The seconds of `train_s` that went into choosing on validation.
    """

    name: str
    judgement: Judgement
    train_s: float
    n_bytes: int
    ms_per_query: float
    epochs: Sequence[Mapping[str, Any]] = ()
    settled: Mapping[str, Any] = field(default_factory=dict)
    shown: ShownLists | None = None
    seeds: Sequence[Mapping[str, Any]] = ()
    predicted: Mapping[str, float] = field(default_factory=dict)
    choosing_s: float = 0.0


def examine(split: Split, queries: Queries, lookup: Lookup = lambda _: None) -> Examination:
    """Part the queries and choose the typical ones.

    Args:
        split: What was learned from and what is judged on.
        queries: Of its held-out sessions.
        lookup: Finds products of the catalog; finds none where there is no catalog.
    """
    counts = np.bincount(split.train.items, minlength=len(split.vocabulary))
    categories = categories_of(split.vocabulary.item_ids, lookup)
    return Examination(
        split,
        queries,
        parts_of(queries, counts),
        category_parts(queries, categories),
        choose_typical(queries, counts, categories),
    )


def summarize(
    examination: Examination, models: Sequence[JudgedModel], settings: EvaluationSettings
) -> dict[str, Any]:
    """Everything that is known of some models judged on one split.

    Differences are those of the first model against each of the others.
    """
    split, queries = examination.split, examination.queries
    judgements = {model.name: model.judgement for model in models}
    resampled = Resampled(queries, judgements, settings.k, settings.bootstrap_samples)
    lists = [(model.name, model.shown) for model in models if model.shown is not None]
    return {
        "schema_version": SCHEMA_VERSION,
        "test": {
            "from": rfc3339(split.from_us),
            "until": None if split.until_us is None else rfc3339(split.until_us),
            "sessions": queries.n_sessions,
            "queries": len(queries),
            "queries_dropped_unknown_item": split.n_dropped_unknown,
            "sessions_crossing_the_split": split.n_crossing,
        },
        "train": {
            "from": _train_begin(split),
            "sessions": split.train.n_sessions,
            "steps": len(split.train.items),
            "items": len(split.vocabulary),
        },
        "split_by": "days" if settings.test_share is None else "shares",
        "ties": settings.ties,
        "k": settings.k,
        "models": [_model_entry(model, examination, resampled, settings) for model in models],
        "differences": _differences(models, resampled),
        "typical": typical_entries(queries, examination.typical, lists, split.vocabulary),
    }


def seed_entry(seed: int, judgement: Judgement, train_s: float, k: int) -> dict[str, Any]:
    """What one more training of a model, from another seed, comes to."""
    metrics = {}
    for exclusion, ranks in judgement.ranks.items():
        asked = ranks[ranks != EXCLUDED]
        # As in the intervals, 0 where every target was excluded.
        n = max(1, len(asked))
        metrics[exclusion] = {
            f"recall@{k}": round(float(hits(asked, k).sum()) / n, 4),
            f"mrr@{k}": round(float(reciprocal_ranks(asked, k).sum()) / n, 4),
        }
    return {"seed": seed, "train_s": round(train_s, 2), "metrics": metrics}


def _train_begin(split: Split) -> str | None:
    times_us = split.train.times_us
    return None if times_us is None or not len(times_us) else rfc3339(int(times_us.min()))


def _differences(models: Sequence[JudgedModel], resampled: Resampled) -> list[dict[str, Any]]:
    first = models[0].name
    return [
        {
            "model": first,
            "against": other.name,
            "exclude": exclusion,
            "metrics": {
                metric: resampled.difference(first, other.name, exclusion, metric).rounded()
                for metric in resampled.metrics
            },
        }
        for other in models[1:]
        for exclusion in models[0].judgement.ranks
    ]


def _model_entry(
    model: JudgedModel,
    examination: Examination,
    resampled: Resampled,
    settings: EvaluationSettings,
) -> dict[str, Any]:
    queries, counts = examination.queries, examination.counts
    k, n_samples = settings.k, settings.bootstrap_samples
    ranks, shown = model.judgement.ranks, model.judgement.shown
    return {
        "name": model.name,
        "train_s": round(model.train_s, 2),
        "choosing_s": round(model.choosing_s, 2),
        "bytes": model.n_bytes,
        "ms_per_query": round(model.ms_per_query, 4),
        "predicted": dict(model.predicted),
        "metrics": {
            exclusion: {
                **{
                    metric: resampled.interval(model.name, exclusion, metric).rounded()
                    for metric in resampled.metrics
                },
                "queries_dropped_excluded": int((found == EXCLUDED).sum()),
            }
            for exclusion, found in ranks.items()
        },
        f"coverage@{k}": round(coverage(shown), 4),
        f"popularity_share@{k}": round(popularity_share(shown, counts), 4),
        f"novelty@{k}": round(novelty(shown, counts), 3),
        "slices": slice_entries(queries, ranks, examination.parts, k, n_samples),
        "categories": slice_entries(queries, ranks, examination.categories, k, n_samples),
        "calibration": calibration_entry(queries, model.judgement, n_samples),
        "abstention": abstention_entry(queries, model.judgement, k, n_samples),
        "seeds": [dict(one) for one in model.seeds],
        "settled": dict(model.settled),
        "epochs": [dict(record) for record in model.epochs],
    }
