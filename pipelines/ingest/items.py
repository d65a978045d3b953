"""Import of product feeds into the catalog.

A feed that cannot be read to its end, or of which too much is refused, changes nothing: the catalog
is given the first product when the last one was read. It takes them some at a time, so that others
write meanwhile; nothing is withdrawn before all of them are in it. An import that was cut off while
it wrote is finished by the same once more.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, TypeVar

from pydantic import BaseModel

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.feed import FeedFormat
from pipelines.ingest.feed_files import FeedFiles
from pipelines.ingest.sources import OnBytes
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.opening import existing_catalog, open_catalog
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import Catalog, DocumentError
from recommender.errors import CatalogError, DataError, RefusedRowsError, WithdrawnError
from recommender.settings import Settings
from recommender.workspace import Workspace

_TOLD_IDS = 5
_ALWAYS_WITHDRAWN = 10
"""So many products may go out of stock, however small the shop."""

_CUT_OFF = (
    "Interrupted while the catalog was written: some products are as the feed has them, others as "
    "before; the same import once more finishes it."
)

_PARTLY_WRITTEN = (
    "a part of the feed may be in the catalog already, and the same import once more finishes it"
)

Row = TypeVar("Row", bound=BaseModel)


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
        errors: Products that the catalog refused; the others are in it.
        sales_left_out: Products without the sale price that the feed or the catalog had for them:
            it could not stand beside the other's price.
        without_id: Refused rows whose id cannot be read. With any of them nothing is withdrawn: it
            might be their product.
        in_several_files: Products that came in more than one of the files; the last one counted.
    """

    files: list[ImportCounts]
    added: int
    changed: int
    unchanged: int
    withdrawn: int
    unknown: int | None = None
    unknown_ids: Sequence[str] = ()
    errors: Sequence[DocumentError] = ()
    sales_left_out: int = 0
    without_id: int = 0
    in_several_files: int = 0

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        body: dict[str, Any] = {
            "files": [counts.as_json() for counts in self.files],
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "withdrawn": self.withdrawn,
            "errors": [{"id": error.item_id, "detail": error.problem} for error in self.errors],
        }
        if self.unknown is None:
            return {
                **body,
                "without_id": self.without_id,
                "in_several_files": self.in_several_files,
            }
        return {
            **body,
            "unknown": self.unknown,
            "unknown_ids": list(self.unknown_ids),
            "sales_left_out": self.sales_left_out,
            "in_several_files": self.in_several_files,
        }

    def in_words(self) -> str:
        """For people."""
        if not any(counts.imported for counts in self.files):
            return "The feed is empty; the catalog stays as it is."
        return f"{self._done()}{self._twice()}{self._not_taken()}"

    def _twice(self) -> str:
        if not self.in_several_files:
            return ""
        return f"; {self.in_several_files:,} came in more than one file: of each the last counted"

    def _not_taken(self) -> str:
        if not self.errors:
            return ""
        first = self.errors[0]
        return (
            f"; {len(self.errors):,} refused by the catalog, first {first.item_id}: {first.problem}"
        )

    def _done(self) -> str:
        if self.unknown is not None:
            text = f"Catalog: {self.changed:,} products changed, {self.unchanged:,} as before"
            if self.unknown:
                some = ", ".join(self.unknown_ids[:_TOLD_IDS])
                text += f", {self.unknown:,} not in the catalog and left out, first {some}"
            if self.sales_left_out:
                text += (
                    f"; {self.sales_left_out:,} left without a sale price, which was above the "
                    "price, in another currency or without a price"
                )
            return text
        text = (
            f"Catalog: {self.added:,} products added, {self.changed:,} changed, "
            f"{self.unchanged:,} as before, {self.withdrawn:,} no longer in the feed (out of stock)"
        )
        if self.without_id:
            text += (
                f"; nothing was taken out of stock, for {self.without_id:,} of the refused rows "
                "have no id that can be read: mend them, and import the feed again"
            )
        return text


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
    """Import a product feed; the caller holds the catalog's lock unless it is a dry run.

    Several files are one feed; of a product in more than one of them the last file counts. What
    a full feed no longer has becomes out of stock and stays in the catalog. A feed without
    products changes nothing. Memory does not grow with the feed.

    Args:
        workspace: Where the catalog is.
        settings: `import.max_refused` and `import.max_withdrawn` count here.
        paths: Files of any format of `pipelines.ingest.feed.FORMATS`, gzipped or not; `-` is
            stdin.
        file_format: Of all files; by default told by the first bytes, then by the name.
        partial: Change price, sale price, currency and availability of products that are there,
            as far as the feed has them, and nothing else.
        dry_run: Write nothing; the counts are the same.
        on_bytes: Called with the bytes read since the last call.

    Raises:
        MappingError: If `id` or `title` is missing in a header.
        RefusedRowsError: If more rows of a file are refused than `import.max_refused` allows, or
            the catalog refuses more products than that.
        WithdrawnError: If a full feed lacks more of the products in stock than
            `import.max_withdrawn` allows.
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
        _catalog(workspace, settings, dry_run=dry_run, create=not partial) as catalog,
    ):
        if partial:
            done = _patched(catalog, files)
        else:
            done = _replaced(catalog, files, settings.import_.max_withdrawn)
    n_given = sum(counts.imported for counts in done.files)
    if len(done.errors) > settings.import_.max_refused * n_given:
        raise RefusedRowsError(
            f"the catalog refused {len(done.errors):,} of {n_given:,} products, above "
            f"import.max_refused = {settings.import_.max_refused:g}; first "
            f"{done.errors[0].item_id}: {done.errors[0].problem}; the others were imported"
        )
    return done


def _replaced(catalog: Catalog, files: FeedFiles, max_withdrawn: float) -> FeedCounts:
    """What the feed says is the catalog now."""
    products = files.products()
    first = next(products, None)
    if first is None:
        return FeedCounts(files.finished(), 0, 0, 0, 0)
    with (
        _read_to_the_end(chain([first], products), Product) as ready,
        # Noted before anything is written: too many of them stop the import.
        _read_to_the_end(_withdrawals(catalog, files, max_withdrawn), ProductPatch) as gone,
        _told_if_cut_off(),
    ):
        upserted = catalog.upsert(ready)
        withdrawn = catalog.patch(gone)
    return FeedCounts(
        files.finished(),
        upserted.added,
        upserted.changed,
        upserted.unchanged,
        withdrawn.changed,
        errors=(*upserted.errors, *withdrawn.errors),
        without_id=files.n_without_id,
        in_several_files=files.n_in_several,
    )


def _withdrawals(catalog: Catalog, files: FeedFiles, max_share: float) -> Iterator[ProductPatch]:
    """Takes out of stock what the catalog has and the feed has not; all else of it is not ours.

    A product whose row was refused is in the feed: it stays as it was. Where such a row does not
    say which product it is about, all stay.

    Raises:
        WithdrawnError: Behind the last one, if they are more than `max_share` of what is in stock.
    """
    if files.n_without_id:
        return
    n_in_stock = n_withdrawn = 0
    for product in catalog.scan():
        if product.availability == "out_of_stock":
            continue
        n_in_stock += 1
        if not files.had(product.id):
            n_withdrawn += 1
            yield ProductPatch(id=product.id, availability="out_of_stock")
    if n_withdrawn > max(_ALWAYS_WITHDRAWN, max_share * n_in_stock):
        raise WithdrawnError(
            f"the feed lacks {n_withdrawn:,} of {n_in_stock:,} products that are in stock, above "
            f"import.max_withdrawn = {max_share:g}; nothing was imported; fetch the feed again if "
            "it was cut off, or let them go out of stock with --allow-withdrawn"
        )


def _patched(catalog: Catalog, files: FeedFiles) -> FeedCounts:
    """What the feed says is changed in products that are there."""
    with _read_to_the_end(files.changes(), ProductPatch) as ready, _told_if_cut_off():
        patched = catalog.patch(ready)
    return FeedCounts(
        files.finished(),
        0,
        patched.changed,
        patched.unchanged,
        0,
        patched.unknown,
        patched.unknown_ids,
        patched.errors,
        patched.sales_left_out,
        in_several_files=files.n_in_several,
    )


@contextmanager
def _read_to_the_end(rows: Iterable[Row], kind: type[Row]) -> Iterator[Iterable[Row]]:
    """The rows, once all of them were read: nothing is written before."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        try:
            file.writelines(f"{row.model_dump_json(exclude_unset=True)}\n" for row in rows)
            file.seek(0)
        except OSError as err:
            raise DataError(
                f"the feed cannot be noted while it is read ({err.strerror}); free some of the "
                "folder of temporary files, or name another in TMPDIR"
            ) from err
        yield map(kind.model_validate_json, file)


@contextmanager
def _told_if_cut_off() -> Iterator[None]:
    """What ends an import while it writes says that a part may be written."""
    try:
        yield
    except KeyboardInterrupt as err:
        raise KeyboardInterrupt(_CUT_OFF) from err
    except CatalogError as err:
        raise CatalogError(f"{err}; {_PARTLY_WRITTEN}") from err


@contextmanager
def _catalog(
    workspace: Workspace, settings: Settings, *, dry_run: bool, create: bool
) -> Iterator[Catalog]:
    """The catalog or, for a dry run, a copy of it that is gone afterwards."""
    if not dry_run:
        with closing(open_catalog(workspace, settings, create=create)) as catalog:
            yield catalog
        return
    with (
        TemporaryDirectory() as folder,
        closing(EmbeddedCatalog(Path(folder) / "catalog.sqlite")) as copy,
    ):
        if create:
            with existing_catalog(workspace, settings) as there:
                copy.upsert(() if there is None else there.scan())
        else:
            with closing(open_catalog(workspace, settings, create=False)) as catalog:
                copy.upsert(catalog.scan())
        yield copy
