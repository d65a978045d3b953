"""A real small workspace and a real server process, for the tests that answer over HTTP."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.popularity import Popularity
from recommender.serving.artifact import write_artifact
from recommender.serving.versions import publish
from recommender.settings import Settings
from recommender.workspace import Workspace

HOUSE = Path(__file__).parents[1]
N_PRODUCTS = 36
_CATEGORIES = (["Furniture", "Chairs"], ["Furniture", "Tables"], ["Lighting", "Lamps"])
_WOODS = ("Oak", "Ash", "Pine", "Walnut", "Larch")
_DRAWINGS = (
    '<path d="M34 22v56M66 50v28M34 50h32v8H34z" {pen}/>',
    '<path d="M18 40h64M26 40v38M74 40v38" {pen}/>',
    '<path d="M50 52v26M36 78h28M30 52l8-28h24l8 28z" {pen}/>',
)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program that writes to a catalog, and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def id_of(number: int) -> str:
    """An id that an address must encode."""
    return f"SKU {number:02}/a"


def make_product(number: int) -> Product:
    category = _CATEGORIES[number % 3]
    return Product(
        id=id_of(number),
        title=f"{_WOODS[number % 5]} {category[1][:-1].lower()} no. {number}",
        description="Solid wood, oiled by hand. It stands firmly and lasts for decades.",
        link=f"/product?id=SKU%20{number:02}%2Fa",
        image_link=f"/pictures/{number}.svg" if number != 5 else None,
        price=19.5 + 10 * number,
        currency="EUR",
        availability="out_of_stock" if number == 3 else "in_stock",
        product_type=category if number != 7 else [],
        brand="Waldhaus",
        material=f"{_WOODS[number % 5]} wood",
    )


def make_shop(root: Path) -> Workspace:
    """Products and pictures; no model yet."""
    workspace = Workspace(root)
    (root / "pictures").mkdir(parents=True)
    for number in range(N_PRODUCTS):
        (root / "pictures" / f"{number}.svg").write_text(_picture(number))
    workspace.settings_path.write_text("schema_version = 1\n")
    catalog = EmbeddedCatalog(workspace.catalog_path)
    catalog.upsert(make_product(number) for number in range(N_PRODUCTS))
    catalog.close()
    return workspace


def _picture(number: int) -> str:
    hue = number % 3 * 120 + number
    pen = f'fill="none" stroke="hsl({hue} 35% 40%)" stroke-width="7" stroke-linecap="round"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<rect width="100" height="100" fill="hsl({hue} 40% 90%)"/>'
        f"{_DRAWINGS[number % 3].format(pen=pen)}</svg>"
    )


def write_model(workspace: Workspace, day: int = 0, best: int = 0) -> Path:
    """A model in which product `best` was clicked most, the ones behind it less and less."""
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


def publish_model(workspace: Workspace, day: int = 0, best: int = 0) -> str:
    return publish(workspace.models_dir, write_model(workspace, day, best), keep=5)


def wait_for(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Ask until it is so; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s")
        time.sleep(0.05)


def serve_command(*arguments: object) -> list[str]:
    """`recommender serve`, also where the package is not installed."""
    script = (
        "from recommender.cli import cli\n"
        "from webapp.commands import serve\n"
        "cli.add_command(serve)\n"
        "cli(prog_name='recommender')\n"
    )
    return [sys.executable, "-c", script, "serve", *map(str, arguments)]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(HOUSE)}


class Server:
    """`recommender serve` in a process of its own, on a free port."""

    def __init__(self, root: Path, *arguments: object) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # A group of its own, so that a signal reaches all of it and nothing else, as Ctrl-C does.
        self._process = subprocess.Popen(
            self._command(root, *arguments),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _command(self, root: Path, *arguments: object) -> list[str]:
        return serve_command("--workspace", root, "--port", self.port, *arguments)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            wait_for(self._is_up, seconds=30)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def call(self, path: str, body: object = None) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        try:
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Ctrl-C reaches the whole group, another signal the main process; what came of it."""
        if self._process.returncode is not None:
            return self._process.returncode, ""
        (os.killpg if number == signal.SIGINT else os.kill)(self._process.pid, number)
        try:
            _, said = self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            raise
        return self._process.returncode, said

    def _is_up(self) -> bool:
        if self._process.poll() is not None:
            pytest.fail(f"serve ended: {self._process.communicate()[1]}")
        try:
            return self.call("/livez")[0] == 200
        except OSError:
            return False


def logged(workspace: Workspace) -> list[dict]:
    """Every event in the log, in the order of the files."""
    return _lines(sorted(workspace.events_dir.glob("*/*.ndjson")))


def served(workspace: Workspace) -> list[dict]:
    """Every answer that was noted."""
    return _lines(sorted(workspace.served_dir.glob("*.ndjson")))


def _lines(paths: list[Path]) -> list[dict]:
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
