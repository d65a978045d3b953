"""Import of public data sets; their figures were counted by other means."""

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.realdata


def test_rees46_electronics(realdata, take, log, tmp_path):
    path = realdata / "clicks" / "rees46_electronics_2021-01_02_events.parquet"
    maps = "session_id=session_id,item_id=product_id,event_time=ts,event_name=event"
    counts = take(path, maps)

    assert (counts.rows, counts.imported, counts.refused) == (103_193, 103_193, {})
    assert counts.unknown_names == {}
    (summary,) = log(
        "count(*)",
        "count(DISTINCT event_id)",
        "count(DISTINCT session_id)",
        "count(DISTINCT item_id)",
    )
    assert summary == (103_193, 103_193, 27_903, 18_700)

    table = pq.read_table(path)
    pyarrow.csv.write_csv(
        table.select(["event", "ts", "product_id", "session_id", "price"]), tmp_path / "a.csv"
    )
    again = take(tmp_path / "a.csv", maps)
    assert (again.imported, again.duplicates) == (0, 103_193)


def test_retailrocket_keeps_its_doubles(realdata, take, log):
    path = realdata / "clicks" / "retailrocket_2015-09_events.parquet"
    counts = take(path, "event_time=ts,event_name=event")

    assert (counts.rows, counts.imported, counts.refused) == (46_547, 46_547, {})
    contents = log("visitor_id", "event_name", "event_time::VARCHAR", "item_id")
    assert len(contents) - len(set(contents)) == 197
    assert set(log("event_name")) == {("view_item",), ("add_to_cart",), ("purchase",)}
    assert take(path, "event_time=ts,event_name=event").imported == 0


def test_yoochoose_has_no_event_column(realdata, take, log):
    path = realdata / "clicks" / "yoochoose_raw_clicks.parquet"
    counts = take(path, "event_name==view_item,event_time=ts_ms")

    assert (counts.rows, counts.imported, counts.refused) == (418_968, 418_968, {})
    assert log(
        "count(*)", "strftime(min(event_time), '%Y-%m')", "strftime(max(event_time), '%Y-%m')"
    ) == [(418_968, "2014-04", "2014-09")]


def test_online_retail_has_odd_ids(realdata, take, log):
    path = realdata / "baskets" / "online_retail.parquet"
    maps = (
        "event_name==purchase,event_time=ts,item_id=stock_code,price=unit_price,"
        "visitor_id=customer_id,session_id=invoice,transaction_id=invoice"
    )
    counts = take(path, maps)

    assert counts.rows == 541_909
    assert counts.rows == counts.imported + sum(counts.refused.values())
    assert ("BANK CHARGES",) in log("item_id")
    assert all(not visitor.endswith(".0") for (visitor,) in set(log("visitor_id")) if visitor)
