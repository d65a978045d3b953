"""What the next product of each typical visit is expected to cost, and what it did cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import select_sessions
from recommender.data.vocabulary import Vocabulary
from recommender.densities.features import Features, features_of
from recommender.densities.price import PriceDensity
from recommender.densities.visits import PriceList, Visits, whole_visits
from recommender.evaluation.protocol import Queries
from recommender.evaluation.typical import Typical

N_POINTS = 72
"""Of a curve: those that a line through them needs most."""
_SHARES = (0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995)
"""The ends of a curve, of the 90 % and of the 50 % interval, and the median."""
_FINE = 1001
_FARTHEST = 25.0
_EVEN = 17
"""Points of a curve before any is chosen."""
_LEAST_RANGE = np.log(4)
"""A narrower axis would have no three round numbers."""
_EDGE = 0.03


def price_curves(
    queries: Queries,
    typical: Sequence[Typical],
    vocabulary: Vocabulary,
    density: PriceDensity,
    prices: PriceList,
) -> list[dict[str, Any]]:
    """Ask the density of each typical visit; as in ranking, it knows the products seen alone.

    Args:
        queries: What models are asked.
        typical: Those that a report shows.
        vocabulary: Of the queries' items.
        density: Of the next product's log price, learned before the test.
        prices: What products cost, as known then.

    Returns:
        One entry a visit: `median`; `intervals`, by percent, with `low` and `high`; `points` of
        the curve, pairs of price and density per log price; `seen`, the different prices of the
        visit, oldest first; `next`, the price of what came, None where it is not known.
    """
    chosen = np.array([one.query for one in typical], np.int64)
    sessions = select_sessions(queries.sessions, chosen)
    rows = prices.products.numbers_of(vocabulary.item_ids)
    visits = Visits(rows[sessions.items], sessions.starts)
    features = features_of(whole_visits(visits), prices)
    quantiles = density.quantiles(features, _SHARES)
    came = prices.rows_of(rows[queries.targets[chosen]]).astype(np.float64)
    entries = []
    for at in range(len(typical)):
        seen = prices.rows_of(rows[sessions.session(at)]).astype(np.float64)
        known = [float(one) for one in (*seen, came[at]) if np.isfinite(one)]
        own = Features(*(array[at : at + 1] for array in features))
        entries.append(
            {
                **_quantile_entry(quantiles[at]),
                "points": _points(density, own, [*quantiles[at, [0, -1]], *known]),
                "seen": list(dict.fromkeys(_price(one, 6) for one in seen if np.isfinite(one))),
                "next": _price(came[at], 6) if np.isfinite(came[at]) else None,
            }
        )
    return entries


def _quantile_entry(log_prices: NDArray[np.float64]) -> dict[str, Any]:
    low90, low50, median, high50, high90 = (_price(one) for one in log_prices[1:-1])
    return {
        "median": median,
        "intervals": {
            "50": {"low": low50, "high": high50},
            "90": {"low": low90, "high": high90},
        },
    }


def _points(
    density: PriceDensity, features: Features, log_prices: Sequence[float]
) -> list[list[float]]:
    """The curve over an axis that holds some log prices, in at most `N_POINTS` points."""
    low, high = min(log_prices), max(log_prices)
    edge = max(_EDGE * (high - low), (_LEAST_RANGE - (high - low)) / 2)
    fine = np.linspace(low - edge, high + edge, _FINE)
    heights = np.exp(density.log_prob_at(features, fine)[0])
    return [
        [_price(fine[at], 5), float(f"{heights[at]:.4g}")]
        for at in _most_telling(fine, heights, N_POINTS)
    ]


def _most_telling(
    x: NDArray[np.float64], y: NDArray[np.float64], n_points: int
) -> NDArray[np.int64]:
    """Some evenly spread, then one by one where the line through all so far is farthest off."""
    kept = np.linspace(0, len(x) - 1, _EVEN).round().astype(np.int64)
    while len(kept) < n_points:
        farthest = np.abs(np.interp(x, x[kept], y[kept]) - y).argmax()
        if farthest in kept:
            break
        kept = np.union1d(kept, farthest)
    return kept


def _price(log_price: float, digits: int = 4) -> float:
    # Tails may reach to where no float is.
    return float(f"{np.exp(np.clip(log_price, -_FARTHEST, _FARTHEST)):.{digits}g}")
