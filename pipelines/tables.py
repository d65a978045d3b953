"""Reports as tables for a terminal."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from recommender.evaluation import wording
from recommender.models.onehot_budget import sized

WIDTH = 100
"""Columns that a terminal has at least."""

EXCLUSION_TITLES = {
    "none": "everything may be recommended (as papers do)",
    "current": "the page's own product may not",
    "session": "nothing already seen in the session may",
}


def evaluation_table(report: Mapping[str, Any], only: str | None = None) -> str:
    """The report of an evaluation as text; of one exclusion if `only` names it."""
    test = report["test"]
    judged = [name for name in report["models"][0]["metrics"] if only in (None, name)]
    lines = [
        f"Test from {test['from']}: {test['sessions']} sessions, {test['queries']} queries;",
        f"{test['queries_dropped_unknown_item']} next items unknown, "
        f"{test['sessions_crossing_the_split']} sessions cross the split. "
        "In brackets: 95 % intervals.",
        _costs(report),
        *_foreseen(report),
        *_settled(report),
        *_spread(report),
        *(_metrics(report, exclusion) for exclusion in judged),
    ]
    if report["differences"]:
        lines.append(_leads(report, judged))
    return "\n\n".join(["\n".join(lines[:2]), *lines[2:]])


def _costs(report: Mapping[str, Any]) -> str:
    models = report["models"]
    others = [name for name in models[0] if "@" in name]
    table = plain_table("model", "train s", "MB", "ms a query", *others)
    for model in models:
        table.add_row(
            model["name"],
            f"{model['train_s']:.1f}",
            f"{model['bytes'] / 1e6:.2f}",
            f"{model['ms_per_query']:.3f}",
            *(f"{model[name]:.3f}" for name in others),
        )
    return f"What a model costs, and how wide it recommends\n{as_text(table)}"


def _settled(report: Mapping[str, Any]) -> list[str]:
    """What validation chose, a line a model."""
    lines = [
        f"{model['name']}: "
        + ", ".join(f"{name} {value}" for name, value in model["settled"].items())
        for model in report["models"]
        if model["settled"]
    ]
    return ["\n".join(["Chosen on validation", *lines])] if lines else []


def _spread(report: Mapping[str, Any]) -> list[str]:
    """What other seeds came to, for each exclusion."""
    lines = [
        f"{model['name']}, exclude {exclusion}: {wording.spread(model, exclusion)}"
        for model in report["models"]
        if model.get("seeds")
        for exclusion in model["metrics"]
    ]
    lines += wording.seedless(report)
    return ["\n".join(["Trained from several seeds", *lines])] if lines else []


def _foreseen(report: Mapping[str, Any]) -> list[str]:
    """What models said before they were trained, and what became of it."""
    models = [model for model in report["models"] if model.get("predicted")]
    table = plain_table("model", "file MB, foreseen", "train s, foreseen", "train s")
    for model in models:
        costs = model["predicted"]
        table.add_row(
            model["name"],
            f"{costs['file_bytes'] / 1e6:.2f}",
            f"{costs['train_s']:.0f}",
            f"{model['train_s']:.0f}",
        )
    return [f"What was foreseen\n{as_text(table)}"] if models else []


def costs_in_words(predicted: Mapping[str, float]) -> str:
    """What a model said before it was trained.

    Example:
        >>> costs_in_words({"bytes": 2e6, "file_bytes": 4e6, "memory_bytes": 9e8, "train_s": 61.4})
        '2.0 MB of weights, 4.0 MB as a file, 900.0 MB of memory and about 61 s'
    """
    weights, file, memory = (
        sized(predicted[name]) for name in ("bytes", "file_bytes", "memory_bytes")
    )
    return (
        f"{weights} of weights, {file} as a file, {memory} of memory "
        f"and about {predicted['train_s']:,.0f} s"
    )


def _metrics(report: Mapping[str, Any], exclusion: str) -> str:
    models = report["models"]
    metrics = [name for name in models[0]["metrics"][exclusion] if "@" in name]
    table = plain_table("model", *metrics)
    for model in models:
        measured = model["metrics"][exclusion]
        table.add_row(model["name"], *(_with_interval(measured[metric]) for metric in metrics))
    return f"Exclude {exclusion}: {EXCLUSION_TITLES[exclusion]}\n{as_text(table)}"


def _leads(report: Mapping[str, Any], judged: Sequence[str]) -> str:
    """What the first model has over each of the others, question by question."""
    differences = [entry for entry in report["differences"] if entry["exclude"] in judged]
    metrics = list(differences[0]["metrics"])
    table = plain_table(f"{report['models'][0]['name']} leads", "exclude", *metrics)
    for entry in differences:
        table.add_row(
            entry["against"],
            entry["exclude"],
            *(_with_interval(entry["metrics"][metric], "+") for metric in metrics),
        )
    return f"What lies between them, on the same questions\n{as_text(table)}"


def plain_table(first: str, *others: str) -> Table:
    """A table with its first column to the left and the others to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right")
    return table


def comparison_table(comparison: Mapping[str, Any]) -> str:
    """What `compare` found, as text."""
    a, b, test = comparison["a"], comparison["b"], comparison["test"]
    lines = [
        f"A is {a['name']} ({a['model']}), B is {b['name']} ({b['model']}).",
        f"Test from {test['from']}: {test['sessions']} sessions, {test['queries']} queries.",
        "In brackets: 95 % intervals of A less B on the same resamples. place: how many queries",
        "have their next item further up the list of A, or of B, or at the same place.",
        _pairs("All queries", {f"exclude {one['exclude']}": one for one in comparison["effects"]}),
    ]
    if comparison["slices"]:
        exclusion = next(iter(comparison["slices"].values()))["exclude"]
        lines.append(_pairs(f"Parts of them, exclude {exclusion}", comparison["slices"]))
    return "\n".join(lines)


def _pairs(title: str, entries: Mapping[str, Any]) -> str:
    """A line for each metric of each part; what belongs to the part stands on its first."""
    table = plain_table("", "queries", "metric", "A", "B", "A leads")
    for name, entry in entries.items():
        first = (name, str(entry["queries"]))
        for metric, found in entry["metrics"].items():
            figures = (_figure(found[one]["value"]) for one in ("a", "b"))
            lead = _with_interval(found["difference"], "+")
            table.add_row(*first, metric, *figures, lead)
            first = ("", "")
        a, b, same = (f"{entry[name]:,}" for name in ("a_better", "b_better", "same"))
        table.add_row("", "", "place", f"{a} better", f"{b} better", f"{same} alike")
    return f"{title}\n{as_text(table)}"


def _with_interval(interval: Mapping[str, float], sign: str = "") -> str:
    value, low, high = (_figure(interval[name], sign) for name in ("value", "low", "high"))
    return f"{value} ({low} … {high})"


def _figure(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".", 1)


def as_text(table: Table) -> str:
    """A rich table as plain text, `WIDTH` wide at most."""
    buffer = io.StringIO()
    Console(file=buffer, width=WIDTH).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())
