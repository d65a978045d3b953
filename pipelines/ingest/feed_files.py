"""The files of one feed, read one after another, with a count of what was met on the way."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.feed import FeedFormat, FeedRow, feed_rows
from pipelines.ingest.refused import (
    RefusedRow,
    is_above,
    keep_refused,
    run_name,
    too_many_refused,
)
from pipelines.ingest.seen_ids import SeenIds
from pipelines.ingest.sources import OnBytes
from recommender.catalog.product import Product, ProductPatch

_KEPT_CHARACTERS = 1000
_KEPT_ROWS = 10_000
"""Of the refused rows of a file at most so many are kept; all are counted."""


class FeedFiles:
    """Reads files from the last to the first, because of a product the last file counts.

    Attributes:
        n_without_id: Refused rows so far whose id cannot be read; one that gives none is about
            no product.
        n_in_several: Products so far that came in more than one file.
    """

    def __init__(
        self,
        rejected_dir: Path | None,
        max_refused: float,
        paths: Sequence[str],
        *,
        file_format: FeedFormat | None,
        partial: bool,
        on_bytes: OnBytes | None,
    ) -> None:
        self._rejected_dir = rejected_dir
        self._max_refused = max_refused
        self._paths = paths
        self._file_format: FeedFormat | None = file_format
        self._partial = partial
        self._on_bytes = on_bytes
        self.n_without_id = self.n_in_several = 0
        self._seen = SeenIds()
        self._refused_ids = SeenIds()
        self._files: list[tuple[ImportCounts, list[RefusedRow]]] = []

    def close(self) -> None:
        """Remove what was noted on the way."""
        self._seen.close()
        self._refused_ids.close()

    def products(self) -> Iterator[Product]:
        """Each product of a full feed once.

        Raises:
            RefusedRowsError: Behind a file of which too much was refused.
        """
        for row in self._rows():
            if row.product is not None:
                yield row.product

    def changes(self) -> Iterator[ProductPatch]:
        """Each change of a partial feed once.

        Raises:
            RefusedRowsError: Behind a file of which too much was refused.
        """
        for row in self._rows():
            if row.change is not None:
                yield ProductPatch.model_validate(row.change)

    def had(self, item_id: str) -> bool:
        """Whether a row with that id was read, refused or not."""
        return item_id in self._seen or item_id in self._refused_ids

    def finished(self) -> list[ImportCounts]:
        """The files in the order given; their refused rows are written down now, if anywhere."""
        run = run_name()
        finished = []
        for number, (counts, rows) in enumerate(reversed(self._files)):
            if rows and self._rejected_dir is not None:
                kept = keep_refused(self._rejected_dir, f"{run}-{number}", counts.path, rows)
                counts = replace(counts, rejected_path=kept)
            finished.append(counts)
        return finished

    def _rows(self) -> Iterator[FeedRow]:
        """The rows that count."""
        for number, path in enumerate(reversed(self._paths)):
            refused: Counter[str] = Counter()
            left_out: Counter[str] = Counter()
            places: dict[str, str] = {}
            kept: list[RefusedRow] = []
            n_rows = 0
            rows = feed_rows(
                path, self._on_bytes, file_format=self._file_format, partial=self._partial
            )
            for row in rows:
                n_rows += 1
                if row.reason is None and row.item_id is not None:
                    sight = self._seen.add(row.item_id, number)
                    if sight == "new":
                        yield row
                    if sight != "in_this_file":
                        self.n_in_several += sight == "in_another_file"
                        if row.left_out is not None:
                            left_out[row.left_out] += 1
                            places.setdefault(row.left_out, _place(row))
                        continue
                    row = row._replace(reason="duplicate_id")
                reason = str(row.reason)
                if row.item_id is not None:
                    self._refused_ids.add(row.item_id, number)
                elif reason != "missing_id":
                    self.n_without_id += 1
                refused[reason] += 1
                places.setdefault(reason, _place(row))
                if len(kept) < _KEPT_ROWS:
                    text = row.text[:_KEPT_CHARACTERS] or row.item_id
                    kept.append((row.number, reason, text, row.line, row.column))
            n_imported = n_rows - refused.total()
            counts = ImportCounts(
                path,
                n_rows,
                n_imported,
                0,
                dict(sorted(refused.items())),
                places=places,
                sales_left_out=dict(sorted(left_out.items())),
            )
            self._files.append((counts, kept))
            if is_above(counts, self._max_refused):
                raise too_many_refused(self.finished()[0], self._max_refused)


def _place(row: FeedRow) -> str:
    """Where a row is, for people."""
    place = f"row {row.number:,}" if row.line is None else f"line {row.line:,}"
    return place if row.column is None else f"{place}, column {row.column!r}"
