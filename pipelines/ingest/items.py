"""Import of product feeds into the catalog, all or nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.feed import FeedFormat
from pipelines.ingest.feed_files import FeedFiles
from pipelines.ingest.sources import OnBytes
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.settings import Settings
from recommender.workspace import Workspace

_TOLD_IDS = 5


@dataclass(frozen=True)
class FeedCounts:
    """What an import of one feed did.

    Attributes:
        files: What was read, file by file.
        added: Products that are new in the catalog.
        changed: Products that were there and are different now, the withdrawn ones apart.
        unchanged: Products that were there as they are.
        withdrawn: Products that the feed no longer has: they are out of stock now.
        unknown: Products of a partial feed that the catalog does not have; None for a full one.
        unknown_ids: The first of them.
    """

    files: list[ImportCounts]
    added: int
    changed: int
    unchanged: int
    withdrawn: int
    unknown: int | None = None
    unknown_ids: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        body: dict[str, Any] = {
            "files": [counts.as_json() for counts in self.files],
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "withdrawn": self.withdrawn,
        }
        if self.unknown is None:
            return body
        return {**body, "unknown": self.unknown, "unknown_ids": list(self.unknown_ids)}

    def in_words(self) -> str:
        """For people."""
        if not any(counts.imported for counts in self.files):
            return "The feed is empty; the catalog stays as it is."
        if self.unknown is not None:
            text = f"Catalog: {self.changed:,} products changed, {self.unchanged:,} as before"
            if self.unknown:
                some = ", ".join(self.unknown_ids[:_TOLD_IDS])
                text += f", {self.unknown:,} not in the catalog and left out, first {some}"
            return text
        return (
            f"Catalog: {self.added:,} products added, {self.changed:,} changed, "
            f"{self.unchanged:,} as before, {self.withdrawn:,} no longer in the feed (out of stock)"
        )


def import_items(
    workspace: Workspace,
    settings: Settings,
    paths: Sequence[str],
    *,
    file_format: FeedFormat | None = None,
    partial: bool = False,
    dry_run: bool = False,
    on_bytes: OnBytes | None = None,
) -> FeedCounts:
    """Import a product feed; the caller holds the workspace's lock unless it is a dry run.

    Several files are one feed; of a product in more than one of them the last file counts. What
    a full feed no longer has becomes out of stock and stays in the catalog. A feed without
    products changes nothing. Memory does not grow with the feed.

    Args:
        workspace: Where the catalog is.
        settings: `import.max_refused` counts here.
        paths: Files of any format of `pipelines.ingest.feed.FORMATS`, gzipped or not; `-` is
            stdin.
        file_format: Of all files; by default told by the first bytes, then by the name.
        partial: Change price, sale price, currency and availability of products that are there,
            as far as the feed has them, and nothing else.
        dry_run: Write nothing; the counts are the same.
        on_bytes: Called with the bytes read since the last call.

    Raises:
        MappingError: If `id` or `title` is missing in a header.
        RefusedRowsError: If more rows of a file are refused than `import.max_refused` allows.
        MissingExtraError: If Parquet is to be read without pyarrow.
        DataError: If a file cannot be read.
        CatalogError: If the catalog cannot be written, or is not there for a partial feed.
    """
    rejected_dir = None if dry_run else workspace.rejected_dir
    files = FeedFiles(
        rejected_dir,
        settings.import_.max_refused,
        paths,
        file_format=file_format,
        partial=partial,
        on_bytes=on_bytes,
    )
    with (
        closing(files),
        _catalog(workspace.catalog_path, dry_run=dry_run, create=not partial) as catalog,
    ):
        return _patched(catalog, files) if partial else _replaced(catalog, files)


def _replaced(catalog: EmbeddedCatalog, files: FeedFiles) -> FeedCounts:
    """What the feed says is the catalog now."""
    products = files.products()
    first = next(products, None)
    if first is None:
        return FeedCounts(files.finished(), 0, 0, 0, 0)
    withdrawn = _Withdrawn(catalog, files)
    upserted = catalog.upsert(chain([first], products, withdrawn))
    return FeedCounts(
        files.finished(),
        upserted.added,
        upserted.changed - withdrawn.count,
        upserted.unchanged,
        withdrawn.count,
    )


def _patched(catalog: EmbeddedCatalog, files: FeedFiles) -> FeedCounts:
    """What the feed says is changed in products that are there."""
    patched = catalog.patch(files.changes())
    return FeedCounts(
        files.finished(),
        0,
        patched.changed,
        patched.unchanged,
        0,
        patched.unknown,
        patched.unknown_ids,
    )


class _Withdrawn(Iterable[Product]):
    """What the catalog has and the feed, read to its end, has not.

    A product whose row was refused is in the feed: it stays as it was.
    """

    def __init__(self, catalog: EmbeddedCatalog, files: FeedFiles) -> None:
        self._catalog, self._files = catalog, files
        self.count = 0

    def __iter__(self) -> Iterator[Product]:
        for product in self._catalog.scan():
            if product.availability != "out_of_stock" and not self._files.had(product.id):
                self.count += 1
                yield product.model_copy(update={"availability": "out_of_stock"})


@contextmanager
def _catalog(path: Path, *, dry_run: bool, create: bool) -> Iterator[EmbeddedCatalog]:
    """The catalog or, for a dry run, a copy of it that is gone afterwards."""
    if not dry_run:
        with closing(EmbeddedCatalog(path, create=create)) as catalog:
            yield catalog
        return
    with (
        TemporaryDirectory() as folder,
        closing(EmbeddedCatalog(Path(folder) / path.name)) as copy,
    ):
        if path.exists() or not create:
            with closing(EmbeddedCatalog(path, create=False)) as catalog:
                copy.upsert(catalog.scan())
        yield copy
