"""Random filters run in three ways must choose the same products; a rebuild must disturb nobody."""

import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_rebuild import rebuild
from recommender.catalog.filters.tree import Node
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Search
from recommender.catalog.table import ProductTable
from recommender.data.vocabulary import Vocabulary
from recommender.errors import CatalogError
from tests.bench.catalog import both_catalogs
from tests.bench.catalog_shop import catalog_shop
from tests.random_filters import RandomFilters, random_products

SMALL, SMALL_TREES = 2_000, 10_000
LARGE_TREES, LARGE_IDS = 500, 1_000
SEARCHES_A_SECOND = 50


def bench_filters() -> list[dict[str, Any]]:
    """Milliseconds a filter in memory and in Elasticsearch; raises where they differ."""
    rows = []
    _, products = catalog_shop()
    for shop, n_trees, limit in ((random_products(SMALL), SMALL_TREES, SMALL),
                                 (products, LARGE_TREES, LARGE_IDS)):  # fmt: skip
        with both_catalogs() as (server, embedded):
            server.upsert(shop)
            embedded.upsert(shop)
            taken = compare_filters(shop, [server, embedded], n_trees, limit)
        what = f"{n_trees:,} random filters over {len(shop):,} products, the same in all three; "
        mask, elastic, sqlite = (round(statistics.median(times), 2) for times in taken)
        slow = round(sorted(taken[0])[int(len(taken[0]) * 0.99)], 2)
        for peer, figure in (("Elasticsearch", elastic), ("embedded", sqlite), ("its p99", slow)):
            rows.append({
                "name": f"{what}mask in memory", "value": mask, "unit": "ms", "peer": peer,
                "peer_value": figure, "ratio": mask / figure if figure else float("nan"),
            })  # fmt: skip
    return rows


def compare_filters(
    products: Sequence[Product], catalogs: Sequence[Catalog], n_trees: int, limit: int
) -> list[list[float]]:
    """Ask the same filters of a table in memory and of catalogs with the same products.

    Args:
        products: In id order.
        catalogs: What must agree with the table.
        n_trees: Number of filters.
        limit: So many ids are compared beside the count.

    Returns:
        Milliseconds of each filter: of the table, then of each catalog.

    Raises:
        RuntimeError: If one of them chooses other products.
    """
    table, random_filters = ProductTable(products), RandomFilters(products)
    everything = Vocabulary(table.ids)
    table.passing(random_filters.tree(), everything)
    taken: list[list[float]] = [[] for _ in (table, *catalogs)]
    for _ in range(n_trees):
        tree = random_filters.tree()
        began = time.perf_counter()
        passing = table.passing(tree, everything)
        taken[0].append((time.perf_counter() - began) * 1000)
        expected = [table.ids[row] for row in np.flatnonzero(passing).tolist()]
        for times, catalog in zip(taken[1:], catalogs, strict=True):
            began = time.perf_counter()
            _must_agree(catalog, tree, expected, limit)
            times.append((time.perf_counter() - began) * 1000)
    return taken


def _must_agree(catalog: Catalog, tree: Node, expected: list[str], limit: int) -> None:
    found = catalog.search(Search(filter=tree, limit=limit))
    ids = [product.id for product in found.products]
    if found.total != len(expected) or ids != expected[:limit]:
        raise RuntimeError(f"{catalog.health().what} chooses other products by {tree}")


def bench_rebuild() -> list[dict[str, Any]]:
    """Seconds of a rebuild while others search; raises where a search fails or finds nothing."""
    name, products = catalog_shop()
    with both_catalogs() as (server, _):
        server.upsert(products)
        searches = Searches(server, products)
        with searches:
            began = time.perf_counter()
            rebuilt = rebuild(server)
            seconds = time.perf_counter() - began
        if searches.failed or searches.empty or rebuilt.products != len(products):
            raise RuntimeError(
                f"{searches.failed} searches failed, {searches.empty} found nothing; "
                f"{rebuilt.products:,} products"
            )
    return [{
        "name": f"rebuild of {len(products):,} {name} under searches, none failed or empty",
        "value": round(seconds, 1), "unit": "s", "peer": f"{searches.done:,} searches in",
        "peer_value": round(searches.seconds, 1), "ratio": seconds / searches.seconds,
    }]  # fmt: skip


class Searches:
    """Searches at a steady rate until the block ends.

    Attributes:
        done: Number of searches.
        failed: Those that raised.
        empty: Those that found nothing.
        seconds: How long they went on.
    """

    def __init__(self, catalog: ElasticsearchCatalog, products: Sequence[Product]) -> None:
        self._catalog, self._products = catalog, products
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._search, args=(n,)) for n in range(2)]
        self._lock = threading.Lock()
        self.done = self.failed = self.empty = 0
        self.seconds = 0.0

    def __enter__(self) -> "Searches":
        self._began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.perf_counter() - self._began

    def _search(self, number: int) -> None:
        pause, due = len(self._threads) / SEARCHES_A_SECOND, time.monotonic()
        while not self._stop.is_set():
            product = self._products[(self.done * 7919 + number) % len(self._products)]
            try:
                empty = self._catalog.search(Search(product.id)).total == 0
                failed = False
            except CatalogError:
                empty, failed = False, True
            with self._lock:
                self.done += 1
                self.failed += failed
                self.empty += empty
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
