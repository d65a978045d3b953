"""The gate's rule, at its edges."""

import pytest

from pipelines.gate import decide
from recommender.evaluation.compare import Interval

AHEAD = Interval(0.02, 0.01, 0.03)


@pytest.mark.parametrize(
    ("over_popularity", "over_live", "publish"),
    [
        (AHEAD, None, True),
        (Interval(0.02, 1e-9, 0.03), None, True),
        (Interval(0.02, 0.0, 0.03), None, False),
        (Interval(-0.02, -0.03, -0.01), None, False),
        (AHEAD, AHEAD, True),
        (AHEAD, Interval(-0.01, -0.02, 0.0), True),
        (AHEAD, Interval(-0.01, -0.02, -1e-9), False),
        (Interval(0.01, -0.01, 0.02), AHEAD, False),
        (None, None, True),
        (None, Interval(-0.02, -0.03, -0.01), False),
        (None, AHEAD, True),
    ],
)
def test_who_may_go_live(
    over_popularity: Interval | None, over_live: Interval | None, publish: bool
) -> None:
    verdict = decide(over_popularity, over_live)
    assert verdict.publish is publish
    assert verdict.reason.startswith("refused") is not publish


def test_the_reason_has_the_numbers() -> None:
    verdict = decide(AHEAD, Interval(-0.0213, -0.04, -0.01))
    assert "worse than the live model" in verdict.reason
    assert "-0.0213 (95 %: -0.0400 … -0.0100)" in verdict.reason
    assert verdict.as_json()["differences"]["live"]["high"] == -0.01
