"""What an import did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.ingest.reasons import described


@dataclass(frozen=True)
class ImportCounts:
    """One file: rows = imported + duplicates + all refused.

    Attributes:
        path: The file, as it was named.
        rows: Rows of the file, blank lines not counted.
        imported: Rows that are new in the log, or products in the catalog.
        duplicates: Rows that the log had, or that came twice in the file.
        refused: Rows by the reason why they were refused.
        rejected_path: Where the refused rows are kept; None without any, and in a dry run.
        unknown_names: Rows by event name that no model trains on.
        preview: Some imported rows, in a dry run.
        places: Where the first row of a reason is, for people: line and column.
        sales_left_out: Imported products without the sale price of their row, by the reason why.
        column: Where ready-made sessions were found, if nobody named that column.
    """

    path: str
    rows: int
    imported: int
    duplicates: int
    refused: Mapping[str, int]
    rejected_path: Path | None = None
    unknown_names: Mapping[str, int] = field(default_factory=dict)
    preview: list[dict[str, Any]] = field(default_factory=list)
    column: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    sales_left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_refused(self) -> int:
        """Refused rows of all reasons."""
        return sum(self.refused.values())

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        body: dict[str, Any] = {
            "path": self.path,
            "rows": self.rows,
            "imported": self.imported,
            "duplicates": self.duplicates,
            "refused": dict(self.refused),
        }
        if self.places:
            body["places"] = dict(self.places)
        if self.sales_left_out:
            body["sales_left_out"] = dict(self.sales_left_out)
        if self.rejected_path is not None:
            body["rejected_path"] = str(self.rejected_path)
        if self.unknown_names:
            body["unknown_names"] = dict(self.unknown_names)
        if self.column is not None:
            body["column"] = self.column
        if self.preview:
            body["preview"] = self.preview
        return body

    def in_words(self) -> str:
        """For people."""
        if not self.rows:
            return f"{self.path}: empty, nothing to import"
        text = f"{self.path}: {self.rows:,} rows, {self.imported:,} imported"
        if self.column is not None:
            text += f" from the lists in {self.column!r}"
        if self.duplicates:
            text += f", {self.duplicates:,} already there"
        if self.refused:
            text += f", {self.n_refused:,} refused: {described(self.refused, self.places)}"
        if self.rejected_path is not None:
            text += f"; they are kept in {self.rejected_path}"
        if self.sales_left_out:
            n_sales = sum(self.sales_left_out.values())
            reasons = described(self.sales_left_out, self.places)
            text += f"; without their sale price {n_sales:,}: {reasons}"
        return text
