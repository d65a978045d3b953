"""Prices from the event log."""

from pathlib import Path

import pytest

from recommender.data.prices import logged_prices
from recommender.errors import DataError

SECOND = 1_000_000


def test_the_median_of_what_was_known_at_a_time(write_log) -> None:
    prices = [(1, "a", 5.0), (2, "a", 9.0), (3, "a", 6.0), (4, "b", 0.0), (5, "b", None),
              (6, "c", float("inf")), (7, "d", 2.5), (8, "a", 1000.0)]  # fmt: skip
    events_dir = write_log(
        *({"at": at, "item_id": item, "price": price} for at, item, price in prices)
    )
    assert logged_prices(events_dir).prices == {"a": 7.5, "d": 2.5}
    assert logged_prices(events_dir, 8 * SECOND).prices == {"a": 6.0, "d": 2.5}
    assert logged_prices(events_dir, 7 * SECOND).prices == {"a": 6.0}
    assert logged_prices(events_dir, 1).prices == {}


def test_one_currency_counts_and_names_are_only_names(write_log) -> None:
    currencies = ["EUR", "eur", "USD", "US'D", "EUR"]
    events_dir = write_log(
        *({"at": n, "item_id": f"i'{n}", "price": n + 1.0, "currency": currency}
          for n, currency in enumerate(currencies))
    )  # fmt: skip
    assert logged_prices(events_dir).prices == {"i'0": 1.0, "i'1": 2.0, "i'4": 5.0}


def test_a_log_that_is_not_there_names_no_price(tmp_path: Path) -> None:
    assert logged_prices(tmp_path / "none").prices == {}


def test_a_damaged_log_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "2026-03-01").mkdir()
    (tmp_path / "2026-03-01" / "half.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be"):
        logged_prices(tmp_path)
