"""Copies of one small shop, and the application over them."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.settings import ElasticsearchSettings
from recommender.workspace import Workspace
from tests.small_shop import N_PRODUCTS, Server, make_product, make_shop, publish_model
from webapp.app import create_app
from webapp.service import service_of

_SETTINGS = """schema_version = 1
[catalog]
adapter = "elasticsearch"
[catalog.elasticsearch]
hosts = ["{url}"]
index = "{index}"
timeout_s = 30
"""


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with one model, made once; tests work on copies."""
    workspace = make_shop(tmp_path_factory.mktemp("template") / "shop")
    publish_model(workspace)
    return workspace.root


@pytest.fixture
def workspace(shop_template: Path, tmp_path: Path) -> Workspace:
    """A shop with one published model: product 0 sells best, product 3 is sold out."""
    return Workspace(shutil.copytree(shop_template, tmp_path / "shop", symlinks=True))


@pytest.fixture
def open_app() -> Iterator[Callable[[Workspace], Flask]]:
    """Make applications that are closed at the end of the test."""
    apps: list[Flask] = []

    def open_one(workspace: Workspace) -> Flask:
        apps.append(create_app(workspace.root))
        return apps[-1]

    yield open_one
    for app in apps:
        service_of(app).close()


@pytest.fixture
def app(workspace: Workspace, open_app: Callable[[Workspace], Flask]) -> Flask:
    """The application over the shop."""
    return open_app(workspace)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Calls the application; its `Host` is localhost."""
    return app.test_client()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Start server processes that end with the test."""
    with ExitStack() as servers:
        yield lambda root, *arguments: servers.enter_context(Server(root, *arguments))


@pytest.fixture(params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.elastic)])
def any_workspace(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Workspace]:
    """The small shop, its products in the one or the other catalog."""
    if request.param == "embedded":
        yield workspace
        return
    url, index = request.getfixturevalue("elasticsearch_url"), f"test-{uuid.uuid4().hex}"
    workspace.settings_path.write_text(_SETTINGS.format(url=url, index=index))
    workspace.catalog_path.unlink()
    settings = ElasticsearchSettings(hosts=[url], index=index, timeout_s=30)
    with closing(ElasticsearchCatalog(settings)) as catalog:
        catalog.upsert(make_product(number) for number in range(N_PRODUCTS))
        yield workspace
        server = catalog.connection.writer()
        for name in server.indices.get(index=f"{index}-*"):
            server.indices.delete(index=name)


@pytest.fixture
def any_client(any_workspace: Workspace, open_app: Callable[[Workspace], Flask]) -> FlaskClient:
    """Calls the application over that shop."""
    return open_app(any_workspace).test_client()
