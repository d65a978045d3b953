"""Sessions like the present one, and what their visitors looked at: one search for every variant.

What tells the published variants apart are tables of weights (`Weights`); the search is the same.
All of it works on flat arrays, many queries at once: a query costs what its items' sessions are.
"""

import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions, last_items, select_sessions
from recommender.models.neighbors_index import SessionIndex
from recommender.models.topk import NOTHING

Norm = Literal["count", "root"]

_HOLDERS_AT_ONCE = 1 << 20
"""Sessions of queries' items that are looked through together; bounds memory."""


class Weights(NamedTuple):
    """What a variant makes of ages, places and items.

    An age is counted in steps from the newest item of the query, which has age 0.

    Attributes:
        query: Weight of an item of the query by [steps in the query, age], shape
            (window + 1, window).
        query_items: Factor of each item in the similarity, shape (n_items,).
        norm: By what the similarity is divided on the query's side: the number of its distinct
            items, or the root of the sum of their squared weights.
        sessions: Factor of each session, shape (n_sessions,).
        matches: Factor by the age of the newest item that query and session share, shape (window,).
        distances: Factor by how many places lie between an item and the last item of its session
            that is in the query, shape (longest session,).
        items: Factor of each item in the scores, shape (n_items,).
        sample_size: Of the sessions that share an item so many are compared, the newest.
        k: Of those so many are neighbors, the most similar.
        last_item: Whether the newest item of a query may itself come next.
    """

    query: NDArray[np.float64]
    query_items: NDArray[np.float32]
    norm: Norm
    sessions: NDArray[np.float32]
    matches: NDArray[np.float64]
    distances: NDArray[np.float64]
    items: NDArray[np.float32]
    sample_size: int
    k: int
    last_item: bool

    @property
    def window(self) -> int:
        """Newest steps of a session that are looked at."""
        return len(self.matches)


class Asked(NamedTuple):
    """The distinct items of some queries, sorted by (query, age).

    Attributes:
        query: The query of each, shape (n,).
        items: Shape (n,).
        ages: Of its newest occurrence, shape (n,).
        weights: Part of the similarity that it brings, shape (n,), float64.
    """

    query: NDArray[np.int64]
    items: NDArray[np.int32]
    ages: NDArray[np.int64]
    weights: NDArray[np.float64]


class NearSessions(NamedTuple):
    """The neighbors of some queries, sorted by (query, session).

    Attributes:
        query: The query of each, shape (n,).
        sessions: Positions in the index, shape (n,).
        similarities: Shape (n,), float64.
        match_ages: Age of the newest shared item, shape (n,).
        match_places: Place in the neighbor of its last shared item, shape (n,).
    """

    query: NDArray[np.int64]
    sessions: NDArray[np.int64]
    similarities: NDArray[np.floating]
    match_ages: NDArray[np.int64]
    match_places: NDArray[np.int64]


class ItemScores(NamedTuple):
    """Scores of the items that neighbors hold, sorted by (query, item); the others have none.

    Attributes:
        query: Shape (n,).
        items: Shape (n,).
        scores: Above 0, shape (n,), float32.
    """

    query: NDArray[np.int64]
    items: NDArray[np.int64]
    scores: NDArray[np.float32]


def search(
    index: SessionIndex, weights: Weights, sessions: Sessions
) -> Iterator[tuple[slice, ItemScores]]:
    """Score items for sessions, piece by piece.

    Yields:
        Where a piece lies, and the scores for its sessions, which are counted from its first.
    """
    for piece in _pieces(index, weights, sessions):
        part = select_sessions(sessions, np.arange(piece.start, piece.stop))
        scored = score_items(index, weights, similar_sessions(index, weights, ask(weights, part)))
        if not weights.last_item:
            scored = chosen_scores(scored, scored.items != last_items(part, 1)[scored.query, 0])
        yield piece, scored


def ask(weights: Weights, sessions: Sessions) -> Asked:
    """Take the queries apart into items with weights."""
    window = last_items(sessions, weights.window)[:, ::-1]
    steps = (window != PAD).sum(axis=1)
    query, age = np.nonzero(window != PAD)
    item = window[query, age]
    # `np.unique` gives the first of equal ones: the newest occurrence.
    _, newest = np.unique(query * len(weights.items) + item, return_index=True)
    newest.sort()
    query, age, item = query[newest], age[newest], item[newest]
    weight = weights.query[steps[query], age] * weights.query_items[item]
    if weights.norm == "root":
        norms = np.sqrt(np.bincount(query, weight * weight, sessions.n_sessions))
    else:
        norms = np.bincount(query, minlength=sessions.n_sessions).astype(np.float64)
    return Asked(query, item, age, weight / np.maximum(norms[query], np.finfo(float).tiny))


def similar_sessions(index: SessionIndex, weights: Weights, asked: Asked) -> NearSessions:
    """Find the `k` most similar of the `sample_size` newest sessions that share an item."""
    shared, place = _holders(index, asked, weights.sample_size)
    # Sorted by (query, session): the code carries the place in the flat list, to find the rest.
    n_bits = len(shared).bit_length()
    session = index.holders[place].astype(np.int64)
    code = (asked.query[shared] * index.n_sessions + session) << n_bits | np.arange(len(shared))
    code.sort()
    flat, code = code & ((1 << n_bits) - 1), code >> n_bits
    if not len(code):
        nothing = np.zeros(0, np.int64)
        return NearSessions(nothing, nothing, np.zeros(0), nothing, nothing)
    first = _first_of_runs(code)
    shared, place = shared[flat], place[flat]
    query, session = np.divmod(code[first], index.n_sessions)
    similarity = np.add.reduceat(asked.weights[shared], first) * weights.sessions[session]
    found = NearSessions(
        query,
        session,
        similarity,
        np.minimum.reduceat(asked.ages[shared], first),
        np.maximum.reduceat(index.holder_places[place], first).astype(np.int64),
    )
    end = np.searchsorted(found.query, found.query, "right")
    found = _chosen(found, end - np.arange(len(end)) <= weights.sample_size)
    return _chosen(found, _largest(found.query, found.similarities, weights.k, of_equal="last"))


def score_items(index: SessionIndex, weights: Weights, neighbors: NearSessions) -> ItemScores:
    """Add up what the neighbors say of their items."""
    of_neighbor, item, score = weighted_items(index, weights, neighbors)
    n_bits = len(item).bit_length()
    code = neighbors.query[of_neighbor] * index.n_items + item
    code = code << n_bits | np.arange(len(item))
    code.sort()
    score, code = score[code & ((1 << n_bits) - 1)], code >> n_bits
    first = _first_of_runs(code)
    summed = np.add.reduceat(score, first) if len(first) else score
    total: NDArray[np.float32] = summed.astype(np.float32)
    query, items = np.divmod(code[first], max(index.n_items, 1))
    return chosen_scores(ItemScores(query, items, total), total > 0)


def weighted_items(
    index: SessionIndex, weights: Weights, neighbors: NearSessions
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """The items of all neighbors, one after another.

    Returns:
        The neighbor of each, counted in `neighbors`, the item, and what the neighbor adds to its
        score, all of shape (n,).
    """
    of_neighbor, place = _ranges(
        index.starts[neighbors.sessions], index.starts[neighbors.sessions + 1]
    )
    factor = neighbors.similarities * weights.matches[neighbors.match_ages]
    distance = np.abs(index.places[place].astype(np.int64) - neighbors.match_places[of_neighbor])
    item = index.items[place]
    score = factor[of_neighbor] * weights.distances[distance] * weights.items[item]
    return of_neighbor, item, score


def chosen_scores(scored: ItemScores, kept: NDArray[np.bool_]) -> ItemScores:
    """Some of the scores."""
    return ItemScores(scored.query[kept], scored.items[kept], scored.scores[kept])


def best_items(
    scored: ItemScores, n_queries: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best items of every query as rows.

    Returns:
        Items, best first, ties by lower index, `NOTHING` behind; their scores, 0 behind; both of
        shape (n_queries, k).
    """
    items = np.full((n_queries, k), NOTHING)
    scores = np.zeros((n_queries, k), np.float32)
    best = _largest(scored.query, scored.scores, k, of_equal="first")
    query, item, score = scored.query[best], scored.items[best], scored.scores[best]
    order = np.lexsort((-score, query))
    query = query[order]
    rank = np.arange(len(query)) - np.searchsorted(query, query)
    items[query, rank], scores[query, rank] = item[order], score[order]
    return items, scores


def costs_of(index: SessionIndex, weights: Weights, sessions: Sessions) -> NDArray[np.int64]:
    """How many sessions at most are looked through for each session, shape (n_sessions,)."""
    held = np.minimum(np.diff(index.holder_starts), weights.sample_size)
    until = np.concatenate([[0], np.cumsum(held[sessions.items], dtype=np.int64)])
    return np.diff(until[sessions.starts])


def _pieces(index: SessionIndex, weights: Weights, sessions: Sessions) -> Iterator[slice]:
    """Cut sessions into pieces whose items are held by no more than a bounded number of others."""
    first = _first_of_runs(np.cumsum(costs_of(index, weights, sessions)) // _HOLDERS_AT_ONCE)
    for begin, end in itertools.pairwise([*first.tolist(), sessions.n_sessions]):
        yield slice(begin, end)


def _first_of_runs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where every run of equal values begins."""
    begins = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    return np.flatnonzero(begins)


def _ranges(
    begin: NDArray[np.integer], end: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All places of some ranges, one range after another, and which range each belongs to."""
    lengths = end - begin
    of_range = np.repeat(np.arange(len(begin)), lengths)
    shift = begin - (np.cumsum(lengths) - lengths)
    return of_range, np.arange(len(of_range)) + shift[of_range]


def _holders(
    index: SessionIndex, asked: Asked, sample_size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in `holders` of the newest sessions of every asked item, and the item of each.

    The newest sessions of all items together are among the newest of each.
    """
    begin, end = index.holder_starts[asked.items], index.holder_starts[asked.items + 1]
    return _ranges(np.maximum(begin, end - sample_size), end)


def _largest(
    owner: NDArray[np.int64],
    values: NDArray[np.floating],
    k: int,
    *,
    of_equal: Literal["first", "last"],
) -> NDArray[np.bool_]:
    """Mark the k largest values of every run of one owner, of equal ones the first or last."""
    kept = np.ones(len(owner), np.bool_)
    first = _first_of_runs(owner)
    end = np.append(first[1:], len(owner))
    crowded = end - first > k
    for begin, stop in zip(first[crowded].tolist(), end[crowded].tolist(), strict=True):
        run = values[begin:stop]
        threshold = np.partition(run, len(run) - k)[len(run) - k]
        kept[begin:stop] = run > threshold
        room = k - int(np.count_nonzero(kept[begin:stop]))
        equal = begin + np.flatnonzero(run == threshold)
        kept[equal[:room] if of_equal == "first" else equal[len(equal) - room :]] = True
    return kept


def _chosen(found: NearSessions, kept: NDArray[np.bool_]) -> NearSessions:
    if kept.all():
        return found
    return NearSessions(
        found.query[kept],
        found.sessions[kept],
        found.similarities[kept],
        found.match_ages[kept],
        found.match_places[kept],
    )
