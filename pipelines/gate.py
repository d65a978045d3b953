"""The gate: a candidate is published only if a later day shows that it is no step back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recommender.evaluation.compare import Interval
from recommender.evaluation.figures import decimals
from recommender.evaluation.wording import page_exclusion
from recommender.settings import Exclusion

EXCLUSION: Exclusion = "current"
"""Judged as a page lives: its own product is never recommended."""
_TITLES = {"popularity": "popularity", "live": "the live model"}


@dataclass(frozen=True)
class Verdict:
    """What the gate decided, in words and numbers.

    Attributes:
        publish: Whether the candidate may go live.
        reason: One sentence.
        differences: MRR of the candidate less that of each rival.
    """

    publish: bool
    reason: str
    differences: dict[str, Interval]

    def as_json(self) -> dict[str, Any]:
        """For `run.json` and the manifest."""
        return {
            "publish": self.publish,
            "reason": self.reason,
            "exclude": EXCLUSION,
            "metric": "mrr@20",
            "differences": {
                name: {part: round(value, 4) for part, value in interval._asdict().items()}
                for name, interval in self.differences.items()
            },
        }


def decide(over_popularity: Interval | None, over_live: Interval | None) -> Verdict:
    """Judge by the paired 95 % intervals of the differences in MRR@20.

    Args:
        over_popularity: Candidate less popularity; refused unless its lower end is above 0. None
            where the shop chose popularity itself.
        over_live: Candidate less the live model; refused if its upper end is below 0. None
            without a live model.
    """
    rivals = {"popularity": over_popularity, "live": over_live}
    differences = {name: interval for name, interval in rivals.items() if interval is not None}
    if over_popularity is not None and over_popularity.low <= 0:
        reason = (
            "refused: the candidate does not beat popularity; "
            f"its MRR@20 is ahead by {_in_words(over_popularity)}, and the lower end is not above 0"
        )
        return Verdict(False, reason, differences)
    if over_live is not None and over_live.high < 0:
        reason = (
            "refused: the candidate is worse than the live model; "
            f"its MRR@20 is ahead by {_in_words(over_live)}, and the upper end is below 0"
        )
        return Verdict(False, reason, differences)
    ahead = [
        f"of {_TITLES[name]} by {_in_words(interval)}" for name, interval in differences.items()
    ]
    if not ahead:
        return Verdict(True, "popularity is what the shop chose, and nothing was live", differences)
    return Verdict(True, f"MRR@20 is ahead {', '.join(ahead)}", differences)


def _in_words(interval: Interval) -> str:
    value, low, high = (decimals(end, "+") for end in interval)
    return f"{value} (95 %: {low} … {high})"


def rivals_ahead(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models of a report that are surely better than its first one, the best of them first.

    The gate does not ask about them: what is better than popularity and than what is live is a
    step forward. Yet whoever reads the table wants to know that there is a longer one.

    Args:
        report: With the differences of the first model against the others.

    Returns:
        A record a model: `model`, `exclude`, `metric` and the `value`, `low`, `high` of the first
        model less it; all of `high` are below 0.
    """
    exclusion, metric = page_exclusion(report), f"mrr@{report['k']}"
    found = [
        {"model": entry["against"], "exclude": exclusion, "metric": metric, **lead}
        for entry in report["differences"]
        if entry["exclude"] == exclusion
        for lead in [entry["metrics"][metric]]
        if lead["high"] < 0
    ]
    return sorted(found, key=lambda one: one["value"])
