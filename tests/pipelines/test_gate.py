"""The gate's rule, at its edges."""

from typing import Any

import pytest

from pipelines.gate import decide, rivals_ahead
from recommender.evaluation.compare import Interval
from recommender.evaluation.figures import MINUS
from recommender.evaluation.wording import behind_words, gate_words

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
    assert f"{MINUS}.021 (95 %: {MINUS}.040 … {MINUS}.010)" in verdict.reason
    assert verdict.as_json()["differences"]["live"]["high"] == -0.01


def report_with(**highs: float) -> dict[str, Any]:
    """Leads of `softmax` over others, each an interval .02 wide, by its upper end."""
    differences = [
        {"model": "softmax", "against": name, "exclude": exclusion,
         "metrics": {"mrr@20": {"value": high - 0.01, "low": high - 0.02, "high": high}}}
        for exclusion in ("none", "current")
        for name, high in highs.items()
    ]  # fmt: skip
    models = [
        {"name": name, "metrics": {"none": {}, "current": {}}} for name in ("softmax", *highs)
    ]
    return {"k": 20, "models": models, "differences": differences}


def test_a_rival_that_is_surely_better_is_named() -> None:
    report = report_with(popularity=0.3, sequential_rules=-0.001, markov=-0.05, word2vec=0.0)
    ahead = rivals_ahead(report)
    assert [one["model"] for one in ahead] == ["markov", "sequential_rules"], "the best one first"
    assert {one["exclude"] for one in ahead} == {"current"}
    assert ahead[0]["high"] == -0.05
    gate = {**decide(AHEAD, None).as_json(), "behind": ahead}
    (said,) = behind_words(gate)
    assert said.startswith("Yet it is behind markov, which recommends what others opened")
    assert "ahead in MRR@20 by .060 (95 %: .050 … .070): set model.name" in said
    assert said in gate_words(gate)[1]
    assert behind_words({**gate, "publish": False}) == [], "it does not go live anyway"
    assert behind_words({"publish": True}) == [], "a report of an earlier version"
    assert rivals_ahead(report_with(popularity=0.3)) == []
