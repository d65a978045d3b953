"""Price curves: the figures of a density made by hand, whatever is known of the visit."""

import json
import math
from typing import Any

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.densities.visits import PriceList
from recommender.evaluation.price_curves import N_POINTS, price_curves
from recommender.evaluation.protocol import Queries
from recommender.evaluation.typical import Typical
from tests.small_prices import SCALE, TYPICAL, small_density

VOCABULARY = Vocabulary(["dear", "cheap", "twin", "unpriced", "unlisted"])
# In another order than the models', with a product too rare for them.
PRICES = PriceList.of(
    ["rare", "unpriced", "cheap", "twin", "dear"],
    {"rare": 3.0, "cheap": 19.95, "twin": 19.95, "dear": 1234.99},
)


def curves_of(visits: list[list[int]], targets: list[int], scale: float = SCALE) -> list[Any]:
    n = len(visits)
    queries = Queries(
        sessions_from_lists(visits), np.array(targets, np.int32), np.arange(n, dtype=np.int64), n
    )
    typical = [Typical("any", at) for at in range(n)]
    found = price_curves(queries, typical, VOCABULARY, small_density(scale), PRICES)
    json.dumps(found, allow_nan=False)
    return found


def mass(curve: dict[str, Any]) -> float:
    prices, heights = np.array(curve["points"]).T
    return float(np.trapezoid(heights, np.log(prices)))


def test_one_seen_price_gives_the_bell_around_it() -> None:
    (curve,) = curves_of([[1]], [0])
    assert curve["median"] == 19.95
    for share, z in (("50", 0.67449), ("90", 1.64485)):
        found = curve["intervals"][share]
        assert found["low"] == pytest.approx(19.95 * math.exp(-z * SCALE), rel=1e-3)
        assert found["high"] == pytest.approx(19.95 * math.exp(z * SCALE), rel=1e-3)
    assert (curve["seen"], curve["next"]) == ([19.95], 1234.99)
    top = max(curve["points"], key=lambda point: point[1])
    assert top[0] == pytest.approx(19.95, rel=2e-3)
    assert top[1] == pytest.approx(1 / (SCALE * math.sqrt(2 * math.pi)), rel=1e-2)


@pytest.mark.parametrize("scale", [0.025, 0.1, 1.0])
def test_curves_hold_nearly_all_mass_in_few_points(scale: float) -> None:
    for curve in curves_of([[1, 0], [0], [3]], [0, 2, 1], scale):
        prices = [price for price, _ in curve["points"]]
        assert prices == sorted(set(prices))
        assert 2 < len(prices) <= N_POINTS
        assert mass(curve) == pytest.approx(1, abs=0.025)
        ends = curve["intervals"]
        assert (prices[0] < ends["90"]["low"] < ends["50"]["low"] < curve["median"]
                < ends["50"]["high"] < ends["90"]["high"] < prices[-1])  # fmt: skip
        assert prices[-1] > 3.9 * prices[0], "room for three round numbers"


def test_everything_that_is_drawn_lies_on_the_axis() -> None:
    (curve,) = curves_of([[0]], [1])
    assert curve["points"][0][0] < 19.95 < 1234.99 < curve["points"][-1][0]


def test_seen_prices_come_once_oldest_first() -> None:
    (curve,) = curves_of([[0, 1, 3, 2, 4, 0]], [1])
    assert curve["seen"] == [1234.99, 19.95]


@pytest.mark.parametrize("item", [3, 4])
def test_products_without_a_price(item: int) -> None:
    (curve,) = curves_of([[item]], [item])
    assert (curve["seen"], curve["next"]) == ([], None)
    assert curve["median"] == TYPICAL


def test_each_visit_has_its_own_curve() -> None:
    together = curves_of([[0], [1], [3]], [1, 1, 1])
    assert [one["median"] for one in together] == [1235, 19.95, TYPICAL]
    assert together == [curves_of([visit], [1])[0] for visit in ([0], [1], [3])]


def test_no_visit_no_curve() -> None:
    assert curves_of([], []) == []
