"""What validation settles for the neighbors: one parameter after another, on a grid."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, prefixes, select_sessions
from recommender.models.metrics import UNKNOWN, hits, reciprocal_ranks
from recommender.models.neighbors_index import SessionIndex
from recommender.models.neighbors_search import Weights, costs_of, search
from recommender.models.neighbors_variants import CHOICES, Parameters, weights_of
from recommender.settings import NeighborsVariant

MIN_QUERIES, MAX_QUERIES = 1000, 5000
"""Of more validation queries an evenly spread part is asked, the less the more one costs."""

_MAX_COST = 4_000_000
"""Sessions that are looked through in a trial, where `MIN_QUERIES` allow it."""

ROUNDS = 2
"""How often every parameter is looked at; a round that changes nothing is the last."""

_K = 20


def choose_parameters(
    index: SessionIndex,
    variant: NeighborsVariant,
    start: Parameters,
    fixed: Parameters,
    validation: Sessions,
    on_trial: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, float | int | str]:
    """Search the grid of `CHOICES` by Recall@20 + MRR@20 on validation.

    Each parameter in turn takes its best value while the others stay: some sixty trials instead of
    hundreds of thousands. Nothing in it is random; of equally good values the earlier one stays.

    Args:
        index: Of the training sessions.
        variant: Whose parameters.
        start: Where the search begins.
        fixed: Parameters that the user has set.
        validation: Later sessions.
        on_trial: Told each trial's number and quality.
    """
    queries, targets = _asked(index, weights_of(index, variant, start), validation)
    known: dict[tuple[float | int | str, ...], float] = {}

    def quality(parameters: Parameters) -> float:
        tried = tuple(parameters.values())
        if tried not in known:
            ranks = target_ranks(index, weights_of(index, variant, parameters), queries, targets)
            recall, mrr = hits(ranks, _K).mean(), reciprocal_ranks(ranks, _K).mean()
            known[tried] = float(recall + mrr)
            if on_trial is not None:
                found = {f"recall@{_K}": float(recall), f"mrr@{_K}": float(mrr)}
                on_trial({"trial": len(known), "validation": found})
        return known[tried]

    best = dict(start)
    for _ in range(ROUNDS):
        before = best
        for name, values in CHOICES[variant].items():
            if name not in fixed:
                best = max([best, *({**best, name: value} for value in values)], key=quality)
        if best == before:
            break
    return best


def _asked(
    index: SessionIndex, weights: Weights, validation: Sessions
) -> tuple[Sessions, NDArray[np.int32]]:
    """Queries spread evenly over validation, and their next items."""
    queries, targets, _ = prefixes(validation)
    cost = max(float(costs_of(index, weights, queries).mean()), 1.0)
    n_queries = int(np.clip(_MAX_COST / cost, MIN_QUERIES, MAX_QUERIES))
    if len(targets) <= n_queries:
        return queries, targets
    spread = np.linspace(0, len(targets) - 1, n_queries).astype(np.int64)
    return select_sessions(queries, spread), targets[spread]


def target_ranks(
    index: SessionIndex, weights: Weights, queries: Sessions, targets: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Rank of each target, ties against it; `UNKNOWN` for one that no neighbor holds."""
    ranks = np.full(len(targets), UNKNOWN)
    for piece, scored in search(index, weights, queries):
        is_target = scored.items == targets[piece][scored.query]
        own = np.full(piece.stop - piece.start, np.inf)
        own[scored.query[is_target]] = scored.scores[is_target]
        at_least = scored.query[scored.scores >= own[scored.query]]
        found = np.bincount(at_least, minlength=len(own))
        ranks[piece] = np.where(found > 0, found, UNKNOWN)
    return ranks
