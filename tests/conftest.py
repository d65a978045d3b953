"""Fixtures that many tests share."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.real_elasticsearch import (
    RealServer,
    ServerMissingError,
    archive,
    java_home,
    running_server,
    shared_server,
)

StartServer = Callable[..., AbstractContextManager[RealServer]]


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of public data sets; skips the test, with the reason, where it is not given."""
    folder = os.environ.get("REALDATA_DIR")
    if not folder:
        pytest.skip("REALDATA_DIR is not set: this test reads public data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; skips locally where there is none, fails under CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("Chromium is missing: .ci/run installs it from the system's packages")
    pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Elasticsearch: the running one that ELASTICSEARCH_URL names, else one of our own.

    Skips locally where its zip or a Java is missing, fails under CI.
    """
    if named := os.environ.get("ELASTICSEARCH_URL"):
        yield named
        return
    folder = tmp_path_factory.getbasetemp()
    # Processes of one test run have folders side by side.
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    _need_server()
    with shared_server(shared) as url:
        yield url


@pytest.fixture(scope="session")
def start_elasticsearch() -> StartServer:
    """Starts a real Elasticsearch of the test's own, to be killed or to have passwords.

    Skips and fails as `elasticsearch_url`.
    """
    _need_server()
    return running_server


def _need_server() -> None:
    try:
        archive()
        java_home()
    except ServerMissingError as err:
        if os.environ.get("CI"):
            pytest.fail(str(err))
        pytest.skip(str(err))
