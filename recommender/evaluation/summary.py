"""The table of an evaluation, as `evaluate --json` prints it and `report.json` keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.days import rfc3339
from recommender.data.split import Split
from recommender.evaluation.compare import Interval, Resampled
from recommender.evaluation.protocol import Judgement, Queries
from recommender.models.metrics import EXCLUDED, hits, reciprocal_ranks
from recommender.settings import EvaluationSettings

SCHEMA_VERSION = 1
_HEAD_SHARE = 0.5
_POPULAR_SHARE = 0.01
_LONG = 5


@dataclass(frozen=True)
class JudgedModel:
    """One model's row."""

    name: str
    judgement: Judgement
    train_s: float
    n_bytes: int
    ms_per_query: float
    epochs: Sequence[Mapping[str, Any]] = ()
    settled: Mapping[str, Any] = field(default_factory=dict)
    predicted: Mapping[str, float] = field(default_factory=dict)


def summarize(
    split: Split,
    queries: Queries,
    models: Sequence[JudgedModel],
    settings: EvaluationSettings,
) -> dict[str, Any]:
    """Everything that is known of some models judged on one split.

    Differences are those of the first model against each of the others.
    """
    counts = np.bincount(split.train.items, minlength=len(split.vocabulary))
    judgements = {model.name: model.judgement for model in models}
    resampled = Resampled(queries, judgements, settings.k, settings.bootstrap_samples)
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
        "train": {"sessions": split.train.n_sessions, "items": len(split.vocabulary)},
        "models": [_model_entry(model, queries, resampled, counts, settings.k) for model in models],
        "differences": [
            {
                "model": models[0].name,
                "against": other.name,
                "exclude": exclusion,
                "metrics": {
                    metric: _rounded(
                        resampled.difference(models[0].name, other.name, exclusion, metric)
                    )
                    for metric in resampled.metrics
                },
            }
            for other in models[1:]
            for exclusion in models[0].judgement.ranks
        ],
    }


def _model_entry(
    model: JudgedModel,
    queries: Queries,
    resampled: Resampled,
    counts: NDArray[np.int64],
    k: int,
) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for exclusion, ranks in model.judgement.ranks.items():
        metrics[exclusion] = {
            metric: _rounded(resampled.interval(model.name, exclusion, metric))
            for metric in resampled.metrics
        }
        metrics[exclusion]["queries_dropped_excluded"] = int((ranks == EXCLUDED).sum())
    shown = model.judgement.shown
    return {
        "name": model.name,
        "train_s": round(model.train_s, 2),
        "bytes": model.n_bytes,
        "ms_per_query": round(model.ms_per_query, 4),
        "predicted": dict(model.predicted),
        "metrics": metrics,
        f"coverage@{k}": round(float((shown > 0).mean()), 4),
        f"popularity_share@{k}": round(popularity_share(shown, counts), 4),
        "slices": _slices(model.judgement, queries, counts, k),
        "settled": dict(model.settled),
        "epochs": [dict(record) for record in model.epochs],
    }


def popularity_share(shown: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Share of all recommended places that the 1 % most clicked items take.

    Args:
        shown: How often each item was recommended, shape (n_items,).
        counts: Steps of each item in training, shape (n_items,).
    """
    n_popular = max(1, round(_POPULAR_SHARE * len(counts)))
    popular = np.argsort(-counts, kind="stable")[:n_popular]
    return float(shown[popular].sum() / max(1, shown.sum()))


def _slices(
    judgement: Judgement, queries: Queries, counts: NDArray[np.int64], k: int
) -> dict[str, Any]:
    """Parts of the queries, nothing excluded.

    Head: the target is one of the most clicked items that make up half of the training steps.
    """
    ranks = judgement.ranks.get("none")
    if ranks is None:
        return {}
    order = np.argsort(-counts, kind="stable")
    is_head = np.zeros(len(counts), np.bool_)
    is_head[order[np.cumsum(counts[order]) <= _HEAD_SHARE * counts.sum()]] = True
    lengths = queries.sessions.lengths
    parts = {
        "head": is_head[queries.targets],
        "tail": ~is_head[queries.targets],
        "first_click": lengths == 1,
        "long": lengths >= _LONG,
    }
    return {
        name: {
            "queries": int(part.sum()),
            "metrics": {
                f"recall@{k}": round(float(hits(ranks[part], k).mean()), 4),
                f"mrr@{k}": round(float(reciprocal_ranks(ranks[part], k).mean()), 4),
            },
        }
        for name, part in parts.items()
        if part.any()
    }


def _rounded(interval: Interval) -> dict[str, float]:
    return {name: round(value, 4) for name, value in interval._asdict().items()}
