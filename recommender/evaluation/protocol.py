"""The protocol: every prefix of later sessions, every item competing, ties as the settings say."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, last_items, prefixes, select_sessions
from recommender.data.vocabulary import renumber
from recommender.errors import DataError
from recommender.models.contract import Model
from recommender.models.metrics import EXCLUDED, UNKNOWN, score_batches, target_ranks
from recommender.models.topk import NOTHING, top_k
from recommender.settings import Exclusion, Ties

_TIMED_QUERIES = 200


class Queries(NamedTuple):
    """What models are asked on held-out sessions.

    Attributes:
        sessions: What was seen so far, one a query.
        targets: The next item of each, shape (n,).
        session_of_query: The held-out session each comes from, shape (n,).
        n_sessions: Number of held-out sessions.
    """

    sessions: Sessions
    targets: NDArray[np.int32]
    session_of_query: NDArray[np.int64]
    n_sessions: int

    def __len__(self) -> int:
        return len(self.targets)


class Claims(NamedTuple):
    """What a model of probabilities promised, and what came of it; one row a query.

    Attributes:
        probability: Of the next item being the first of the list, or anywhere in it, shape (n,).
        came_true: Whether it was, shape (n,).
    """

    probability: NDArray[np.float64]
    came_true: NDArray[np.bool_]


class Judgement(NamedTuple):
    """How one model ranked.

    Attributes:
        ranks: By exclusion, the rank of each query's target, shape (n,); `EXCLUDED` where the
            target may not be recommended, `UNKNOWN` where the model does not know it or never
            recommends it.
        shown: How often each item stood in a list of length k with nothing excluded, shape
            (n_items,).
        certainty: How sure it was of each list, shape (n,); None where it cannot tell.
        claims: What it promised of the `first` item and of the whole `list` as a page shows it,
            without the page's own product; empty where its scores are no probabilities.
    """

    ranks: dict[Exclusion, NDArray[np.int64]]
    shown: NDArray[np.int64]
    claims: Mapping[str, Claims] = MappingProxyType({})
    certainty: NDArray[np.float32] | None = None


def queries_of(held_out: Sessions) -> Queries:
    """Every prefix of the held-out sessions that has a next item.

    Raises:
        DataError: If there is none.
    """
    sessions, targets, session_of_query = prefixes(held_out)
    if not len(targets):
        raise DataError(
            "nothing to judge on: no later session has two products that were learned; "
            "test on more days, import more events or lower vocabulary.min_count"
        )
    return Queries(sessions, targets, session_of_query, held_out.n_sessions)


def judge(
    model: Model,
    queries: Queries,
    exclusions: Sequence[Exclusion],
    k: int,
    numbers: NDArray[np.int32] | None = None,
    ties: Ties = "against",
) -> Judgement:
    """Rank the target of every query.

    Args:
        model: A fitted model.
        queries: Over the vocabulary of the judged sessions.
        exclusions: Which exclusions to rank under.
        k: Length of the lists that `Judgement.shown` counts.
        numbers: The model's own number of every item of that vocabulary, -1 for an item it does
            not know, shape (n_items,); None where the model was trained on that vocabulary.
        ties: See `target_ranks`.
    """
    ranks = {exclusion: np.full(len(queries), UNKNOWN) for exclusion in exclusions}
    shown = np.zeros(model.n_items, np.int64)
    asked, targets = queries.sessions, queries.targets
    pages = last_items(asked, 1)[:, 0]
    if numbers is not None:
        # A page whose product the model does not know excludes nothing, not the product before it.
        asked, targets, pages = renumber(asked, numbers), numbers[targets], numbers[pages]
    claimed: list[dict[str, Claims]] = []
    sure: list[NDArray[np.float32]] = []
    for piece, sessions, scores in score_batches(model, asked):
        # One more than is shown: the page's own product may have to leave.
        lists, best = top_k(scores, k + 1)
        shown += _times_shown(lists[:, :k], model.n_items)
        wanted = targets[piece]
        certainty = model.certainty(scores, sessions)
        if certainty is not None:
            sure.append(certainty)
        if model.gives_log_probabilities:
            claimed.append(_claims(*_without_page(lists, best, pages[piece], k), wanted))
        known = np.flatnonzero(wanted >= 0)
        for exclusion in exclusions:
            excluded = excluded_items(sessions, pages[piece], model.n_items, exclusion)
            found = target_ranks(
                scores[known], wanted[known], None if excluded is None else excluded[known], ties
            )
            ranks[exclusion][piece.start + known] = found
    _mark_excluded(ranks, queries)
    return Judgement(ranks, shown, _joined(claimed), np.concatenate(sure) if sure else None)


def _times_shown(lists: NDArray[np.int64], n_items: int) -> NDArray[np.int64]:
    return np.bincount(lists[lists != NOTHING], minlength=n_items)


def _without_page(
    lists: NDArray[np.int64], best: NDArray[np.float32], pages: NDArray[np.int32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Lists of k + 1 as pages show them: k without the page's own product."""
    own = lists == pages[:, None]
    kept = np.argsort(own, axis=1, kind="stable")[:, :k]
    lists, best = np.where(own, NOTHING, lists), np.where(own, np.float32(-np.inf), best)
    return np.take_along_axis(lists, kept, axis=1), np.take_along_axis(best, kept, axis=1)


def _claims(
    lists: NDArray[np.int64], log_probabilities: NDArray[np.float32], wanted: NDArray[np.int32]
) -> dict[str, Claims]:
    found = (lists == wanted[:, None]) & (wanted >= 0)[:, None]
    chances = np.exp(log_probabilities.astype(np.float64))
    return {
        "first": Claims(chances[:, 0], found[:, 0]),
        "list": Claims(chances.sum(axis=1), found.any(axis=1)),
    }


def _joined(pieces: Sequence[Mapping[str, Claims]]) -> dict[str, Claims]:
    names = pieces[0] if pieces else ()
    return {
        name: Claims(*map(np.concatenate, zip(*(piece[name] for piece in pieces), strict=True)))
        for name in names
    }


def _mark_excluded(ranks: dict[Exclusion, NDArray[np.int64]], queries: Queries) -> None:
    """Drop the same queries for every model, whatever it knows."""
    for exclusion, found in ranks.items():
        found[is_excluded(queries, exclusion)] = EXCLUDED


def is_excluded(queries: Queries, exclusion: Exclusion) -> NDArray[np.bool_]:
    """Whether the next item may not be recommended, shape (n_queries,)."""
    if exclusion == "current":
        excluded: NDArray[np.bool_] = last_items(queries.sessions, 1)[:, 0] == queries.targets
        return excluded
    if exclusion == "session":
        return seen_before(queries)
    return np.zeros(len(queries), np.bool_)


def nothing_asked(exclusions: Sequence[Exclusion]) -> DataError:
    """What to raise where the next item of every query is excluded."""
    return DataError(
        f"nothing to judge on: where {' or '.join(exclusions)} is excluded, no question is left, "
        "for visitors only went on to what may not be recommended; judge on more days, import "
        'more events or set evaluation.exclude = ["none"]'
    )


def seen_before(queries: Queries) -> NDArray[np.bool_]:
    """Whether the next item was already seen in the session, shape (n_queries,)."""
    of_step = queries.sessions.session_of_step
    seen = np.zeros(len(queries), np.bool_)
    seen[of_step[queries.sessions.items == queries.targets[of_step]]] = True
    return seen


def excluded_items(
    sessions: Sessions, pages: NDArray[np.int32], n_items: int, exclusion: Exclusion
) -> NDArray[np.bool_] | None:
    """What may not be recommended.

    Args:
        sessions: What was seen so far.
        pages: The product of each session's page, shape (n_sessions,); -1 for an unknown one.
        n_items: Size of the vocabulary.
        exclusion: Which rule.

    Returns:
        Shape (n_sessions, n_items); None for nothing.
    """
    if exclusion == "none":
        return None
    excluded = np.zeros((sessions.n_sessions, n_items), np.bool_)
    if exclusion == "session":
        excluded[sessions.session_of_step, sessions.items] = True
    else:
        known = np.flatnonzero(pages >= 0)
        excluded[known, pages[known]] = True
    return excluded


def ms_per_query(model: Model, queries: Queries, k: int) -> float:
    """Median milliseconds of one `recommend` call for one session, as the service calls it."""
    spread = np.linspace(0, len(queries) - 1, min(_TIMED_QUERIES, len(queries))).astype(np.int64)
    took = []
    for position in spread:
        session = select_sessions(queries.sessions, np.array([position]))
        begin = time.perf_counter()
        model.recommend(session, k)
        took.append(time.perf_counter() - begin)
    return float(np.median(took) * 1000) if took else 0.0
