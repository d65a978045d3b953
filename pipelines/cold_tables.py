"""What `recommender cold` found, as tables for a terminal."""

from collections.abc import Mapping
from typing import Any

from pipelines.tables import as_text, plain_table

_TITLES = {
    "newest": "Hidden products among each other: {products[hidden]}",
    "unknown": "All products that the model does not know among each other: {products[unknown]}",
}
_WORDS = """\
ridge is what `train` and `nightly` learn; network and neighbors in text make vectors from the same
terms in other ways; text of the page: products like the page's own by their terms alone.
In brackets: 95 % intervals; ridge ahead: its MRR less that of the other."""


def cold_table(report: Mapping[str, Any]) -> str:
    """The report of `evaluate_cold` as text."""
    products, chosen = report["products"], report["chosen"]
    lines = [
        f"{report['model']} learned {products['known']} products; test from "
        f"{report['test']['from']}. Before {report['unasked']} clicks on unknown products "
        "nothing known was seen: there no model is asked.",
        f"Chosen on validation: penalty {chosen['strength']:g}, scale {chosen['scale']:g}, "
        f"level {chosen['level']:+.2f}; {_settings(chosen)}.",
        _WORDS,
    ]
    parts = [
        _methods(title.format(**told) + where, told[name])
        for told, where in ((report["validation"], " (validation)"), (report, ""))
        for name, title in _TITLES.items()
        if name == "newest" or not where
    ]
    return "\n\n".join(["\n".join(lines), *parts, _lists(report["lists"])])


def _settings(chosen: Mapping[str, Any]) -> str:
    """Those of the rivals."""
    rivals = ((name, found) for name, found in chosen.items() if isinstance(found, Mapping))
    return "; ".join(
        f"{name}: " + ", ".join(f"{setting} {value:g}" for setting, value in found.items())
        for name, found in rivals
    )


def _methods(title: str, entries: Mapping[str, Any]) -> str:
    if not entries:
        return f"{title}: none was clicked"
    parts = []
    for part, entry in entries.items():
        table = plain_table("", "Recall@20", "MRR@20", "ridge ahead")
        for number, (name, metrics) in enumerate(entry["methods"].items()):
            recall, mrr = metrics.values()
            ahead = _interval(mrr["ahead"]) if number else ""
            table.add_row(name, _interval(recall), _interval(mrr), ahead)
        parts.append(f"{title}, {part}: {entry['queries']} clicks\n{as_text(table)}")
    return "\n\n".join(parts)


def _lists(entries: Mapping[str, Any]) -> str:
    """A row a limit: what known products lose, what unknown ones gain."""
    table = plain_table("cold at most", *(f"{part}, R / MRR" for part in entries))
    limits = next(iter(entries.values()))["methods"] if entries else {}
    for limit in limits:
        cells = []
        for entry in entries.values():
            recall, mrr = entry["methods"][limit].values()
            cells.append(f"{recall['value']:.3f} / {mrr['value']:.3f}")
        table.add_row("any" if limit == "100" else limit, *cells)
    counts = ", ".join(f"{part} {entry['queries']}" for part, entry in entries.items())
    return f"Lists of 20 by what the next product was ({counts})\n{as_text(table)}"


def _interval(entry: Mapping[str, float]) -> str:
    return f"{entry['value']:.3f} ({entry['low']:.3f} … {entry['high']:.3f})"
