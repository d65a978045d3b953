"""What tuning tells people."""

import math
from collections.abc import Mapping
from typing import Any

from pipelines.settings_file import changed_text
from pipelines.tables import as_text, plain_table
from pipelines.tuning.study import Trial
from recommender.evaluation.figures import decimals

SHOWN_TRIALS = 8

_ENDS = {
    "pruned": "given up after {took_s:.0f} s, behind the median of the others",
    "failed": "does not work: {reason}",
    "cut": "cut off after {took_s:.0f} s by the time limit{hint}; the next call begins with it",
}


_FLATTERED = (
    "Chosen on validation, where the best of many is flattered by chance:",
    "confirm it on the test days with `recommender evaluate`.",
)


def trial_line(trial: Trial, present: Mapping[str, Any]) -> str:
    """One trial in one line."""
    hint = ""
    if trial.needed_s is not None:
        hint = f", {enough_minutes(trial.needed_s)} would have done (--minutes)"
    end = _ENDS.get(trial.state, "").format(took_s=trial.took_s, reason=trial.reason, hint=hint)
    if trial.value is not None:
        end = f"{_decimal(trial.value)} in {trial.took_s:.0f} s"
    return f"Trial {trial.number}: {end} ({described(trial.values, present)})"


def enough_minutes(needed_s: float) -> str:
    """A time that is surely enough, in whole minutes.

    Example:
        >>> enough_minutes(51), enough_minutes(61)
        ('1 minute', '2 minutes')
    """
    # Under a tenth of room the next call would be cut at the same place.
    return counted(math.ceil(1.1 * needed_s / 60), "minute")


def counted(n: int, word: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "trial"), counted(2, "trial")
        ('1 trial', '2 trials')
    """
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def described(values: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """Values by what differs from the present ones.

    Example:
        >>> described({"softmax.dim": 64, "softmax.epochs": None}, {"softmax.dim": 100})
        'dim 64, epochs auto'
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
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def settings_lines(report: Mapping[str, Any]) -> str:
    """The chosen settings as lines of `recommender.toml`, those that change."""
    present, chosen = report["present_settings"], report["settings"]
    news = {name: value for name, value in chosen.items() if value != present[name]}
    left = [f"# without {name}" for name, value in news.items() if value is None]
    return "\n".join([changed_text("", news).strip("\n"), *left])


def _trials_table(report: Mapping[str, Any]) -> str:
    metrics, present = report["objective"]["mean_of"], report["present_settings"]
    questions = report["validation"]["queries"]
    chance = _decimal(report["standard_error"])
    title = f"Best trials on validation: {questions} questions, ± {chance} by chance"
    table = plain_table("trial", "value", *metrics, "MB", "s")
    table.add_column("")
    table.add_column("what differs from now")
    for trial in _shown(report):
        table.add_row(
            str(trial["number"]),
            _decimal(trial["value"]),
            *(_decimal(trial["metrics"][name]) for name in metrics),
            f"{trial['n_bytes'] / 1e6:.2f}",
            f"{trial['took_s']:.0f}",
            "chosen" if trial["number"] == report["chosen"] else "",
            described(trial["values"], present),
        )
    return f"{title}\n{as_text(table)}"


def _shown(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The best trials, and that of the present settings wherever it stands."""
    complete = [trial for trial in report["trials"] if trial["state"] == "complete"]
    ranked = sorted(complete, key=lambda trial: -trial["value"])
    others = [trial for trial in ranked[SHOWN_TRIALS:] if trial["number"] == report["present"]]
    return [*ranked[:SHOWN_TRIALS], *others]


def _influence_table(report: Mapping[str, Any]) -> str:
    table = plain_table("setting", "share", "now", "chosen", "in the best quarter")
    for name, entry in report["influence"].items():
        table.add_row(
            name,
            f"{entry['share']:.0%}",
            _plain(report["present_settings"][name]),
            _plain(report["settings"][name]),
            _span(entry["best_quarter"]),
        )
    title = "What each setting did: its share in the ups and downs of the trials, roughly"
    return f"{title}\n{as_text(table)}"


def _span(values: list[Any]) -> str:
    """Options one by one, numbers from the smallest to the largest."""
    between = " … " if isinstance(values[0], float) else ", "
    return between.join(dict.fromkeys(map(_plain, values)))


def _conclusion(report: Mapping[str, Any]) -> list[str]:
    n_complete = sum(trial["state"] == "complete" for trial in report["trials"])
    best, chosen, lead = report["best"], report["chosen"], report["lead"]
    if chosen == report["present"] and n_complete == 1:
        return ["Only the present settings were tried to the end; the next call goes on."]
    if chosen == report["present"]:
        return [f"Of {n_complete} trials none is better than the present settings: keep them."]
    why = f"the best of {n_complete}"
    if chosen != best:
        why = f"the smallest model within one standard error of the best of {n_complete}, {best}"
    lines = [f"Trial {chosen} is chosen: {why}."]
    if lead is not None:
        by, low, high = (decimals(lead[name], "+") for name in ("value", "low", "high"))
        chance = "" if lead["low"] > 0 else "; that may be chance"
        lines.append(f"It leads the present settings by {by} (95 %: {low} … {high}){chance}.")
    return [*lines, *_FLATTERED, *_what_to_do(report)]


def _what_to_do(report: Mapping[str, Any]) -> list[str]:
    if report["written"] is not None:
        return [f"Written to {report['written']}."]
    return ["To take it, add --write, or put into recommender.toml:", settings_lines(report)]


def _key(name: str) -> str:
    return name.partition(".")[2]


def _plain(value: Any) -> str:
    return "auto" if value is None else str(value)


def _decimal(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1)
