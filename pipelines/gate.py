"""The gate: a candidate is published only if a later day shows that it is no step back."""

from dataclasses import dataclass
from typing import Any

from recommender.evaluation.compare import Interval
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
    return f"{interval.value:+.4f} (95 %: {interval.low:+.4f} … {interval.high:+.4f})"
