"""What the model says of a visit: of the products that it knows, and of those without clicks."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.table import ProductTable
from recommender.data.examples import Sessions, sessions_from_lists
from recommender.models.contract import Intent
from recommender.models.topk import NOTHING, top_k
from recommender.serving.artifact import Artifact
from recommender.serving.categories import CategoryPath
from recommender.serving.query import Query
from recommender.serving.shelf import Shelf

MAX_STAND_INS = 5
"""Newest products of a visit for which a similar one is looked for."""
INTENT_LENGTH = 4
"""Products that an explanation shows of each intent."""
POPULAR_HERE = {"type": "popular", "item_id": None, "text": "Popular in this shop"}


@dataclass(frozen=True)
class Pick:
    """A product for the list.

    Attributes:
        item_id: Which.
        score: In 0..1; of the same source, the higher the better.
        source: The step of the chain that gives it.
        reason: Why, for the page.
        cold: Whether the model knows it by the feed alone.
    """

    item_id: str
    score: float
    source: str
    reason: dict[str, Any]
    cold: bool = False


class Viewed(NamedTuple):
    """What a model is told of a visit, oldest first.

    Attributes:
        item_ids: What was seen.
        rows: Its row of each, or that of the product which stands for it.
    """

    item_ids: Sequence[str] = ()
    rows: Sequence[int] = ()


NOTHING_VIEWED = Viewed()


@dataclass(frozen=True)
class Told:
    """What the model says of a session; nothing where it knows nothing of it."""

    viewed: Viewed = NOTHING_VIEWED
    session: Sessions | None = None
    picks: Sequence[Pick] = ()
    certainty: float | None = None
    intents: Sequence[Intent] = ()


def viewed_of(artifact: Artifact, shelf: Shelf, visit: Sequence[str]) -> Viewed:
    """What the model knows of a visit.

    Where it knows nothing, the most similar known products stand for those that it knows by the
    feed alone.
    """
    index, new = artifact.vocabulary.index, shelf.newcomers
    known = [(item_id, row) for item_id in visit if (row := index(item_id)) is not None]
    if not known and len(new):
        known = new.stand_ins(visit[-MAX_STAND_INS:], artifact.model.item_vectors())
    return Viewed([item_id for item_id, _ in known], [row for _, row in known])


def inside_of(
    shelf: Shelf, category: CategoryPath, allowed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The allowed rows at or below a category, shape (n_items,); a new array."""
    if not category:
        return allowed.copy()
    inside = np.zeros_like(allowed)
    inside[shelf.in_category(category)] = True
    return inside & allowed


def ask_model(
    artifact: Artifact,
    shelf: Shelf,
    viewed: Viewed,
    allowed: NDArray[np.bool_],
    taken: Collection[str],
    query: Query,
) -> Told:
    """The model's best, once it knows something of the session.

    Args:
        artifact: The model.
        shelf: What may be shown.
        viewed: Of `viewed_of`.
        allowed: Rows that may come back, shape (n_items,); changed in place.
        taken: Products that may not.
        query: How many are wanted, and whether intents are.
    """
    if not viewed.rows:
        return Told()
    vocabulary = artifact.vocabulary
    allowed[[row for item_id in taken if (row := vocabulary.index(item_id)) is not None]] = False
    model, session, views = (
        artifact.model,
        sessions_from_lists([viewed.rows]),
        np.array(viewed.rows),
    )
    all_scores = model.scores(session)
    certainty = model.certainty(all_scores, session)
    rows, scores = top_k(all_scores, query.limit, allowed)
    found = np.flatnonzero(rows[0] != NOTHING)
    picks = []
    for place, position in zip(found, model.reasons(views, rows[0][found]), strict=True):
        seen = None if position < 0 else viewed.item_ids[position]
        score = _chance(float(scores[0, place]), model.gives_log_probabilities)
        item_id = vocabulary.item_ids[rows[0, place]]
        picks.append(Pick(item_id, score, "model", reason_of(shelf.table, seen)))
    return Told(
        viewed,
        session,
        picks,
        None if certainty is None else float(certainty[0]),
        model.intents(views, INTENT_LENGTH, allowed) if query.explain else (),
    )


def ask_for_new(
    artifact: Artifact,
    shelf: Shelf,
    told: Told,
    category: CategoryPath,
    taken: Collection[str],
    query: Query,
    max_cold: int,
) -> list[Pick]:
    """The best of those that the model knows by the feed alone, as many as a list may hold.

    Args:
        artifact: The model.
        shelf: What may be shown.
        told: What it said of the same visit.
        category: Only products below it; empty for all.
        taken: Products that may not come back.
        query: Its filter, and how many are wanted.
        max_cold: How many a list may hold.
    """
    new, cold = shelf.newcomers, artifact.cold
    if cold is None or told.session is None or not max_cold or not len(new):
        return []
    allowed = new.passing(query.filter)
    if category:
        inside = np.zeros_like(allowed)
        inside[new.in_category(category)] = True
        allowed &= inside
    allowed[[row for item_id in taken if (row := new.vocabulary.index(item_id)) is not None]] = (
        False
    )
    all_scores = cold.scores(artifact.model, told.session, new.vectors)
    rows, scores = top_k(all_scores, min(max_cold, query.limit), allowed)
    found = rows[0][rows[0] != NOTHING]
    reasons = artifact.model.reasons_beyond(np.array(told.viewed.rows), new.vectors[found])
    return [
        Pick(
            new.vocabulary.item_ids[row],
            _chance(float(score), True),
            "model",
            reason_of(shelf.table, told.viewed.item_ids[position]),
            cold=True,
        )
        for row, score, position in zip(found, scores[0], reasons, strict=False)
    ]


def reason_of(table: ProductTable, seen_id: str | None) -> dict[str, Any]:
    """Why a product is recommended: for a viewed one, or for none."""
    if seen_id is None:
        return POPULAR_HERE
    product = table.get(seen_id)
    if product is not None:
        text = f"Because you viewed {product.title}"
    elif len(table):
        # It is gone from the catalog, and its id means nothing to a visitor.
        text = "Because of what you viewed"
    else:
        text = f"Because you viewed {seen_id}"
    return {"type": "because_viewed", "item_id": seen_id, "text": text}


def _chance(score: float, is_log_probability: bool) -> float:
    """A score as a number in 0..1 that keeps the order."""
    if is_log_probability:
        return math.exp(min(score, 0.0))
    return 1 / (1 + math.exp(-max(min(score, 700.0), -700.0)))
