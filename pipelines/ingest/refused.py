"""Rows that an import refuses: kept in `rejected/`, and too many of them stop it."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.ingest.counts import ImportCounts
from pipelines.ingest.reasons import described
from recommender.errors import DataError, RefusedRowsError

SCHEMA_VERSION = 1

RefusedRow = tuple[int, str, str | None] | tuple[int, str, str | None, int | None, str | None]
"""Row (the first is 1), reason, text; of feeds also the line and the column at fault."""


def run_name() -> str:
    """A name for the files of this run: when it began, and which process it is."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{os.getpid()}"


def keep_refused(folder: Path, run: str, source: str, rows: Iterable[RefusedRow]) -> Path:
    """Write refused rows, one JSON object a line.

    Args:
        folder: The workspace's `rejected` folder.
        run: Name of the file.
        source: The file that the rows come from.
        rows: In the order of that file.

    Returns:
        The file that was written.

    Raises:
        DataError: If it cannot be written; then there is none.
    """
    path = folder / f"{run}.ndjson"
    unfinished = folder / f".{run}.unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8") as file:
            head = {"schema_version": SCHEMA_VERSION, "source": source}
            for row, reason, text, *place in rows:
                kept = {**head, "row": row, "reason": reason, "text": text}
                known = zip(("line", "column"), place, strict=False)
                kept |= {name: value for name, value in known if value is not None}
                file.write(json.dumps(kept, ensure_ascii=False) + "\n")
        os.replace(unfinished, path)  # noqa: PTH105
    except OSError as err:
        raise DataError(f"{folder} cannot be written: {err.strerror}") from err
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return path


def settle_refused(
    counts: ImportCounts,
    rows: Iterable[RefusedRow],
    *,
    folder: Path,
    run: str,
    allowed: float,
    dry_run: bool,
) -> ImportCounts:
    """Keep what an import refuses, and stop it where that is too much.

    Args:
        counts: Of one file.
        rows: The refused ones; read only if they are kept.
        folder: The workspace's `rejected` folder.
        run: Name of the file to keep them in.
        allowed: `import.max_refused`.
        dry_run: Keep nothing.

    Returns:
        The counts with the place where the rows are kept.

    Raises:
        RefusedRowsError: If a larger share is refused.
        DataError: If the rows cannot be kept.
    """
    too_many = is_above(counts, allowed)
    # The same file again brings the same refused rows: they are kept once.
    if counts.refused and not dry_run and (too_many or counts.imported):
        kept = keep_refused(folder, run, counts.path, rows)
        counts = replace(counts, rejected_path=kept)
    if too_many:
        raise too_many_refused(counts, allowed)
    return counts


def is_above(counts: ImportCounts, allowed: float) -> bool:
    """Whether a larger share of a file's rows is refused than `import.max_refused` allows."""
    return counts.n_refused > allowed * counts.rows


def too_many_refused(counts: ImportCounts, allowed: float) -> RefusedRowsError:
    """The error that says so."""
    kept = f"; they are kept in {counts.rejected_path}" if counts.rejected_path else ""
    reasons = described(counts.refused, counts.places)
    return RefusedRowsError(
        f"{counts.path}: {counts.n_refused:,} of {counts.rows:,} rows refused, above "
        f"import.max_refused = {allowed:g}: {reasons}{kept}; nothing was "
        "imported; mend the file, or allow more with --set import.max_refused=SHARE"
    )
