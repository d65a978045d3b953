"""The stores that keep a catalog, one after the other."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.protocol import Catalog
from recommender.settings import ElasticsearchSettings


@pytest.fixture(params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.elastic)])
def make_catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Catalog]]:
    """Makes empty catalogs, each apart from the others."""
    with ExitStack() as stack:

        def embedded() -> Catalog:
            path = tmp_path / f"{uuid.uuid4().hex}.sqlite"
            return stack.enter_context(closing(EmbeddedCatalog(path)))

        def elasticsearch() -> Catalog:
            url = request.getfixturevalue("elasticsearch_url")
            # A machine that runs other tests meanwhile is slow at times.
            settings = ElasticsearchSettings(
                hosts=[url], index=f"test-{uuid.uuid4().hex}", timeout_s=30
            )
            catalog = stack.enter_context(closing(ElasticsearchCatalog(settings)))
            stack.callback(remove_indices, catalog)
            return catalog

        make = embedded if request.param == "embedded" else elasticsearch
        yield lambda: _touched(make())


def _touched(catalog: Catalog) -> Catalog:
    catalog.count()
    return catalog


def remove_indices(catalog: ElasticsearchCatalog) -> None:
    client = catalog.connection.writer()
    for index in client.indices.get(index=f"{catalog.alias}-*"):
        client.indices.delete(index=index)


@pytest.fixture
def catalog(make_catalog: Callable[[], Catalog]) -> Catalog:
    return make_catalog()


@pytest.fixture
def other_catalog(make_catalog: Callable[[], Catalog]) -> Catalog:
    return make_catalog()
