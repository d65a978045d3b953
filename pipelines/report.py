"""What a report says beside the figures: products, noise, refused rows; and its two files."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.ingest.reasons import REASONS
from recommender.catalog.opening import existing_catalog
from recommender.catalog.table import ProductTable
from recommender.data.steps import SessionLog
from recommender.disk import prove_writable, why_unwritten
from recommender.errors import DataError
from recommender.evaluation.pictures import Pictures
from recommender.evaluation.report import render_report
from recommender.evaluation.slices import Lookup
from recommender.settings import Settings
from recommender.workspace import Workspace

REPORT_NAME = "report.json"
PAGE_NAME = "report.html"


def product_lookup(workspace: Workspace, settings: Settings) -> Lookup:
    """Products by id; a shop without a feed has none.

    Raises:
        CatalogError: If there is a catalog that cannot be read.
    """
    with existing_catalog(workspace, settings) as catalog:
        return (lambda _: None) if catalog is None else ProductTable.read(catalog).get


def data_entry(workspace: Workspace, log: SessionLog) -> dict[str, Any]:
    """What was read and what was left out before any model saw it, for the report."""
    return {
        "events": log.n_events,
        "sessions": log.sessions.n_sessions,
        "noise": dict(log.noise),
        "refused": refused_rows(workspace.rejected_dir),
    }


def refused_rows(rejected_dir: Path) -> dict[str, dict[str, Any]]:
    """Refused rows of all imports by reason, the most frequent first.

    Lines that cannot be read are counted as `unreadable`: somebody changed the file.

    Raises:
        DataError: If a file cannot be read.
    """
    counts: Counter[str] = Counter()
    for path in sorted(rejected_dir.glob("*.ndjson")):
        try:
            with path.open("rb") as file:
                counts.update(_reason(line) for line in file)
        except OSError as err:
            raise DataError(f"{path} cannot be read: {err.strerror}") from err
    return {
        reason: {"rows": rows, "meaning": REASONS.get(reason, "the reason cannot be read")}
        for reason, rows in counts.most_common()
    }


def _reason(line: bytes) -> str:
    try:
        reason = json.loads(line)["reason"]
    except (ValueError, KeyError, TypeError):
        return "unreadable"
    return reason if reason in REASONS else "unreadable"


def page_of(report: Mapping[str, Any], workspace: Workspace, lookup: Lookup) -> str:
    """`report.html` of a report, with the workspace's products and pictures."""
    return render_report(report, lookup, Pictures(workspace.root / "pictures"))


def prepare_folder(folder: Path) -> None:
    """Make a folder for results and prove, before they cost anything, that it takes them.

    Raises:
        DataError: If it cannot be written.
    """
    try:
        prove_writable(folder)
    except OSError as err:
        raise DataError(f"{folder} cannot be written: {why_unwritten(err)}") from err


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write some files whole into a folder, which is made.

    Raises:
        DataError: If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            draft = folder / f".{name}.part"
            draft.write_text(text, "utf-8")
            draft.replace(folder / name)
    except OSError as err:
        raise DataError(f"{folder} cannot be written: {why_unwritten(err)}") from err


def plain_json(body: Mapping[str, Any]) -> str:
    """A report as it stands in a file."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False)
