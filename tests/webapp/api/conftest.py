"""An application that many examples share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from webapp.app import create_app
from webapp.service import service_of


@pytest.fixture(scope="module")
def shared_client(
    shop_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlaskClient]:
    """Calls an application that many examples of one test share; they change nothing."""
    root = shutil.copytree(shop_template, tmp_path_factory.mktemp("shared") / "shop", symlinks=True)
    app = create_app(root)
    yield app.test_client()
    service_of(app).close()
