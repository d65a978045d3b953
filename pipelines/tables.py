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
        *_settled(report),
    ]
    judged = report["models"][0]["metrics"]
    lines += [_metrics(report, exclusion) for exclusion in judged if only in (None, exclusion)]
    return "\n".join(lines)


def _costs(report: Mapping[str, Any]) -> str:
    models = report["models"]
    others = [name for name in models[0] if "@" in name]
    table = Table(title="What a model costs, and how wide it recommends", title_justify="left")
    table.add_column("model")
    foretold = any(model.get("predicted") for model in models)
    foreseen = ["file MB, foreseen", "train s, foreseen"] if foretold else []
    for title in ("train s", "MB", *foreseen, "ms a query", *others):
        table.add_column(title, justify="right")
    for model in models:
        table.add_row(
            model["name"],
            f"{model['train_s']:.1f}",
            f"{model['bytes'] / 1e6:.2f}",
            *(_foreseen(model) if foretold else []),
            f"{model['ms_per_query']:.3f}",
            *(f"{model[name]:.3f}" for name in others),
        )
    return as_text(table)


def _settled(report: Mapping[str, Any]) -> list[str]:
    """What validation chose, a line a model."""
    return [
        f"{model['name']}, chosen on validation: "
        + ", ".join(f"{name} {value}" for name, value in model["settled"].items())
        for model in report["models"]
        if model["settled"]
    ]


def _foreseen(model: Mapping[str, Any]) -> list[str]:
    costs = model.get("predicted")
    return [f"{costs['file_bytes'] / 1e6:.2f}", f"{costs['train_s']:.0f}"] if costs else ["", ""]


def costs_in_words(predicted: Mapping[str, float]) -> str:
    """What a model said before it was trained.

    Example:
        >>> costs_in_words({"bytes": 2e6, "file_bytes": 4e6, "memory_bytes": 9e8, "train_s": 61.4})
        '2.0 MB of weights, 4.0 MB as a file, 900.0 MB of memory and about 61 s'
    """
    weights, file, memory = (
        f"{predicted[name] / 1e6:,.1f} MB" for name in ("bytes", "file_bytes", "memory_bytes")
    )
    return (
        f"{weights} of weights, {file} as a file, {memory} of memory "
        f"and about {predicted['train_s']:,.0f} s"
    )


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


def comparison_table(comparison: Mapping[str, Any]) -> str:
    """What `compare` found, as text."""
    a, b, test = comparison["a"], comparison["b"], comparison["test"]
    lines = [
        f"A is {a['name']} ({a['model']}), B is {b['name']} ({b['model']}).",
        f"Test from {test['from']}: {test['sessions']} sessions, {test['queries']} queries. "
        "In brackets: 95 % intervals of A less B on the same resamples.",
        _pairs("All queries", {f"exclude {one['exclude']}": one for one in comparison["effects"]}),
    ]
    if comparison["slices"]:
        exclusion = next(iter(comparison["slices"].values()))["exclude"]
        lines.append(_pairs(f"Parts of them, exclude {exclusion}", comparison["slices"]))
    return "\n".join(lines)


def _pairs(title: str, entries: Mapping[str, Any]) -> str:
    metrics = list(next(iter(entries.values()))["metrics"])
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("queries", justify="right")
    for metric in metrics:
        for column in (f"A {metric}", "B", "A leads"):
            table.add_column(column, justify="right")
    table.add_column("A better / B / same", justify="right")
    for name, entry in entries.items():
        cells = []
        for found in (entry["metrics"][metric] for metric in metrics):
            cells += [_figure(found["a"]["value"]), _figure(found["b"]["value"])]
            cells.append(_with_interval(found["difference"], "+"))
        wins = f"{entry['a_better']} / {entry['b_better']} / {entry['same']}"
        table.add_row(name, str(entry["queries"]), *cells, wins)
    return as_text(table)


def _with_interval(interval: Mapping[str, float], sign: str = "") -> str:
    value, low, high = (_figure(interval[name], sign) for name in ("value", "low", "high"))
    return f"{value} ({low} … {high})"


def _figure(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".", 1)


def as_text(table: Table) -> str:
    """A rich table as plain text, wide enough for its content."""
    buffer = io.StringIO()
    Console(file=buffer, width=160).print(table)
    return buffer.getvalue().rstrip()
