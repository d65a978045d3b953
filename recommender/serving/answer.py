"""The answer to a visitor: the body of `GET /v1/recommendations`.

The chain is model → popular in the category → popular in the shop; each step fills what the one
before it left open, and every product says which step it comes from. A model that is less sure of
its list than wanted is not asked, and the answer says so.
"""

import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.filters.tree import Node
from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.data.examples import sessions_from_lists
from recommender.models.contract import Intent
from recommender.models.topk import NOTHING, top_k
from recommender.serving.artifact import Artifact
from recommender.serving.shelf import CategoryPath, Shelf, shelf_of

MAX_LIMIT = 100
INTENT_LENGTH = 4
"""Products that an explanation shows of each intent."""
_POPULAR_HERE = {"type": "popular", "item_id": None, "text": "Popular in this shop"}


@dataclass(frozen=True)
class Query:
    """What a visitor's page asks for.

    Attributes:
        placement: Where on the page the answer goes.
        item_ids: What the visitor saw in this session, oldest first; the last one is the page's.
        category: Only products below it from the model: a path of names, widest first, or a text
            such as "Furniture > Chairs".
        filter: Only products that it lets through, whichever step they come from.
        limit: Products wanted, 1 to 100.
        exclude_item_ids: Products that must not come back.
        explain: Whether the answer says what the visitor seems to be after, and what is expected
            next in numbers.
        page_view_id: The showing; it only travels into the log of what was served.
    """

    placement: str = "default"
    item_ids: Sequence[str] = ()
    category: str | Sequence[str] | None = None
    filter: Node | None = None
    limit: int = 10
    exclude_item_ids: Sequence[str] = ()
    explain: bool = False
    page_view_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no answer can be made for.

        Raises:
            ValueError: If the limit is outside 1..100.
        """
        if not 1 <= self.limit <= MAX_LIMIT:
            raise ValueError(f"limit is 1 to {MAX_LIMIT}, got {self.limit}")


@dataclass(frozen=True)
class _Pick:
    row: int
    score: float
    source: str
    reason: dict[str, Any]


@dataclass(frozen=True)
class _Told:
    """What the model says of a session; nothing where it knows nothing of it."""

    picks: Sequence[_Pick] = ()
    certainty: float | None = None
    intents: Sequence[Intent] = ()


def answer(
    artifact: Artifact, products: ProductTable, query: Query, *, min_certainty: float = 0.0
) -> dict[str, Any]:
    """Answer a visitor; the last viewed, excluded and sold-out products never come back.

    Args:
        artifact: The model that is live.
        products: The catalog as last read.
        query: What is asked.
        min_certainty: A model less sure than this is left out, 0..1.

    Returns:
        The body of `GET /v1/recommendations`, ready for JSON. `fallback.chain` names the steps
        that gave products, in order; `certainty` is the model's own chance of having the next
        product in a list of 20, None where it cannot tell.
    """
    started = time.perf_counter()
    shelf = shelf_of(artifact, products)
    index = artifact.vocabulary.index
    visit = _steps(artifact, query.item_ids)
    viewed = [row for item_id in visit if (row := index(item_id)) is not None]
    # The last viewed product, and when the model does not know it the one that it answers for.
    taken = {row for item_id in query.exclude_item_ids if (row := index(item_id)) is not None}
    taken.update(viewed[-1:])
    asked = category_path(query.category)
    allowed = shelf.passing(query.filter)
    told = _ask_model(artifact, shelf, viewed, _inside(shelf, asked, allowed), taken, query)
    unsure = told.certainty is not None and told.certainty < min_certainty
    popular = _popular(shelf, _category_of_visit(shelf, query, asked), allowed)
    picks = _picks(chain(() if unsure else told.picks, popular), taken, query.limit)
    sources = list(dict.fromkeys(pick.source for pick in picks))
    item_ids = artifact.vocabulary.item_ids
    return {
        "recommendation_id": new_recommendation_id(),
        "placement": query.placement,
        "model": {"name": artifact.model.name, "version": artifact.version},
        "items": [
            _shown(rank, pick, item_ids[pick.row], products.get(item_ids[pick.row]))
            for rank, pick in enumerate(picks, start=1)
        ],
        "fallback": {
            "used": sources != ["model"],
            "chain": sources,
            "reason": "uncertain" if unsure else None,
        },
        "certainty": None if told.certainty is None else round(told.certainty, 4),
        "intents": _shown_intents(artifact, products, viewed, told) if query.explain else None,
        "expected": _expected(artifact, visit, picks) if query.explain else None,
        "missing_ids": artifact.missing(query.item_ids),
        "took_ms": round((time.perf_counter() - started) * 1000, 3),
        "trace": None,
    }


def _picks(offered: Iterable[_Pick], taken: set[int], limit: int) -> list[_Pick]:
    picks: list[_Pick] = []
    for pick in offered:
        if len(picks) == limit:
            break
        if pick.row not in taken:
            taken.add(pick.row)
            picks.append(pick)
    return picks


def _inside(shelf: Shelf, category: CategoryPath, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not category:
        return allowed.copy()
    inside = np.zeros_like(allowed)
    inside[shelf.in_category(category)] = True
    return inside & allowed


def _ask_model(
    artifact: Artifact,
    shelf: Shelf,
    viewed: list[int],
    allowed: NDArray[np.bool_],
    taken: set[int],
    query: Query,
) -> _Told:
    """The model's best, once it knows something of the session."""
    if not viewed:
        return _Told()
    allowed[list(taken)] = False
    model, session, views = artifact.model, sessions_from_lists([viewed]), np.array(viewed)
    all_scores = model.scores(session)
    certainty = model.certainty(all_scores, session)
    rows, scores = top_k(all_scores, query.limit, allowed)
    found = np.flatnonzero(rows[0] != NOTHING)
    picks = []
    for place, position in zip(found, model.reasons(views, rows[0][found]), strict=True):
        seen = None if position < 0 else artifact.vocabulary.item_ids[viewed[position]]
        score = _chance(float(scores[0, place]), model.gives_log_probabilities)
        picks.append(_Pick(int(rows[0, place]), score, "model", _reason(shelf.table, seen)))
    return _Told(
        picks,
        None if certainty is None else float(certainty[0]),
        model.intents(views, INTENT_LENGTH, allowed) if query.explain else (),
    )


def _steps(artifact: Artifact, item_ids: Sequence[str]) -> list[str]:
    """The visit as the model learned visits: a page loaded again is no step."""
    if not artifact.collapses_repeats:
        return list(item_ids)
    return [item_id for item_id, _ in groupby(item_ids)]


def _expected(
    artifact: Artifact, visit: Sequence[str], picks: Sequence[_Pick]
) -> dict[str, Any] | None:
    """What comes next in numbers, and how well the price of each product shown fits."""
    densities = artifact.densities
    if densities is None or not visit:
        return None
    features = densities.features(visit)
    shown = [artifact.vocabulary.item_ids[pick.row] for pick in picks]
    fits = densities.price_fits(features, shown)
    return {**densities.tell(features), "price_fits": dict(zip(shown, fits, strict=True))}


def _shown_intents(
    artifact: Artifact, products: ProductTable, viewed: list[int], told: _Told
) -> list[dict[str, Any]]:
    """What the visitor seems to be after, in ids and titles."""
    item_ids = artifact.vocabulary.item_ids

    def named(row: int) -> dict[str, Any]:
        product = products.get(item_ids[row])
        return {"id": item_ids[row], "title": None if product is None else product.title}

    return [
        {
            "weight": round(intent.weight, 4),
            "because_viewed": named(viewed[intent.place]),
            "items": [named(row) for row in intent.items.tolist()],
        }
        for intent in told.intents
    ]


def _reason(table: ProductTable, seen_id: str | None) -> dict[str, Any]:
    if seen_id is None:
        return _POPULAR_HERE
    product = table.get(seen_id)
    title = seen_id if product is None else product.title
    return {"type": "because_viewed", "item_id": seen_id, "text": f"Because you viewed {title}"}


def _popular(shelf: Shelf, path: CategoryPath, allowed: NDArray[np.bool_]) -> Iterator[_Pick]:
    """Best sellers of the narrowest category, then of its parents, then of the shop."""
    for depth in range(len(path), -1, -1):
        rows = shelf.in_category(path[:depth]) if depth else shelf.popular
        source = "popular_in_category" if depth else "popular"
        reason = _POPULAR_HERE
        if depth:
            place = shelf.category_name(path[depth - 1])
            reason = {"type": source, "item_id": None, "text": f"Popular in {place}"}
        for row in rows[allowed[rows]]:
            yield _Pick(int(row), float(shelf.shares[row]), source, reason)


def category_path(category: str | Sequence[str] | None) -> CategoryPath:
    """A category as a path of names.

    Example:
        >>> category_path("Furniture > Chairs")
        ('Furniture', 'Chairs')
    """
    names = category.split(" > ") if isinstance(category, str) else category or ()
    return tuple(stripped for name in names if (stripped := name.strip()))


def _category_of_visit(shelf: Shelf, query: Query, asked: CategoryPath) -> CategoryPath:
    if asked or not query.item_ids:
        return asked
    return shelf.table.category(query.item_ids[-1])


def _chance(score: float, is_log_probability: bool) -> float:
    """A score as a number in 0..1 that keeps the order."""
    if is_log_probability:
        return math.exp(min(score, 0.0))
    return 1 / (1 + math.exp(-max(min(score, 700.0), -700.0)))


def _shown(rank: int, pick: _Pick, item_id: str, product: Product | None) -> dict[str, Any]:
    shown = {
        "id": item_id,
        "rank": rank,
        "score": pick.score,
        "source": pick.source,
        "reason": pick.reason,
    }
    for name in ("title", "link", "image_link", "price", "currency", "availability", "brand"):
        shown[name] = None if product is None else getattr(product, name)
    return shown


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_recommendation_id() -> str:
    """A unique id that sorts by time: `rec_` and a ULID (48 bits of milliseconds, 80 random)."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    return "rec_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
