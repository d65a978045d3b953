"""What the tests of the import share."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.events import import_events
from pipelines.ingest.items import FeedCounts, import_items
from pipelines.ingest.mapping import parse_map
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.data.eventscan import read_log
from recommender.settings import Settings
from recommender.workspace import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "shop")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def take(workspace: Workspace) -> Callable[..., ImportCounts]:
    """Import one file; `maps` and `set_` as on the command line, the rest as `import_events`."""

    def take(path: Path | str, *maps: str, settings: dict[str, Any] | None = None, **more: Any):
        chosen = Settings.model_validate({"import": settings or {}})
        return import_events(
            workspace, chosen, path, field_map=parse_map(maps), now=more.pop("now", NOW), **more
        )

    return take


@pytest.fixture
def take_items(workspace: Workspace) -> Callable[..., FeedCounts]:
    """Import a feed; `settings` as in the section `import`, the rest as `import_items`."""

    def take(*paths: Path | str, settings: dict[str, Any] | None = None, **more: Any) -> FeedCounts:
        chosen = Settings.model_validate({"import": settings or {}})
        workspace.root.mkdir(exist_ok=True)
        return import_items(workspace, chosen, [str(path) for path in paths], **more)

    return take


@pytest.fixture
def products(workspace: Workspace) -> Callable[[], dict[str, Product]]:
    """The embedded catalog by id."""

    def products() -> dict[str, Product]:
        with closing(EmbeddedCatalog(workspace.catalog_path, create=False)) as catalog:
            return {product.id: product for product in catalog.scan()}

    return products


@pytest.fixture
def log(workspace: Workspace) -> Callable[..., list[tuple[Any, ...]]]:
    """Columns of the whole log, sorted."""

    def log(*columns: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'").fetchall()
            rows = read_log(connection, workspace.events_dir).select(", ".join(columns)).fetchall()
        return sorted(rows, key=lambda row: tuple((value is not None, value) for value in row))

    return log


def event(number: int = 0, **fields: Any) -> str:
    """A line of NDJSON; None leaves a field out."""
    body = {
        "event_name": "view_item",
        "event_time": f"2026-11-20T10:{number // 60:02}:{number % 60:02}Z",
        "visitor_id": "v1",
        "items": [{"item_id": f"SKU_{number}"}],
    } | fields
    kept = {name: value for name, value in body.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False) + "\n"
