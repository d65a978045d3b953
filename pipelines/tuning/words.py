"""What tuning tells people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from pipelines.settings_file import changed_text
from pipelines.tables import as_text
from pipelines.tuning.study import Trial

SHOWN_TRIALS = 8

_ENDS = {
    "pruned": "given up after {took_s:.0f} s, behind the median of the others",
    "failed": "does not work: {reason}",
    "cut": "cut off after {took_s:.0f} s by the time limit; the next call begins with it",
}


_FLATTERED = (
    "Chosen on validation, where the best of many is flattered by chance:",
    "confirm it on the test days with `recommender evaluate`.",
)


def trial_line(trial: Trial, present: Mapping[str, Any]) -> str:
    """One trial in one line."""
    end = _ENDS.get(trial.state, "").format(took_s=trial.took_s, reason=trial.reason)
    if trial.value is not None:
        end = f"{_decimal(trial.value)} in {trial.took_s:.0f} s"
    return f"Trial {trial.number}: {end} ({described(trial.values, present)})"


def described(values: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """Values by what differs from the present ones.

    Example:
        >>> described({"softmax.dim": 64, "softmax.epochs": None}, {"softmax.dim": 100})
        'dim 64, epochs from the data'
    """
    words = [
        f"{_key(name)} {_plain(value)}"
        for name, value in values.items()
        if name not in present or present[name] != value
    ]
    return ", ".join(words) or "the present settings"


def tuning_text(report: Mapping[str, Any]) -> str:
    """The result for people: the best trials, what each setting did, what follows."""
    parts = [_trials_table(report)]
    if report["influence"]:
        parts.append(_influence_table(report))
    return "\n".join([*parts, *_conclusion(report)])


def settings_lines(report: Mapping[str, Any]) -> str:
    """The chosen settings as lines of `recommender.toml`, those that change."""
    present, chosen = report["present_settings"], report["settings"]
    news = {name: value for name, value in chosen.items() if value != present[name]}
    left = [f"# without {name}" for name, value in news.items() if value is None]
    return "\n".join([changed_text("", news).strip("\n"), *left])


def _trials_table(report: Mapping[str, Any]) -> str:
    trials, metrics = report["trials"], report["objective"]["mean_of"]
    complete = [trial for trial in trials if trial["state"] == "complete"]
    shown = sorted(complete, key=lambda trial: -trial["value"])[:SHOWN_TRIALS]
    shown += [trial for trial in complete if trial["number"] == report["present"]
              and trial not in shown]  # fmt: skip
    names = _varied([trial["values"] for trial in shown])
    asked = report["validation"]["queries"]
    title = (
        f"Best trials on validation: {asked} questions, ± {_decimal(report['standard_error'])} "
        "by chance"
    )
    table = Table(title=title, title_justify="left", box=None)
    for column in ("trial", "value", *metrics, "MB", "s", *map(_title, names)):
        table.add_column(column, justify="right")
    for trial in shown:
        table.add_row(
            f"{trial['number']}{_mark(trial['number'], report)}",
            _decimal(trial["value"]),
            *(_decimal(trial["metrics"][name]) for name in metrics),
            f"{trial['n_bytes'] / 1e6:.2f}",
            f"{trial['took_s']:.0f}",
            *(_plain(trial["values"][name]) for name in names),
        )
    return as_text(table)


def _mark(number: int, report: Mapping[str, Any]) -> str:
    marks = {report["present"]: " now", report["chosen"]: " chosen"}
    return marks.get(number, "")


def _varied(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings in which rows differ."""
    return [name for name in rows[0] if len({str(row[name]) for row in rows}) > 1]


def _influence_table(report: Mapping[str, Any]) -> str:
    title = "What each setting did: its share in the ups and downs of the trials, roughly"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("setting")
    for column in ("share", "now", "chosen", "in the best quarter"):
        table.add_column(column, justify="right")
    for name, entry in report["influence"].items():
        span = entry["best_quarter"]
        table.add_row(
            name,
            f"{entry['share']:.0%}",
            _plain(report["present_settings"][name]),
            _plain(report["settings"][name]),
            _plain(span[0]) if len(set(map(str, span))) == 1 else " … ".join(map(_plain, span)),
        )
    return as_text(table)


def _conclusion(report: Mapping[str, Any]) -> list[str]:
    n_complete = sum(trial["state"] == "complete" for trial in report["trials"])
    best, chosen, lead = report["best"], report["chosen"], report["lead"]
    if chosen == report["present"]:
        return [f"Of {n_complete} trials none is better than the present settings: keep them."]
    why = f"the best of {n_complete}"
    if chosen != best:
        why = f"the smallest model within one standard error of the best of {n_complete}, {best}"
    lines = [f"Trial {chosen} is chosen: {why}."]
    if lead is not None:
        low, high = (f"{lead[name]:+.3f}" for name in ("low", "high"))
        chance = "" if lead["low"] > 0 else "; that may be chance"
        lines.append(
            f"It leads the present settings by {lead['value']:+.3f} (95 %: {low} … {high}){chance}."
        )
    return [*lines, *_FLATTERED, *_what_to_do(report)]


def _what_to_do(report: Mapping[str, Any]) -> list[str]:
    if report["written"] is not None:
        return [f"Written to {report['written']}."]
    return ["To take it, add --write, or put into recommender.toml:", settings_lines(report)]


def _key(name: str) -> str:
    return name.partition(".")[2]


def _title(name: str) -> str:
    """A setting's name that a column can break."""
    return _key(name).replace("_", " ")


def _plain(value: Any) -> str:
    return "from the data" if value is None else str(value)


def _decimal(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1)
