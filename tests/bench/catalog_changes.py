"""What one changed product costs the process that answers, against a start with all products."""

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.content import ContentVectors, TermWeights
from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.cold.start import ColdStart, description_of
from recommender.data.vocabulary import Vocabulary
from recommender.serving.artifact import Artifact, load
from recommender.serving.newcomers import Newcomers
from recommender.serving.shelf import Shelf
from recommender.workspace import Workspace
from tests.bench.catalog_shop import catalog_shop
from tests.small_mixture import small_cold_start, write_mixture
from tests.small_shop import N_PRODUCTS

DIM, ROUNDS = 100, 3
Change = tuple[list[Product], list[str]]
FILTERS = [parse_filter(text) for text in (
    "price<20", 'brand="Brand 7"', 'product_type="Type 7"', 'NOT attributes.section="x"'
)]  # fmt: skip


def bench_changes() -> list[dict[str, Any]]:
    """Milliseconds until everything that an answer needs is there again: a filter of every kind,
    what may be shown, vectors of products that the model does not know.
    """
    name, products = catalog_shop()
    with tempfile.TemporaryDirectory() as folder:
        artifact = _artifact(Path(folder), products)
        before = Shelf(artifact, ProductTable(products))
        _filtered(before)

        def changed(change: Change) -> Callable[[], None]:
            return lambda: _filtered(Shelf(artifact, before.table.changed(*change), before))

        def described(change: Change) -> Callable[[], object]:
            table = before.table.changed(*change)
            told = table.changed_since(before.table)
            return lambda: before.newcomers.after(artifact, table, told)

        changes = _changes(products)
        anew, all_described, *ms = _in_turns([
            lambda: _filtered(Shelf(artifact, ProductTable(products))),
            lambda: Newcomers.of(artifact, before.table),
            *map(changed, changes.values()),
            *map(described, changes.values()),
        ])  # fmt: skip
    n = len(changes)
    whole, unknown = f"{len(products):,} {name}", f"{len(before.newcomers):,} unknown described"
    return [
        *_rows(changes, whole, ms[:n], "all made anew", anew),
        *_rows(changes, unknown, ms[n:], "all described", all_described),
    ]


def _rows(
    changes: Iterable[str], of: str, ms: Sequence[float], peer: str, peer_ms: float
) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{what} of {of}", "value": round(value, 1), "unit": "ms", "peer": peer,
            "peer_value": round(peer_ms, 1), "ratio": value / peer_ms,
        }
        for what, value in zip(changes, ms, strict=True)
    ]  # fmt: skip


def _artifact(root: Path, products: list[Product]) -> Artifact:
    """A model of a few products; vectors of the others have a real one's length."""
    known = load(write_mixture(Workspace(root), small_cold_start()))
    ids = [product.id for product in products[:: len(products) // N_PRODUCTS][:N_PRODUCTS]]
    terms = TermWeights.learned(description_of(product) for product in products)
    rows = np.random.default_rng(0).normal(size=(len(terms), DIM)).astype(np.float32)
    content = ContentVectors(terms, rows, np.zeros(DIM, np.float32))
    return replace(known, vocabulary=Vocabulary(ids), cold=ColdStart(content, 1.0, 1.0, 0.0))


def _changes(products: list[Product]) -> dict[str, Change]:
    """By what is done: products that come or change, ids that go."""
    some = next(one for one in products[1000:] if one.availability == "in_stock")
    return {
        "another price of one": ([some.model_copy(update={"price": 1.23})], []),
        "one more": ([some.model_copy(update={"id": f"{some.id} again"})], []),
        "one less": ([], [some.id]),
    }


def _filtered(shelf: Shelf) -> None:
    for node in FILTERS:
        shelf.passing(node)
        shelf.newcomers.passing(node)


def _in_turns(tasks: Sequence[Callable[[], object]]) -> list[float]:
    """The quickest of some rounds each, in ms."""
    taken: list[list[float]] = [[] for _ in tasks]
    for _ in range(ROUNDS):
        for times, run in zip(taken, tasks, strict=True):
            began = time.perf_counter()
            run()
            times.append((time.perf_counter() - began) * 1000)
    return [min(times) for times in taken]
