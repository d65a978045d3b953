"""A filter chooses the same products in memory, in SQLite and in Elasticsearch."""

import uuid
from contextlib import closing

import pytest

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.settings import ElasticsearchSettings
from tests.bench.catalog_filters import compare_filters
from tests.random_filters import RandomFilters, random_products


def test_random_filters_are_of_every_kind():
    products = random_products(500)
    filters = RandomFilters(products)
    texts = " ".join(str(filters.tree()) for _ in range(300))
    for part in ("Not(", "And(", "Or(", "Compare(", "AnyOf(", "attributes.fabric", "product_type"):
        assert part in texts


def test_in_memory_and_in_the_embedded_catalog(tmp_path):
    products = random_products(1_000)
    with closing(EmbeddedCatalog(tmp_path / "catalog.sqlite")) as embedded:
        embedded.upsert(products)
        times = compare_filters(products, [embedded], 300, 1_000)
    assert len(times[0]) == 300


def test_a_difference_is_found(tmp_path):
    products = random_products(200)
    with closing(EmbeddedCatalog(tmp_path / "catalog.sqlite")) as embedded:
        embedded.upsert(products[:-1])
        with pytest.raises(RuntimeError, match="chooses other products"):
            compare_filters(products, [embedded], 100, 200)


@pytest.fixture
def server(elasticsearch_url):
    from recommender.catalog.elasticsearch import ElasticsearchCatalog

    settings = ElasticsearchSettings(
        hosts=[elasticsearch_url], index=f"test-{uuid.uuid4().hex}", timeout_s=60
    )
    with closing(ElasticsearchCatalog(settings)) as server:
        server.count()
        yield server
        client = server.connection.writer()
        for index in client.indices.get(index=f"{server.alias}-*"):
            client.indices.delete(index=index)


@pytest.mark.elastic
@pytest.mark.slow
def test_in_memory_and_in_elasticsearch(server):
    products = random_products(2_000)
    server.upsert(products)
    assert len(compare_filters(products, [server], 300, 2_000)[1]) == 300
