"""Copies of one small shop, and the application over them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from recommender.workspace import Workspace
from tests.small_shop import Server, make_shop, publish_model
from webapp.app import create_app
from webapp.service import service_of


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
