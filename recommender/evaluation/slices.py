"""Parts of the queries that a shop asks about one by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalog.product import Product
from recommender.evaluation.compare import part_means
from recommender.evaluation.protocol import Queries, seen_before
from recommender.models.metrics import EXCLUDED, hits, reciprocal_ranks
from recommender.settings import Exclusion

Lookup = Callable[[str], Product | None]
"""Finds a product of the catalog by its id."""
Parts = dict[str, NDArray[np.bool_]]
"""By name: True where a query belongs to the part, shape (n_queries,); none is empty."""

HEAD_SHARE = 0.5
"""Head: the most clicked items that make up this share of the training steps."""
LONG = 5
"""Long: at least this many steps were seen."""
FEW_CLICKS = 10
"""New products: fewer training steps than this."""
MAX_CATEGORIES = 12


def head_items(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The most clicked items that together make up half of the training steps, at least one.

    Args:
        counts: Steps of each item in training, shape (n_items,).

    Example:
        >>> head_items(np.array([1, 6, 3]))
        array([False,  True, False])
    """
    order = np.argsort(-counts, kind="stable")
    n_head = np.count_nonzero(np.cumsum(counts[order]) <= HEAD_SHARE * counts.sum())
    is_head = np.zeros(len(counts), np.bool_)
    is_head[order[: max(1, n_head)]] = True
    return is_head


def parts_of(queries: Queries, counts: NDArray[np.int64]) -> Parts:
    """The parts that need no catalog.

    Args:
        queries: What was asked.
        counts: Steps of each item in training, shape (n_items,).
    """
    is_head, lengths, seen = head_items(counts), queries.sessions.lengths, seen_before(queries)
    return _filled(
        {
            "head": is_head[queries.targets],
            "tail": ~is_head[queries.targets],
            "first_click": lengths == 1,
            "long": lengths >= LONG,
            "unseen": ~seen,
            "repeat": seen,
            "new_product": counts[queries.targets] < FEW_CLICKS,
        }
    )


def categories_of(item_ids: Sequence[str], lookup: Lookup) -> list[str | None]:
    """The category of every item, on the widest level that tells two apart.

    Returns:
        None for items without one, and for all if every product has the same.
    """
    products = [lookup(item_id) for item_id in item_ids]
    paths = [() if product is None else tuple(product.product_type) for product in products]
    for level in range(max(map(len, paths), default=0)):
        names = [path[min(level, len(path) - 1)] if path else None for path in paths]
        if len(set(names) - {None}) > 1:
            return names
    return [None] * len(paths)


def category_parts(queries: Queries, categories: Sequence[str | None]) -> Parts:
    """The queries whose next item is of a category, for the most frequent ones.

    Args:
        queries: What was asked.
        categories: Of every item; None where there is none.
    """
    known = sorted({name for name in categories if name is not None})
    numbers = {name: number for number, name in enumerate(known)}
    of_item = np.array([-1 if name is None else numbers[name] for name in categories], np.int64)
    of_query = of_item[queries.targets]
    n_asked = np.bincount(of_query[of_query >= 0], minlength=len(known))
    most = np.argsort(-n_asked, kind="stable")[:MAX_CATEGORIES]
    return _filled({known[number]: of_query == number for number in most})


def slice_entries(
    queries: Queries,
    ranks: Mapping[Exclusion, NDArray[np.int64]],
    parts: Parts,
    k: int,
    n_samples: int,
) -> dict[str, Any]:
    """The metrics of one model in every part, for the report.

    They are given for the first exclusion that was judged, which by default excludes nothing;
    queries whose target is excluded are in no part.
    """
    exclusion = next(iter(ranks))
    found = ranks[exclusion]
    masks = {name: part & (found != EXCLUDED) for name, part in parts.items()}
    masks = _filled(masks)
    values = np.array([hits(found, k), reciprocal_ranks(found, k)])
    recall, mrr = part_means(queries, values, np.array(list(masks.values())), n_samples)
    return {
        name: {
            "exclude": exclusion,
            "queries": int(mask.sum()),
            "metrics": {
                f"recall@{k}": recall[at].rounded(),
                f"mrr@{k}": mrr[at].rounded(),
            },
        }
        for at, (name, mask) in enumerate(masks.items())
    }


def _filled(parts: Parts) -> Parts:
    return {name: part for name, part in parts.items() if part.any()}
