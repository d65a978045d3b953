"""What a visit tells, worked by hand."""

import numpy as np
import pytest

from recommender.data.marks import CART, PURCHASE, WITHIN
from recommender.densities.features import (
    N_ANCHORS,
    WINDOW,
    features_of,
    without_times_and_marks,
)
from recommender.densities.visits import (
    UNKNOWN,
    PriceList,
    Visits,
    every_page,
    visit_of_ids,
    whole_visits,
)

IDS = [f"p{row}" for row in range(6)]
PRICES = PriceList.of(IDS, {"p0": 1.0, "p1": np.exp(2.0), "p2": np.exp(0.5), "p3": 1.0})


def visit(*items: int, **more) -> Visits:
    return Visits(np.array(items, np.int32), np.array([0, len(items)]), **more)


def test_prices_stand_as_differences_to_the_newest_known_one() -> None:
    # From the newest: unknown, 2, unknown product, 0.5; the known mean is 1.25.
    found = features_of(whole_visits(visit(2, UNKNOWN, 1, 5)), PRICES)
    columns = found.columns[0]
    assert columns[0] == 2
    assert columns[1:8].tolist() == [0, 0, -1.5, 0, 0, 0, 0]
    assert columns[8:16].tolist() == [0, 1, 0, 1, 0, 0, 0, 0]
    assert np.allclose(columns[16:20], [-0.75, 0.75, -1.5, 0])
    anchors = [np.nan, 2, np.nan, 0.5, *[np.nan] * (N_ANCHORS - 4)]
    assert np.allclose(found.anchors[0], anchors, equal_nan=True)


def test_equal_prices_make_one_anchor() -> None:
    found = features_of(whole_visits(visit(1, 3, 0, 1, 0)), PRICES)
    anchors = [0, 2, *[np.nan] * (N_ANCHORS - 2)]
    assert np.allclose(found.anchors[0], anchors, equal_nan=True)


def test_the_course_counts_products_and_returns() -> None:
    def course(*items: int) -> list[float]:
        return features_of(whole_visits(visit(*items)), PRICES).columns[0, 20:30].tolist()

    there_and_back = course(0, 1, 0)
    assert np.allclose(there_and_back[:4], [np.log(4), np.log(2), np.log(1.5), 1])
    assert there_and_back[4:] == [0, 1, 0, 0, 0, 0]
    # Products without a row are taken for different ones.
    assert np.allclose(course(UNKNOWN, UNKNOWN)[:4], [np.log(3), np.log(2), 0, 0])


def test_times_and_marks_are_told_where_they_are_known() -> None:
    hour_us = 3_600_000_000
    times = np.array([6 * hour_us, 6 * hour_us, 6 * hour_us + 20_000_000], np.int64)
    marks = np.array([CART << WITHIN, 0, CART | PURCHASE << WITHIN], np.uint8)
    known = features_of(whole_visits(visit(0, 1, 2, times_us=times, marks=marks)), PRICES)
    told = known.columns[0, -13:]
    # Known, newest pause, the one before (counts as one second), their mean, since the start, hour.
    assert np.allclose(told[:5], [1, np.log(20), 0, np.log(20) / 2, np.log(21)])
    assert np.allclose(told[5:7], [1, 0], atol=2e-3)
    # Known, carts, purchases, cart now, purchase now, purchase before.
    assert np.allclose(told[7:], [1, np.log(3), 0, 1, 0, 0])
    bare = features_of(whole_visits(visit(0, 1, 2)), PRICES)
    assert not bare.columns[0, -13:].any()
    assert np.array_equal(without_times_and_marks(known.columns), bare.columns)


def test_a_page_in_a_log_is_the_same_visit_asked_alone() -> None:
    random = np.random.default_rng(0)
    items = random.integers(-1, 6, 60).astype(np.int32)
    times = np.cumsum(random.integers(0, 90_000_000, 60))
    marks = np.where(np.arange(60) % 7 == 0, CART, 0).astype(np.uint8)
    log = Visits(items, np.array([0, 1, 35, 60]), times, marks)
    pages = every_page(log)
    together = features_of(pages, PRICES)
    for place in (0, 1, 5, 34, 35, 59):
        start, end = log.starts[pages.visit[place]], pages.last_step[place] + 1
        alone = Visits(
            items[start:end], np.array([0, end - start]), times[start:end], marks[start:end]
        )
        one = features_of(whole_visits(alone), PRICES)
        assert np.array_equal(one.columns[0], together.columns[place])
        assert np.array_equal(one.anchors[0], together.anchors[place], equal_nan=True)


@pytest.mark.parametrize("item_ids", [[], ["?"], ["p5"], ["p0"] * (WINDOW + 5), ["p1", "?", "p5"]],
                         ids=["empty", "unknown", "no price", "one product", "mixed"])  # fmt: skip
def test_every_visit_can_be_told(item_ids: list[str]) -> None:
    for times in (None, np.zeros(len(item_ids), np.int64)):
        asked = visit_of_ids(item_ids, PRICES.products, cart=["p0"], times_us=times)
        assert np.isfinite(features_of(whole_visits(asked), PRICES).columns).all()


def test_a_shop_without_prices_has_the_other_columns() -> None:
    nothing = PriceList.of(IDS)
    found = features_of(whole_visits(visit(0, 1, 0)), nothing)
    assert not found.columns[0, :20].any()
    assert found.columns[0, 20:24].all()
    assert np.isnan(found.anchors).all()
