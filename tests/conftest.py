"""Fixtures that many tests share."""

import os
import shutil
from pathlib import Path

import pytest


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
