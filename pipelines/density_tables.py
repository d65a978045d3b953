"""What `recommender densities` found, as tables for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.tables import as_text, plain_table
from recommender.densities.densities import Densities

TITLES = {
    "price": "The next product's price: the density is of its logarithm",
    "pause": "The pause before the next click: the density is of the seconds' logarithm",
    "purchase": "The chance that a visitor who has not bought yet buys before the visit ends",
}
_NO_DENSITY, _NO_PAGES = "too little to learn from", "nothing to judge on"
_WORDS = """\
-log p: how much later pages surprised it, in nats; lower is better. CRPS: how far off it was.
in 50 %, in 90 %: how often what came lay in the middle so much of the density.
promised, came: the mean chance and the share that bought; ECE: how far the two lie apart.
AUC: how often a buyer has the higher chance.
behind the first: nats, with 95 % intervals; what is below 0 is ahead of it."""
_NO_NGBOOST = 'Without NGBoost, which comes with: pip install "session-recommender[rivals]"'
_OUTSIDE = "outside"
"""Told only where it happens: most families have no outside."""


def densities_table(report: Mapping[str, Any]) -> str:
    """The report of `evaluate_densities` as text."""
    test, train = report["test"], report["train"]
    lines = [
        f"Learned from {train['visits']} visits, judged on {test['visits']} from {test['from']}; "
        f"{report['bytes'] / 1e6:.2f} MB.",
        _WORDS,
        *([] if _has_ngboost(report) else [_NO_NGBOOST]),
    ]
    tables = [_table(name, report[name]) for name in TITLES]
    return "\n\n".join(["\n".join(lines), *tables])


def _has_ngboost(report: Mapping[str, Any]) -> bool:
    return any(report[name] and "ngboost" in report[name]["scores"] for name in ("price", "pause"))


def families_table(found: Mapping[str, Any]) -> str:
    """What `compare_families` found as text."""
    parts = [f"Learned before {found['from']}, judged on the visits up to {found['until']}."]
    for name, rows in found["families"].items():
        outside = _outside(rows)
        titles = ("components", "-log p", "CRPS", "50 %", "90 %", *outside, "s")
        table = plain_table("family", *titles)
        for row in rows:
            table.add_row(
                row["family"],
                str(row["components"]),
                *(_figure(row.get(key)) for key in ("nll", "crps", "coverage@50", "coverage@90")),
                *(_share(row.get(key)) for key in outside),
                f"{row['train_s']:.0f}",
            )
        parts.append(f"{TITLES[name]}\n{as_text(table)}")
    return "\n\n".join(parts)


def _table(name: str, entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return f"{TITLES[name]}: {_NO_DENSITY}"
    if not entry["pages"]:
        return f"{TITLES[name]}: {_NO_PAGES}"
    outside = _outside(entry["scores"].values())
    chance = "auc" in next(iter(entry["scores"].values()))
    columns = (
        {
            "ECE": "expected_calibration_error",
            "promised": "promised",
            "came": "came_true",
            "AUC": "auc",
        }
        if chance
        else {"CRPS": "crps", "in 50 %": "coverage@50", "in 90 %": "coverage@90"}
    )
    table = plain_table("", "-log p", *columns, *outside, "behind the first")
    for one, figures in entry["scores"].items():
        shown = [_figure(figures[key]) for key in columns.values()]
        shown += [_share(figures[key]) for key in outside]
        table.add_row(one, _figure(figures["nll"]), *shown, _behind(figures.get("behind")))
    return f"{TITLES[name]} ({entry['pages']} pages)\n{as_text(table)}"


def _outside(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The column of what densities held impossible, if anything was."""
    return [_OUTSIDE] if any(row.get(_OUTSIDE) for row in rows) else []


def _share(value: float | None) -> str:
    """So exact that one page of all shows."""
    return f"{value:.6f}" if value else ""


def _behind(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return ""
    return f"{interval['value']:.4f} ({interval['low']:.4f} … {interval['high']:.4f})"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def densities_in_words(densities: Densities | None) -> str:
    """Which of them a version brings, and which the log is too little for."""
    if densities is None:
        return "No densities of prices, pauses and purchases."
    found = {"price": densities.price, "pause": densities.pause, "purchase": densities.purchase}
    there = ", ".join(name for name, one in found.items() if one is not None)
    missing = ", ".join(name for name, one in found.items() if one is None)
    return f"Densities: {there}" + (f"; too little in the log for: {missing}." if missing else ".")
