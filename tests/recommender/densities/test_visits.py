"""Pages of visits, what came after them, and what a shop's page can say."""

import numpy as np
import pytest

from recommender.data.marks import CART, PURCHASE, WITHIN
from recommender.densities.targets import SHORTEST_S, next_log_prices, pauses_s, purchases
from recommender.densities.visits import (
    UNKNOWN,
    PriceList,
    Visits,
    every_page,
    seen_marks,
    visit_of_ids,
    whole_visits,
)

PRICES = PriceList.of(["a", "b", "c", "d"], {"a": 1.0, "b": 0.0, "d": -1.0}, {"b": np.e, "a": 9.0})


def visits(items: list[int], starts: list[int], **more) -> Visits:
    return Visits(np.array(items, np.int32), np.array(starts, np.int64), **more)


def test_a_product_costs_what_the_first_source_says_that_knows_it() -> None:
    assert np.allclose(PRICES.log_prices, [0, 1, np.nan, np.nan], equal_nan=True)
    assert np.allclose(PRICES.prices_of(["b", "z"]), [1, np.nan], equal_nan=True)
    assert np.isnan(PriceList.of([]).rows_of(np.array([UNKNOWN], np.int32))).all()


def test_pages_are_the_steps_and_the_next_price_may_be_unknown() -> None:
    pages = every_page(visits([1, 0, 2, UNKNOWN, 0], [0, 3, 3, 5]))
    assert pages.visit.tolist() == [0, 0, 0, 2, 2]
    assert pages.n_seen.tolist() == [1, 2, 3, 1, 2]
    assert pages.last_step.tolist() == [0, 1, 2, 3, 4]
    came = next_log_prices(pages, PRICES)
    assert np.allclose(came, [0, np.nan, np.nan, 0, np.nan], equal_nan=True)


def test_pauses_are_to_the_next_step_and_never_nothing() -> None:
    times = np.array([0, 0, 3_000_000, 9_000_000], np.int64)
    pages = every_page(visits([0, 1, 0, 0], [0, 3, 4], times_us=times))
    assert np.allclose(pauses_s(pages), [SHORTEST_S, 3, np.nan, np.nan], equal_nan=True)
    with pytest.raises(ValueError, match="times"):
        pauses_s(every_page(visits([0], [0, 1])))


def test_a_purchase_is_asked_for_until_one_is_seen() -> None:
    within = PURCHASE << WITHIN
    marks = np.array([0, within, 0, 0, PURCHASE, CART, 0, within, PURCHASE], np.uint8)
    found = purchases(every_page(visits([0] * 9, [0, 4, 7, 9], marks=marks)))
    # Its page opened before the purchase within it, so there it still lies ahead.
    assert found.bought.tolist() == [True, True, False, False, False, False, False, True, False]
    assert found.is_open.tolist() == [True, True, False, False, False, False, False, True, False]
    with pytest.raises(ValueError, match="marks"):
        purchases(every_page(visits([0], [0, 1])))


def test_of_the_page_itself_only_its_beginning_is_known() -> None:
    marks = np.array([PURCHASE << WITHIN, CART, CART << WITHIN], np.uint8)
    assert seen_marks(marks, np.array([False] * 3)).tolist() == [PURCHASE, CART, CART]
    assert seen_marks(marks, np.array([True] * 3)).tolist() == [0, CART, 0]


def test_a_shops_page_may_know_cart_and_times() -> None:
    visit = visit_of_ids(["b", "?", "a"], PRICES.products, cart=["a"])
    assert visit.items.tolist() == [1, UNKNOWN, 0]
    assert visit.marks is not None
    assert visit.marks.tolist() == [0, 0, CART]
    assert visit.times_us is None
    assert visit_of_ids([], PRICES.products).marks is None
    assert whole_visits(visit_of_ids([], PRICES.products)).n_seen.tolist() == [0]
    with pytest.raises(ValueError, match="2 products came with 1 times"):
        visit_of_ids(["a", "b"], PRICES.products, times_us=np.array([1]))
