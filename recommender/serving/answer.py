"""The answer to a visitor: the body of `GET /v1/recommendations`.

The chain is model → popular in the category → popular in the shop; each step fills what the one
before it left open, and every product says which step it comes from. A model that is less sure of
its list than wanted is not asked, and the answer says so.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.serving.artifact import Artifact
from recommender.serving.asking import (
    POPULAR_HERE,
    Pick,
    Told,
    ask_for_new,
    ask_model,
    inside_of,
    viewed_of,
)
from recommender.serving.categories import CategoryPath
from recommender.serving.query import Query, category_path
from recommender.serving.shelf import Shelf, shelf_of
from recommender.settings import ServeSettings


def answer(
    artifact: Artifact,
    products: ProductTable,
    query: Query,
    *,
    min_certainty: float = 0.0,
    max_cold: int = ServeSettings().max_cold,
) -> dict[str, Any]:
    """Answer a visitor; the last viewed, excluded and sold-out products never come back.

    Args:
        artifact: The model that is live.
        products: The catalog as last read.
        query: What is asked.
        min_certainty: A model less sure than this is left out, 0..1.
        max_cold: Products without clicks that the list may hold.

    Returns:
        The body of `GET /v1/recommendations`, ready for JSON. `fallback.chain` names the steps
        that gave products, in order, and `fallback.reason` why the model's row is not shown:
        `uncertain`; `no_match`, no product of the catalog passes the filter; `nothing_left`, each
        that does is sold out, excluded, just viewed or unknown to the model. `certainty` is the
        model's own chance of having the next product in a list of 20, None where it cannot tell.
        `cold` marks products that the model knows by the feed alone.
    """
    started = time.perf_counter()
    shelf = shelf_of(artifact, products)
    visit = _steps(artifact, query.item_ids)
    viewed = viewed_of(artifact, shelf, visit)
    # The last viewed product that the model knows, and the page's own if that is another one.
    taken = {*query.exclude_item_ids, *viewed.item_ids[-1:], *visit[-1:]}
    asked = category_path(query.category)
    allowed = shelf.passing(query.filter)
    told = ask_model(artifact, shelf, viewed, inside_of(shelf, asked, allowed), taken, query)
    unsure = told.certainty is not None and told.certainty < min_certainty
    popular = _popular(artifact, shelf, _category_of_visit(shelf, query, asked), allowed)
    best: list[Pick] = []
    if not unsure:
        new = ask_for_new(artifact, shelf, told, asked, taken, query, max_cold)
        best = sorted([*told.picks, *new], key=lambda pick: -pick.score)
    picks = _picks(chain(best, popular), taken, query.limit)
    return {
        "recommendation_id": new_recommendation_id(),
        "placement": query.placement,
        "model": {"name": artifact.model.name, "version": artifact.version},
        "items": [
            _shown(rank, pick, products.get(pick.item_id))
            for rank, pick in enumerate(picks, start=1)
        ],
        "fallback": _fallback(picks, products, query, unsure),
        "certainty": None if told.certainty is None else round(told.certainty, 4),
        "intents": _shown_intents(artifact, products, told) if query.explain else None,
        "expected": _expected(artifact, visit, picks) if query.explain else None,
        "cold": _told_of_new(artifact, shelf, max_cold) if query.explain else None,
        "missing_ids": artifact.missing(query.item_ids),
        "took_ms": round((time.perf_counter() - started) * 1000, 3),
        "trace": None,
    }


def _picks(offered: Iterable[Pick], taken: set[str], limit: int) -> list[Pick]:
    picks: list[Pick] = []
    for pick in offered:
        if len(picks) == limit:
            break
        if pick.item_id not in taken:
            taken.add(pick.item_id)
            picks.append(pick)
    return picks


def _fallback(
    picks: Sequence[Pick], products: ProductTable, query: Query, unsure: bool
) -> dict[str, Any]:
    sources = list(dict.fromkeys(pick.source for pick in picks))
    reason = "uncertain" if unsure else None
    if not picks:
        matching = query.filter is None or products.n_passing(query.filter)
        reason = "nothing_left" if matching else "no_match"
    return {"used": sources != ["model"], "chain": sources, "reason": reason}


def _told_of_new(artifact: Artifact, shelf: Shelf, max_cold: int) -> dict[str, int] | None:
    """How many products the model knows by the feed alone; None where it can know none so."""
    if artifact.cold is None:
        return None
    return {"products": len(shelf.newcomers), "at_most": max_cold}


def _steps(artifact: Artifact, item_ids: Sequence[str]) -> list[str]:
    """The visit as the model learned visits: a page loaded again is no step."""
    if not artifact.collapses_repeats:
        return list(item_ids)
    return [item_id for item_id, _ in groupby(item_ids)]


def _expected(
    artifact: Artifact, visit: Sequence[str], picks: Sequence[Pick]
) -> dict[str, Any] | None:
    """What comes next in numbers, and how well the price of each product shown fits."""
    densities = artifact.densities
    if densities is None or not visit:
        return None
    features = densities.features(visit)
    shown = [pick.item_id for pick in picks]
    fits = densities.price_fits(features, shown)
    return {**densities.tell(features), "price_fits": dict(zip(shown, fits, strict=True))}


def _shown_intents(artifact: Artifact, products: ProductTable, told: Told) -> list[dict[str, Any]]:
    """What the visitor seems to be after, in ids and titles."""
    item_ids = artifact.vocabulary.item_ids

    def named(item_id: str) -> dict[str, Any]:
        product = products.get(item_id)
        return {"id": item_id, "title": None if product is None else product.title}

    return [
        {
            "weight": round(intent.weight, 4),
            "because_viewed": named(told.viewed.item_ids[intent.place]),
            "items": [named(item_ids[row]) for row in intent.items.tolist()],
        }
        for intent in told.intents
    ]


def _popular(
    artifact: Artifact, shelf: Shelf, path: CategoryPath, allowed: NDArray[np.bool_]
) -> Iterator[Pick]:
    """Best sellers of the narrowest category, then of its parents, then of the shop."""
    for depth in range(len(path), -1, -1):
        rows = shelf.in_category(path[:depth]) if depth else shelf.popular
        source = "popular_in_category" if depth else "popular"
        reason = POPULAR_HERE
        if depth:
            place = shelf.category_name(path[depth - 1])
            reason = {"type": source, "item_id": None, "text": f"Popular in {place}"}
        for row in rows[allowed[rows]]:
            item_id = artifact.vocabulary.item_ids[row]
            yield Pick(item_id, float(shelf.shares[row]), source, reason)


def _category_of_visit(shelf: Shelf, query: Query, asked: CategoryPath) -> CategoryPath:
    if asked or not query.item_ids:
        return asked
    return shelf.table.category(query.item_ids[-1])


_OF_PRODUCT = (
    "title", "link", "image_link", "price", "sale_price", "currency", "availability", "brand",
)  # fmt: skip
"""What an answer says of each product; None where the catalog does not say it."""


def _shown(rank: int, pick: Pick, product: Product | None) -> dict[str, Any]:
    shown = {
        "id": pick.item_id,
        "rank": rank,
        "score": pick.score,
        "source": pick.source,
        "cold": pick.cold,
        "reason": pick.reason,
    }
    for name in _OF_PRODUCT:
        shown[name] = None if product is None else getattr(product, name)
    return shown


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_recommendation_id() -> str:
    """A unique id that sorts by time: `rec_` and a ULID (48 bits of milliseconds, 80 random)."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    return "rec_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
