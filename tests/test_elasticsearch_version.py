"""One version of Elasticsearch, wherever it is named."""

import re
from pathlib import Path

import pytest

from tests.real_elasticsearch import VERSION

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["compose.yaml", ".ci/run"])
def test_files_name_the_version_of_the_tests(name: str) -> None:
    named = re.findall(r"elasticsearch[:=](\d+\.\d+\.\d+)", (ROOT / name).read_text("utf-8"))
    assert set(named) == {VERSION}
