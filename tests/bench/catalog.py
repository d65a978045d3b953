"""The catalog in Elasticsearch against the embedded one, with the same products and questions."""

import os
import random
import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import Catalog, Search
from recommender.catalog.search_text import search_text
from recommender.settings import ElasticsearchSettings
from tests.bench.catalog_shop import catalog_shop
from tests.real_elasticsearch import running_server

CALLS = 200
FACETS = ("brand", "product_type", "color")

Ask = Callable[[Catalog], object]


def bench_catalog() -> list[dict[str, Any]]:
    """Filling, searching, changing and reading whole catalogs; ours is Elasticsearch."""
    name, products = catalog_shop()
    with both_catalogs() as (server, embedded):
        rows = [_filled(name, products, server, embedded)]
        for question, asks in _questions(products).items():
            rows += _asked(question, asks, server, embedded)
        rows.append(_read(server, embedded))
    return rows


@contextmanager
def both_catalogs() -> Iterator[tuple[ElasticsearchCatalog, EmbeddedCatalog]]:
    """Empty catalogs of both kinds; the server is ELASTICSEARCH_URL's or one of our own."""
    with ExitStack() as stack:
        url = os.environ.get("ELASTICSEARCH_URL") or stack.enter_context(running_server()).url
        known = ElasticsearchSettings(hosts=[url], index=f"bench-{uuid.uuid4().hex}", timeout_s=30)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(closing(ElasticsearchCatalog(known)))
        embedded = stack.enter_context(closing(EmbeddedCatalog(folder / "catalog.sqlite")))
        server.count()
        stack.callback(remove_indices, server)
        yield server, embedded


def remove_indices(catalog: ElasticsearchCatalog) -> None:
    """Take a catalog off its server."""
    client = catalog.connection.writer()
    for index in client.indices.get(index=f"{catalog.alias}-*"):
        client.indices.delete(index=index)


def _row(name: str, unit: str, ours: float, peer: float) -> dict[str, Any]:
    return {
        "name": name, "value": ours, "unit": unit, "peer": "embedded", "peer_value": peer,
        "ratio": ours / peer if peer else float("nan"),
    }  # fmt: skip


def _filled(
    name: str, products: Sequence[Product], server: Catalog, embedded: Catalog
) -> dict[str, Any]:
    rates = []
    for catalog in (server, embedded):
        began = time.perf_counter()
        catalog.upsert(products)
        rates.append(round(len(products) / (time.perf_counter() - began)))
    return _row(f"bulk, {len(products):,} {name}", "a second", *rates)


def _questions(products: Sequence[Product]) -> dict[str, list[Ask]]:
    """Per kind of question a list of questions of that kind."""
    rng = random.Random(3)
    titles = (search_text(product).title.split() for product in products)
    counts = Counter(word for title in titles for word in set(title))
    common = [word for word, _ in counts.most_common(20)]
    words = [word for word, count in counts.items() if 5 <= count <= 500 and word.isalpha()]
    short = sorted({word[:3] for word in words if len(word) > 3})
    brands = sorted({product.brand for product in products if product.brand})
    dear = 'price<={} AND availability="in_stock" AND NOT product_type:"{}"'
    types = sorted({product.product_type[0] for product in products})

    def searches(make: Callable[[], Search]) -> list[Ask]:
        return [partial(_search, make()) for _ in range(CALLS)]

    def narrow() -> Any:
        return parse_filter(dear.format(rng.randrange(10, 90), rng.choice(types)))

    ids = [rng.choice(products).id for _ in range(CALLS)]
    return {
        "search, one word": searches(lambda: Search(rng.choice(words))),
        "search, two words": searches(lambda: Search(f"{rng.choice(common)} {rng.choice(words)}")),
        "search, beginning of 3 letters": searches(lambda: Search(rng.choice(short))),
        "search, a word of the 20 commonest": searches(lambda: Search(rng.choice(common))),
        "filter of one brand": searches(
            lambda: Search(filter=parse_filter(f'brand="{rng.choice(brands)}"'))
        ),
        "filter that most pass": searches(lambda: Search(filter=narrow())),
        "word, filter, 3 facets": searches(lambda: Search(rng.choice(words), narrow(), FACETS)),
        "no word, 3 facets": searches(lambda: Search(facets=FACETS)),
        "get 20": [partial(_get, rng.choices(ids, k=20)) for _ in range(CALLS)],
        "patch of one": [
            partial(_patch, ProductPatch(id=item_id, price=rng.random())) for item_id in ids[:50]
        ],
    }


def _search(search: Search, catalog: Catalog) -> object:
    return catalog.search(search)


def _get(item_ids: Sequence[str], catalog: Catalog) -> object:
    return catalog.get(item_ids)


def _patch(patch: ProductPatch, catalog: Catalog) -> object:
    return catalog.patch([patch])


def _asked(
    question: str, asks: Sequence[Ask], server: Catalog, embedded: Catalog
) -> list[dict[str, Any]]:
    taken: list[list[float]] = []
    for catalog in (server, embedded):
        for ask in asks[:5]:
            ask(catalog)
        times = []
        for ask in asks:
            began = time.perf_counter()
            ask(catalog)
            times.append((time.perf_counter() - began) * 1000)
        taken.append(sorted(times))
    middle = [round(statistics.median(times), 2) for times in taken]
    slow = [round(times[int(len(times) * 0.99)], 1) for times in taken]
    return [_row(f"{question}, p50", "ms", *middle), _row(f"{question}, p99", "ms", *slow)]


def _read(server: Catalog, embedded: Catalog) -> dict[str, Any]:
    seconds = []
    for catalog in (server, embedded):
        began = time.perf_counter()
        n_products = sum(1 for _ in catalog.scan())
        seconds.append(round(time.perf_counter() - began, 2))
    return _row(f"export of {n_products:,}", "s", *seconds)
