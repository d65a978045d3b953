"""A real small workspace: three dozen products with pictures, and published models."""

import functools
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.popularity import Popularity
from recommender.serving.artifact import write_artifact
from recommender.serving.versions import publish
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.app import create_app
from webapp.service import service_of

NewModel = Callable[..., Path]

N_PRODUCTS = 36
CATEGORIES = (["Furniture", "Chairs"], ["Furniture", "Tables"], ["Lighting"])
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    '<rect width="100" height="100" fill="hsl({hue} 45% 88%)"/>'
    '<circle cx="50" cy="52" r="26" fill="hsl({hue} 50% 48%)"/></svg>'
)


def id_of(number: int) -> str:
    """An id that an address must encode."""
    return f"SKU {number:02}/a"


def make_product(number: int) -> Product:
    category = CATEGORIES[number % 3]
    return Product(
        id=id_of(number),
        title=f"{['Oak', 'Ash', 'Pine'][number % 3]} {category[-1][:-1].lower()} no. {number}",
        description="Solid wood, oiled by hand. It stands firmly and lasts for decades.",
        link=f"/product?id=SKU%20{number:02}%2Fa",
        image_link=f"/pictures/{number}.svg" if number != 5 else None,
        price=19.5 + 10 * number,
        currency="EUR",
        availability="out_of_stock" if number == 3 else "in_stock",
        product_type=category if number != 7 else [],
        brand="Waldhaus",
    )


def write_model(workspace: Workspace, day: int = 0, best: int = 0) -> Path:
    settings = Settings.model_validate({"model": {"name": "popularity", "seed": day}})
    counts = np.roll(np.arange(N_PRODUCTS, 0, -1), best)
    steps = np.repeat(np.arange(N_PRODUCTS), counts)
    return write_artifact(
        workspace.models_dir,
        parts={"popularity": Popularity(N_PRODUCTS, settings).fit(sessions_from_lists([steps]))},
        vocabulary=Vocabulary([id_of(number) for number in range(N_PRODUCTS)]),
        settings=settings,
        report={"models": []},
        data={"data_until": f"2026-11-{day + 1:02}T00:00:00Z"},
        created_at=datetime(2026, 11, 1, 2, 10, tzinfo=UTC) + timedelta(days=day),
    )


@pytest.fixture(scope="session")
def item_id() -> Callable[[int], str]:
    """The id of a product by its number."""
    return id_of


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with one model, made once; tests work on copies."""
    workspace = Workspace(tmp_path_factory.mktemp("template") / "shop")
    (workspace.root / "pictures").mkdir(parents=True)
    for number in range(N_PRODUCTS):
        picture = PICTURE.format(hue=number * 10)
        (workspace.root / "pictures" / f"{number}.svg").write_text(picture)
    workspace.settings_path.write_text("schema_version = 1\n")
    catalog = EmbeddedCatalog(workspace.catalog_path)
    catalog.upsert(make_product(number) for number in range(N_PRODUCTS))
    catalog.close()
    publish(workspace.models_dir, write_model(workspace), keep=5)
    return workspace.root


@pytest.fixture
def workspace(shop_template: Path, tmp_path: Path) -> Workspace:
    """A shop with one published model: product 0 sells best, product 3 is sold out."""
    return Workspace(shutil.copytree(shop_template, tmp_path / "shop", symlinks=True))


@pytest.fixture
def new_model(workspace: Workspace) -> NewModel:
    """Write another model, not yet published, in which product `best` was clicked most."""
    return functools.partial(write_model, workspace)


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


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Ask until it is so; fail when it is not in time."""

    def wait(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds:g} s")
            time.sleep(0.05)

    return wait
