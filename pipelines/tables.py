"""Reports as tables for a terminal."""

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

EXCLUSION_TITLES = {
    "none": "everything may be recommended (as papers do)",
    "current": "the page's own product may not",
    "session": "nothing already seen in the session may",
}


def evaluation_table(report: Mapping[str, Any], only: str | None = None) -> str:
    """The report of an evaluation as text; of one exclusion if `only` names it."""
    test = report["test"]
    lines = [
        f"Test from {test['from']}: {test['sessions']} sessions, {test['queries']} queries; "
        f"{test['queries_dropped_unknown_item']} next items unknown, "
        f"{test['sessions_crossing_the_split']} sessions cross the split. "
        "In brackets: 95 % intervals.",
        _costs(report),
    ]
    judged = report["models"][0]["metrics"]
    lines += [_metrics(report, exclusion) for exclusion in judged if only in (None, exclusion)]
    return "\n".join(lines)


def _costs(report: Mapping[str, Any]) -> str:
    models = report["models"]
    others = [name for name in models[0] if "@" in name]
    table = Table(title="What a model costs, and how wide it recommends", title_justify="left")
    table.add_column("model")
    for title in ("train s", "MB", "ms a query", *others):
        table.add_column(title, justify="right")
    for model in models:
        table.add_row(
            model["name"],
            f"{model['train_s']:.1f}",
            f"{model['bytes'] / 1e6:.2f}",
            f"{model['ms_per_query']:.3f}",
            *(f"{model[name]:.3f}" for name in others),
        )
    return as_text(table)


def _metrics(report: Mapping[str, Any], exclusion: str) -> str:
    models = report["models"]
    metrics = [name for name in models[0]["metrics"][exclusion] if "@" in name]
    leads = {
        entry["against"]: entry["metrics"]
        for entry in report["differences"]
        if entry["exclude"] == exclusion
    }
    title = f"Exclude {exclusion}: {EXCLUSION_TITLES[exclusion]}"
    table = Table(title=title, title_justify="left")
    table.add_column("model")
    for metric in metrics:
        table.add_column(metric, justify="right")
    for metric in metrics if leads else []:
        table.add_column(f"{models[0]['name']} leads, {metric}", justify="right")
    for model in models:
        lead = leads.get(model["name"])
        table.add_row(
            model["name"],
            *(_with_interval(model["metrics"][exclusion][metric]) for metric in metrics),
            *(_with_interval(lead[metric], "+") for metric in metrics if lead),
        )
    return as_text(table)


def _with_interval(interval: Mapping[str, float], sign: str = "") -> str:
    value, low, high = (
        f"{interval[name]:{sign}.3f}".replace("0.", ".", 1) for name in ("value", "low", "high")
    )
    return f"{value} ({low} … {high})"


def as_text(table: Table, width: int = 160) -> str:
    """A rich table as plain text, at most so wide."""
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())
