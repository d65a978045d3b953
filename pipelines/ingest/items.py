"""Import of product feeds into the catalog, all or nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.feed import feed_rows
from pipelines.ingest.refused import (
    RefusedRow,
    is_above,
    keep_refused,
    run_name,
    too_many_refused,
)
from pipelines.ingest.sources import OnBytes
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.settings import Settings
from recommender.workspace import Workspace

_KEPT_CHARACTERS = 1000
_KEPT_ROWS = 10_000
"""Of the refused rows of a file at most so many are kept; all are counted."""


@dataclass(frozen=True)
class FeedCounts:
    """What an import of one feed did.

    Attributes:
        files: What was read, file by file.
        added: Products that are new in the catalog.
        changed: Products that were there and are different now, the withdrawn ones apart.
        unchanged: Products that were there as they are.
        withdrawn: Products that the feed no longer has: they are out of stock now.
    """

    files: list[ImportCounts]
    added: int
    changed: int
    unchanged: int
    withdrawn: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "files": [counts.as_json() for counts in self.files],
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "withdrawn": self.withdrawn,
        }

    def in_words(self) -> str:
        """For people."""
        if not any(counts.imported for counts in self.files):
            return "The feed is empty; the catalog stays as it is."
        return (
            f"Catalog: {self.added:,} products added, {self.changed:,} changed, "
            f"{self.unchanged:,} as before, {self.withdrawn:,} no longer in the feed (out of stock)"
        )


def import_items(
    workspace: Workspace,
    settings: Settings,
    paths: Sequence[str],
    *,
    dry_run: bool = False,
    on_bytes: OnBytes | None = None,
) -> FeedCounts:
    """Import a full product feed; the caller holds the workspace's lock unless it is a dry run.

    Several files are one feed; of a product in more than one of them the last file counts. What
    the feed no longer has becomes out of stock and stays in the catalog. A feed without products
    changes nothing.

    Args:
        workspace: Where the catalog is.
        settings: `import.max_refused` counts here.
        paths: Merchant Center TSV, gzipped or not; `-` is stdin.
        dry_run: Write nothing; the counts are the same.
        on_bytes: Called with the bytes read since the last call.

    Raises:
        MappingError: If `id` or `title` is missing in a header.
        RefusedRowsError: If more rows of a file are refused than `import.max_refused` allows.
        DataError: If a file cannot be read.
        CatalogError: If the catalog cannot be written.
    """
    rejected_dir = None if dry_run else workspace.rejected_dir
    with _catalog(workspace.catalog_path, dry_run=dry_run) as catalog:
        feed = _Feed(rejected_dir, settings.import_.max_refused, paths, on_bytes)
        products = feed.products()
        first = next(products, None)
        if first is None:
            return FeedCounts(feed.finished_files(), 0, 0, 0, 0)
        upserted = catalog.upsert(chain([first], products, feed.withdrawn(catalog)))
    return FeedCounts(
        feed.finished_files(),
        upserted.added,
        upserted.changed - feed.n_withdrawn,
        upserted.unchanged,
        feed.n_withdrawn,
    )


@contextmanager
def _catalog(path: Path, *, dry_run: bool) -> Iterator[EmbeddedCatalog]:
    """The catalog or, for a dry run, a copy of it that is gone afterwards."""
    if not dry_run:
        with closing(EmbeddedCatalog(path)) as catalog:
            yield catalog
        return
    with (
        TemporaryDirectory() as folder,
        closing(EmbeddedCatalog(Path(folder) / path.name)) as copy,
    ):
        if path.exists():
            with closing(EmbeddedCatalog(path, create=False)) as catalog:
                copy.upsert(catalog.scan())
        yield copy


class _Feed:
    """The products of some files, with a count of what was met on the way."""

    def __init__(
        self,
        rejected_dir: Path | None,
        max_refused: float,
        paths: Sequence[str],
        on_bytes: OnBytes | None,
    ) -> None:
        self._rejected_dir = rejected_dir
        self._max_refused = max_refused
        self._paths = paths
        self._on_bytes = on_bytes
        self._seen: set[str] = set()
        self._refused_ids: set[str] = set()
        self._files: list[tuple[ImportCounts, list[RefusedRow]]] = []
        self.n_withdrawn = 0

    def products(self) -> Iterator[Product]:
        """Each product once, from the last file that has it.

        Raises:
            RefusedRowsError: Behind a file of which too much was refused.
        """
        for path in reversed(self._paths):
            refused: Counter[str] = Counter()
            kept: list[RefusedRow] = []
            in_file: set[str] = set()
            n_rows = 0
            for row in feed_rows(path, self._on_bytes):
                n_rows += 1
                reason = row.reason
                if row.product is not None and row.product.id in in_file:
                    reason = "duplicate_id"
                if reason is not None or row.product is None:
                    refused[str(reason)] += 1
                    if row.refused_id is not None:
                        self._refused_ids.add(row.refused_id)
                    if len(kept) < _KEPT_ROWS:
                        kept.append((row.number, str(reason), row.text[:_KEPT_CHARACTERS]))
                    continue
                in_file.add(row.product.id)
                if row.product.id not in self._seen:
                    yield row.product
            self._seen |= in_file
            counts = ImportCounts(path, n_rows, len(in_file), 0, dict(sorted(refused.items())))
            self._files.append((counts, kept))
            if is_above(counts, self._max_refused):
                raise too_many_refused(self.finished_files()[0], self._max_refused)

    def withdrawn(self, catalog: EmbeddedCatalog) -> Iterator[Product]:
        """What the catalog has and the feed, read to its end, has not.

        A product whose row was refused is in the feed: it stays as it was.
        """
        there = self._seen | self._refused_ids
        for product in catalog.scan():
            if product.id not in there and product.availability != "out_of_stock":
                self.n_withdrawn += 1
                yield product.model_copy(update={"availability": "out_of_stock"})

    def finished_files(self) -> list[ImportCounts]:
        """The files in the order given; their refused rows are written down now, if anywhere."""
        run = run_name()
        finished = []
        for number, (counts, rows) in enumerate(reversed(self._files)):
            if rows and self._rejected_dir is not None:
                kept = keep_refused(self._rejected_dir, f"{run}-{number}", counts.path, rows)
                counts = replace(counts, rejected_path=kept)
            finished.append(counts)
        return finished
