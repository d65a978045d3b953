"""Twelve visits that show what a model recommends, chosen without looking at any answer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import last_items, select_sessions
from recommender.data.vocabulary import Vocabulary
from recommender.evaluation.protocol import Queries, excluded_items, seen_before
from recommender.evaluation.slices import FEW_CLICKS, LONG, head_items
from recommender.models.contract import Intent, Model
from recommender.models.metrics import UNKNOWN, target_ranks
from recommender.models.topk import NOTHING, top_k
from recommender.settings import Exclusion, Ties

N_TYPICAL = 12
SHOWN_ITEMS = 8
"""Of each list this many products are kept."""
SHOWN_OF_INTENT = 4
"""And of what each intent would show."""
SHOWN_STEPS = 6
"""Of each visit this many newest steps are kept."""
EXCLUSION: Exclusion = "current"
"""As a page lives: its own product is never recommended."""


class Typical(NamedTuple):
    """One of the twelve.

    Attributes:
        kind: What it is typical of.
        query: Its number among the queries.
    """

    kind: str
    query: int


def choose_typical(
    queries: Queries, counts: NDArray[np.int64], categories: Sequence[str | None]
) -> list[Typical]:
    """Choose visits of every kind: of each, the one whose next item is of middling popularity.

    The choice depends on the queries alone, and no session is shown twice. Kinds that do not
    occur leave their place to others, spread evenly.

    Args:
        queries: What is asked.
        counts: Steps of each item in training, shape (n_items,).
        categories: Of every item; None where there is none.
    """
    pages = last_items(queries.sessions, 1)[:, 0]
    # What the page shows is never recommended: no visit that goes on to the same product.
    open_ = pages != queries.targets
    popularity = counts[queries.targets]
    chosen: list[Typical] = []
    for kind, mask in _kinds(queries, counts, categories):
        _take(chosen, kind, mask & open_, queries, popularity)
    for query in np.linspace(0, len(queries) - 1, 4 * N_TYPICAL).astype(np.int64):
        only = np.zeros(len(queries), np.bool_)
        only[query] = True
        _take(chosen, "any", only & open_, queries, popularity)
    return chosen[:N_TYPICAL]


def _kinds(
    queries: Queries, counts: NDArray[np.int64], categories: Sequence[str | None]
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Twelve kinds of visits, each with the queries that are of it."""
    lengths, repeat = queries.sessions.lengths, seen_before(queries)
    head = head_items(counts)[queries.targets]
    first, short, long = lengths == 1, (lengths > 1) & (lengths < LONG), lengths >= LONG
    changes = _changes_category(queries, categories)
    stays = ~changes & ~repeat
    return [
        ("first_click_head", first & head & stays),
        ("first_click_tail", first & ~head & stays),
        ("first_click_change", first & changes),
        ("short_head", short & head & stays),
        ("short_tail", short & ~head & stays),
        ("short_change", short & changes & ~repeat),
        ("repeat", short & repeat),
        ("long_repeat", long & repeat),
        ("long_head", long & head & stays),
        ("long_tail", long & ~head & stays),
        ("long_change", long & changes & ~repeat),
        ("new_product", (counts[queries.targets] < FEW_CLICKS) & ~repeat),
    ]


def _changes_category(queries: Queries, categories: Sequence[str | None]) -> NDArray[np.bool_]:
    """Whether the next item is of another category than the page; False where one is unknown."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(categories)) if name}
    of_item = np.array([numbers.get(name or "", -1) for name in categories], np.int64)
    page = of_item[last_items(queries.sessions, 1)[:, 0]]
    target = of_item[queries.targets]
    changes: NDArray[np.bool_] = (page != target) & (page >= 0) & (target >= 0)
    return changes


def _take(
    chosen: list[Typical],
    kind: str,
    mask: NDArray[np.bool_],
    queries: Queries,
    popularity: NDArray[np.int64],
) -> None:
    taken = queries.session_of_query[[one.query for one in chosen]]
    candidates = np.flatnonzero(mask & ~np.isin(queries.session_of_query, taken))
    if len(candidates):
        ordered = candidates[np.argsort(popularity[candidates], kind="stable")]
        chosen.append(Typical(kind, int(ordered[len(ordered) // 2])))


class ShownLists(NamedTuple):
    """What one model recommends in the typical visits.

    Attributes:
        items: Item indices, best first, `NOTHING` behind short lists, shape (n, SHOWN_ITEMS).
        ranks: Of the true next items, shape (n,).
        intents: What the model says each visitor is after; none from one that knows no intents.
    """

    items: NDArray[np.int64]
    ranks: NDArray[np.int64]
    intents: Sequence[Sequence[Intent]] = ()


def shown_lists(
    model: Model, queries: Queries, typical: Sequence[Typical], ties: Ties = "against"
) -> ShownLists:
    """Ask a model for the lists of the typical visits, the page's own product excluded."""
    chosen = np.array([one.query for one in typical], np.int64)
    sessions = select_sessions(queries.sessions, chosen)
    scores = model.scores(sessions)
    pages = last_items(sessions, 1)[:, 0]
    excluded = excluded_items(sessions, pages, model.n_items, EXCLUSION)
    ranks = target_ranks(scores, queries.targets[chosen], excluded, ties)
    allowed = None if excluded is None else ~excluded
    intents = [
        model.intents(
            sessions.session(row), SHOWN_OF_INTENT, None if allowed is None else allowed[row]
        )
        for row in range(sessions.n_sessions)
    ]
    return ShownLists(top_k(scores, SHOWN_ITEMS, allowed)[0], ranks, intents)


def typical_entries(
    queries: Queries,
    typical: Sequence[Typical],
    lists: Sequence[tuple[str, ShownLists]],
    vocabulary: Vocabulary,
) -> list[dict[str, Any]]:
    """The typical visits with every model's list, for the report."""
    return [
        {
            "kind": one.kind,
            "exclude": EXCLUSION,
            "steps": int(queries.sessions.lengths[one.query]),
            "viewed": vocabulary.decode(viewed[-SHOWN_STEPS:]),
            "next": vocabulary.item_ids[queries.targets[one.query]],
            "lists": [
                {
                    "model": name,
                    "rank": None if shown.ranks[at] == UNKNOWN else int(shown.ranks[at]),
                    "items": vocabulary.decode(shown.items[at][shown.items[at] != NOTHING]),
                    "intents": [
                        {
                            "weight": round(intent.weight, 4),
                            "because_viewed": vocabulary.item_ids[viewed[intent.place]],
                            "items": vocabulary.decode(intent.items),
                        }
                        for intent in (shown.intents[at] if shown.intents else ())
                    ],
                }
                for name, shown in lists
            ],
        }
        for at, one in enumerate(typical)
        for viewed in [queries.sessions.session(one.query)]
    ]
