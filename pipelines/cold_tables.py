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


ENOUGH_CLICKS = 20
"""On hidden products; fewer say nothing about a way to rank them."""


def cold_table(report: Mapping[str, Any]) -> str:
    """The report of `evaluate_cold` as text; a sentence where too little was clicked."""
    products, chosen = report["products"], report["chosen"]
    clicks = report["newest"]["all"]["queries"] if report["newest"] else 0
    if clicks < ENOUGH_CLICKS:
        return (
            f"Only {clicks} {'click' if clicks == 1 else 'clicks'} on hidden products since "
            f"{report['test']['from']}, and {ENOUGH_CLICKS} are needed to judge by; begin the test "
            "on an earlier day with --test-from."
        )
    lines = [
        f"{report['model']} learned {products['known']} products; test from "
        f"{report['test']['from']}.",
        f"{report['unasked']} clicks on unknown products came before any known one was seen and "
        "are not counted.",
        f"Chosen on validation: penalty {chosen['strength']:g}, scale {chosen['scale']:g}, "
        f"level {chosen['level']:+.2f}; {_settings(chosen)}.",
        _WORDS,
    ]
    validation = report["validation"]
    parts = [_methods(_TITLES["newest"].format(**report), report["newest"])]
    if products["unknown"] > products["hidden"]:
        parts.append(_methods(_TITLES["unknown"].format(**report), report["unknown"]))
    parts.append(_lists(report["lists"]))
    title = f"On the validation days, where everything was chosen. {_TITLES['newest']}"
    parts.append(_methods(title.format(**validation), validation["newest"]))
    return "\n\n".join(["\n".join(lines), *parts])


def _settings(chosen: Mapping[str, Any]) -> str:
    """Those of the rivals."""
    rivals = ((name, found) for name, found in chosen.items() if isinstance(found, Mapping))
    return "; ".join(
        f"{name}: " + ", ".join(f"{setting} {value:g}" for setting, value in found.items())
        for name, found in rivals
    )


def _methods(title: str, entries: Mapping[str, Any]) -> str:
    """A row a method; products with and without category apart where both kinds were clicked."""
    if not entries:
        return f"{title}: none was clicked"
    every = entries["all"]
    table = plain_table("", "Recall@20", "MRR@20", "ridge ahead")
    for number, (name, metrics) in enumerate(every["methods"].items()):
        recall, mrr = metrics.values()
        ahead = _interval(mrr["ahead"]) if number else ""
        table.add_row(name, _interval(recall), _interval(mrr), ahead)
    text = f"{title}, {every['queries']} clicks\n{as_text(table)}"
    kinds = {part: entry for part, entry in entries.items() if part != "all"}
    # Where all are of one kind, its table would be the same once more.
    return text if len(kinds) < 2 else f"{text}\n\n{_kinds(kinds)}"


def _kinds(kinds: Mapping[str, Any]) -> str:
    titles = [f"{part}, {entry['queries']} clicks" for part, entry in kinds.items()]
    table = plain_table("Recall@20 / MRR@20", *titles)
    for name in next(iter(kinds.values()))["methods"]:
        table.add_row(name, *(_pair(entry["methods"][name]) for entry in kinds.values()))
    return as_text(table)


def _lists(entries: Mapping[str, Any]) -> str:
    """A row a limit: what known products lose, what unknown ones gain."""
    table = plain_table("cold at most", *(f"{part}, R / MRR" for part in entries))
    limits = next(iter(entries.values()))["methods"] if entries else {}
    for limit in limits:
        cells = (_pair(entry["methods"][limit]) for entry in entries.values())
        table.add_row("any" if limit == "100" else limit, *cells)
    counts = ", ".join(f"{part} {entry['queries']}" for part, entry in entries.items())
    return f"Lists of 20 by what the next product was ({counts})\n{as_text(table)}"


def _pair(metrics: Mapping[str, Any]) -> str:
    recall, mrr = metrics.values()
    return f"{recall['value']:.3f} / {mrr['value']:.3f}"


def _interval(entry: Mapping[str, float]) -> str:
    return f"{entry['value']:.3f} ({entry['low']:.3f} … {entry['high']:.3f})"
