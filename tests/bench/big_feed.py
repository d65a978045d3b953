"""A feed of a million products against one of a quarter: seconds and memory of each step."""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.settings import ElasticsearchSettings
from tests.bench.catalog import remove_indices
from tests.real_elasticsearch import running_server
from tests.small_shop import HOUSE

LARGE, SMALL = 1_000_000, 250_000

_IMPORT = """
import sys
from pathlib import Path
from pipelines.ingest.items import import_items
from recommender.configuration import load_settings
from recommender.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
import_items(workspace, load_settings(workspace.settings_path), [sys.argv[2]])
"""
_CACHE = """
import sys
import webapp.catalog_sources
from webapp.app import create_app
from webapp.service import service_of
webapp.catalog_sources._START_WITHIN_S = 3600.0
service = service_of(create_app(sys.argv[1]))
len(service.catalog.table())
service.close()
"""


class Step(NamedTuple):
    """What a process took."""

    seconds: float
    memory_mib: int


def bench_big_feed() -> list[dict[str, Any]]:
    """Import, import again, and the service's start, on both catalogs."""
    rows = []
    with ExitStack() as stack:
        url = os.environ.get("ELASTICSEARCH_URL") or stack.enter_context(running_server()).url
        for adapter in ("embedded", "elasticsearch"):
            small, large = (_steps(adapter, url, n) for n in (SMALL, LARGE))
            for name, step in large.items():
                rows.append({
                    "name": f"{LARGE:,} products, {adapter}: {name}", "unit": "s",
                    "value": round(step.seconds, 1), "memory_mib": step.memory_mib,
                    "peer": f"{SMALL:,} products", "peer_value": round(small[name].seconds, 1),
                    "peer_memory_mib": small[name].memory_mib,
                    "ratio": step.seconds / small[name].seconds,
                })  # fmt: skip
    return rows


def _steps(adapter: str, url: str, n_products: int) -> dict[str, Step]:
    with _workspace(adapter, url) as root:
        feed = root / "feed.tsv"
        with feed.open("w") as file:
            file.write("id\ttitle\tprice\tbrand\tproduct type\tavailability\tcolor\n")
            file.writelines(
                f"SKU_{n:07}\tThing {n % 977} of {n % 89}\t{n % 9999 / 100:.2f} EUR\t"
                f"Brand {n % 499}\tGroup {n % 7} > Type {n % 101}\tin stock\tcolor {n % 23}\n"
                for n in range(n_products)
            )
        return {
            "import": _run(_IMPORT, root, feed),
            "the same again": _run(_IMPORT, root, feed),
            "the service's first start": _run(_CACHE, root),
            "a later start": _run(_CACHE, root),
        }


@contextmanager
def _workspace(adapter: str, url: str) -> Iterator[Path]:
    index = f"bench-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "recommender.toml").write_text(
            f"[catalog]\nadapter = '{adapter}'\n[catalog.elasticsearch]\nhosts = ['{url}']\n"
            f"index = '{index}'\ntimeout_s = 30\n"
        )
        yield root
    if adapter == "elasticsearch":
        known = ElasticsearchSettings(hosts=[url], index=index, timeout_s=30)
        with closing(ElasticsearchCatalog(known, create=False)) as catalog:
            remove_indices(catalog)


def _run(script: str, *arguments: Path) -> Step:
    """A process of its own, so that its memory is that of this step."""
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], env=environment,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"a step ended with {process.returncode}")
    return Step(time.perf_counter() - began, used.ru_maxrss // 1024)
