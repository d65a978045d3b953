"""The simulated shop: the same seed gives the same files, and what was promised is in them."""

import csv
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.commands.simulate import simulate
from pipelines.simulate.workspace import Plan
from pipelines.simulate.workspace import simulate as write_shop
from recommender.catalog.product import Product
from recommender.cli import cli
from recommender.configuration import load_settings
from recommender.data.events import EVENT_NAMES, ITEM_EVENT_NAMES

UNTIL = date(2026, 3, 31)


def run(folder: Path, *arguments: str) -> Result:
    # Through the group, as a user would: there errors become sentences and exit codes.
    cli.add_command(simulate)
    return CliRunner().invoke(cli, ["--json", "simulate", str(folder), *arguments])


def make(folder: Path, *arguments: str) -> dict[str, Any]:
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.stderr
    counts: dict[str, Any] = json.loads(result.stdout)
    return counts


def content(folder: Path, pattern: str = "**/*") -> dict[str, bytes]:
    paths = (path for path in folder.glob(pattern) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def events_of(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("source/events-*.ndjson"))
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def feed_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "source/products.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def truth_of(folder: Path, name: str) -> Any:
    return json.loads((folder / f"truth/{name}.json").read_text("utf-8"))


def time_of(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["event_time"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    make(folder, "--until", str(UNTIL))
    return folder


@pytest.fixture(scope="module")
def events(shop: Path) -> list[dict[str, Any]]:
    return events_of(shop)


SMALL = ("--products", "60", "--visitors", "40", "--days", "6")


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path / name, *SMALL, "--until", "2026-03-31", "--seed", "7")
    make(tmp_path / "c", *SMALL, "--until", "2026-03-31", "--seed", "8")
    a, b, c = (content(tmp_path / name) for name in "abc")
    assert a == b
    assert not {name for name in a if name.startswith("source/") and a[name] == c.get(name)}


def test_later_until_adds_days_and_leaves_the_others(tmp_path: Path) -> None:
    first = make(tmp_path, *SMALL, "--until", "2026-03-31")
    before = content(tmp_path, "source/events-*")
    second = make(tmp_path, *SMALL, "--until", "2026-04-02")
    after = content(tmp_path, "source/events-*")
    assert (first["new_days"], second["new_days"]) == (6, 2)
    assert set(after) - set(before) == {f"source/events-2026-04-0{day}.ndjson" for day in (1, 2)}
    assert {name: after[name] for name in before} == before


def test_a_day_is_the_same_whenever_the_log_begins(tmp_path: Path) -> None:
    make(tmp_path / "long", *SMALL, "--until", "2026-03-31")
    make(tmp_path / "short", *SMALL[:4], "--days", "2", "--until", "2026-03-31")
    long, short = (content(tmp_path / name, "source/events-*") for name in ("long", "short"))
    assert len(short) == 2
    assert all(long[name] == short[name] for name in short)


def test_an_edited_day_is_not_touched(tmp_path: Path) -> None:
    make(tmp_path, *SMALL, "--until", "2026-03-31")
    day = tmp_path / "source/events-2026-03-31.ndjson"
    day.write_text("")
    assert make(tmp_path, *SMALL, "--until", "2026-04-01")["new_days"] == 1
    assert day.read_text() == ""


def test_nothing_new_says_so(tmp_path: Path) -> None:
    make(tmp_path, *SMALL, "--until", "2026-03-31")
    before = content(tmp_path)
    arguments = ["simulate", str(tmp_path), *SMALL, "--until", "2026-03-30"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0
    assert "already; nothing was added" in result.stderr
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("--seed", "1"), "--seed 0, not 1"), (("--products", "70"), "--products 60, not 70")],
)
def test_another_shop_is_refused(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    make(tmp_path, *SMALL, "--until", "2026-03-31")
    before = content(tmp_path)
    result = run(tmp_path, *SMALL, "--until", "2026-04-01", *arguments)
    assert result.exit_code == 1
    assert says in result.stderr
    assert content(tmp_path) == before


def test_a_real_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recommender.toml").write_text("schema_version = 1\n")
    result = run(tmp_path, *SMALL)
    assert result.exit_code == 1
    assert "was not simulated" in result.stderr
    assert not (tmp_path / "source").exists()


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"since": 1, "until": 2}'])
def test_damaged_plan_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/plan.json").write_text(text)
    result = run(tmp_path, *SMALL)
    assert result.exit_code == 1
    assert "plan.json cannot be read" in result.stderr


def test_interrupted_run_is_finished_by_the_next(tmp_path: Path) -> None:
    plan = Plan(seed=0, products=60, visitors=40, since=UNTIL - timedelta(days=4), until=UNTIL)
    write_shop(tmp_path / "whole", plan)

    def stop(day: date, done: int, n_days: int) -> None:
        assert n_days == 5
        if day == UNTIL - timedelta(days=2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shop(tmp_path / "halves", plan, stop)
    assert not (tmp_path / "halves/recommender.toml").exists()
    assert write_shop(tmp_path / "halves", plan)["new_days"] == 2
    assert content(tmp_path / "halves") == content(tmp_path / "whole")


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("")
    result = run(tmp_path, *SMALL, "--until", "2026-03-31")
    assert result.exit_code == 1
    assert "pictures cannot be written" in result.stderr


def test_today_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, *SMALL, "--until", str(datetime.now(UTC).date()))
    assert result.exit_code == 2
    assert "not over yet" in result.stderr


@pytest.mark.parametrize("until", ["1999-12-31", "31.03.2026"])
def test_impossible_days_are_refused(tmp_path: Path, until: str) -> None:
    assert run(tmp_path, *SMALL, "--until", until).exit_code == 2


def test_default_ends_yesterday(tmp_path: Path) -> None:
    counts = make(tmp_path, *SMALL)
    assert date.fromisoformat(counts["until"]) >= datetime.now(UTC).date() - timedelta(days=2)


def test_size(shop: Path, events: list[dict[str, Any]], tmp_path: Path) -> None:
    counts = make(shop, "--until", str(UNTIL))
    assert counts["events"] == len(events)
    assert 9_000 <= counts["visits"] <= 12_000
    assert 50_000 <= counts["events"] <= 75_000
    assert 600 <= counts["products"] <= 660
    larger = make(tmp_path, "--products", "1200", "--visitors", "600", "--days", "3")
    a_day = counts["events"] / 30
    assert 1.5 < larger["events"] / 3 / a_day < 2.6
    assert 1150 < larger["products"] < 1250


def test_events_follow_the_conventions(shop: Path, events: list[dict[str, Any]]) -> None:
    known = {row["id"] for row in feed_of(shop)}
    assert len({event["event_id"] for event in events}) == len(events)
    for event in events:
        assert event["event_name"] in EVENT_NAMES
        assert event["event_time"].endswith("Z")
        assert event["visitor_id"]
        assert event["consent"] in ("granted", "denied")
        assert event["page_location"].startswith("https://shop.example/")
        item_ids = [item["item_id"] for item in event["items"]]
        assert bool(item_ids) == (event["event_name"] != "search")
        assert known.issuperset(item_ids)
        if event["event_name"] in ITEM_EVENT_NAMES - {"purchase"}:
            assert len(item_ids) == 1


def test_a_file_holds_its_day_in_order(shop: Path) -> None:
    for path in shop.glob("source/events-*.ndjson"):
        times = [json.loads(line)["event_time"] for line in path.read_text("utf-8").splitlines()]
        assert times == sorted(times)
        assert {time[:10] for time in times} == {path.stem.removeprefix("events-")}


def test_visits_cross_midnight_and_come_back(events: list[dict[str, Any]]) -> None:
    times = defaultdict(list)
    for event in events:
        times[event["visitor_id"]].append(time_of(event))
    pauses = [(b - a, a, b) for seen in times.values() for a, b in pairwise(seen)]
    assert sum(p < timedelta(minutes=30) and a.date() < b.date() for p, a, b in pauses) > 20
    assert sum(timedelta(hours=3) < p < timedelta(hours=20) for p, _, _ in pauses) > 1000


def test_feed_is_read_as_products(shop: Path) -> None:
    rows = feed_of(shop)
    categories = truth_of(shop, "categories")
    for row in rows:
        price, currency = row.pop("price").split()
        path = row.pop("product_type")
        fields = {name: value for name, value in row.items() if value}
        listed = path.split(" > ") if path else []
        product = Product(price=float(price), currency=currency, product_type=listed, **fields)  # type: ignore[arg-type]
        assert product.product_type in ([], categories[product.id])
        assert (shop / product.image_link.removeprefix("/")).is_file()  # type: ignore[union-attr]
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({tuple(path) for path in categories.values()}) == 24
    assert {len(path) for path in categories.values()} == {2, 3}


def test_one_product_in_ten_lacks_its_category(shop: Path) -> None:
    rows = feed_of(shop)
    missing = [row["id"] for row in rows if not row["product_type"]]
    assert missing == truth_of(shop, "missing_product_type")
    assert 0.08 < len(missing) / len(rows) < 0.12


def test_complements_cross_categories_and_are_followed(
    shop: Path, events: list[dict[str, Any]]
) -> None:
    pairs = {p["item_id"]: p["complement_id"] for p in truth_of(shop, "complements")}
    categories = truth_of(shop, "categories")
    assert len(pairs) > 100
    assert all(categories[a] != categories[b] for a, b in pairs.items())
    seen, followed = Counter[str](), Counter[str]()
    views = [(e["visitor_id"], e["items"][0]["item_id"]) for e in views_by_visitor(events)]
    for (visitor, item), *later in zip(views, views[1:], views[2:], strict=False):
        seen[item] += 1
        followed[item] += (visitor, pairs.get(item, "")) in later
    # Far above chance: some 600 products share what is left.
    assert sum(followed[a] / seen[a] > 0.05 for a in pairs) > 0.95 * len(pairs)
    assert sum(followed.values()) > 0.1 * sum(seen[a] for a in pairs)


def test_robots_and_only_robots_are_too_fast(shop: Path, events: list[dict[str, Any]]) -> None:
    times = defaultdict(list)
    for event in events:
        times[event["visitor_id"]].append(time_of(event).timestamp())
    fast = {
        visitor
        for visitor, seen in times.items()
        if any(b - a <= 60 for a, b in zip(seen, seen[60:], strict=False))
    }
    assert fast == set(truth_of(shop, "robots"))
    assert len(fast) >= 30


def test_new_products_have_no_past(shop: Path, events: list[dict[str, Any]]) -> None:
    new = truth_of(shop, "new_products")
    first: dict[str, str] = {}
    for event in events:
        for item in event["items"]:
            first.setdefault(item["item_id"], event["event_time"][:10])
    assert len(new) >= 4
    assert all(first[item] >= came > str(UNTIL - timedelta(days=4)) for item, came in new.items())


def test_sold_out_products_are_not_looked_at(shop: Path, events: list[dict[str, Any]]) -> None:
    sold_out = truth_of(shop, "sold_out")
    stock = {row["id"]: row["availability"] for row in feed_of(shop)}
    assert {item for item, state in stock.items() if state == "out_of_stock"} == set(sold_out)
    assert len(sold_out) >= 20
    touched = set()
    for event in events:
        for item in event["items"]:
            if event["event_name"] != "refund" and item["item_id"] in sold_out:
                touched.add(item["item_id"])
                assert event["event_time"][:10] <= sold_out[item["item_id"]]
    assert touched


def test_what_else_was_promised_is_there(shop: Path, events: list[dict[str, Any]]) -> None:
    names = Counter(event["event_name"] for event in events)
    assert names["search"] > 500
    assert names["add_to_cart"] > names["purchase"] > 500
    assert names["refund"] > 20
    assert any(len(e["items"]) > 1 for e in events if e["event_name"] == "purchase")
    bought = {e["transaction_id"] for e in events if e["event_name"] == "purchase"}
    back = [e["transaction_id"] for e in events if e["event_name"] == "refund"]
    # Only what was bought before the first day can be missing.
    assert sum(order in bought for order in back) >= len(back) - 5
    denied = {e["visitor_id"] for e in events if e["consent"] == "denied"}
    assert denied <= set(truth_of(shop, "denied"))
    assert len(denied) > 50
    assert len(truth_of(shop, "two_aims")) > 500
    assert count_reloads(events) > 1000


def views_by_visitor(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    views = [event for event in events if event["event_name"] == "view_item"]
    return sorted(views, key=lambda event: (event["visitor_id"], event["event_time"]))


def count_reloads(events: list[dict[str, Any]]) -> int:
    views = views_by_visitor(events)
    return sum(
        a["visitor_id"] == b["visitor_id"]
        and a["items"][0]["item_id"] == b["items"][0]["item_id"]
        and time_of(b) - time_of(a) < timedelta(seconds=10)
        for a, b in pairwise(views)
    )


def test_settings_name_what_is_there(shop: Path) -> None:
    settings = load_settings(shop / "recommender.toml", environ={})
    (log,), (feed,) = settings.import_.events, settings.import_.items
    assert len(list(shop.glob(log.path))) == 30
    assert [path.name for path in shop.glob(feed.path)] == ["products.tsv"]


def test_every_day_can_be_judged(shop: Path) -> None:
    for path in shop.glob("source/events-*.ndjson"):
        views = Counter(
            event["visitor_id"]
            for event in map(json.loads, path.read_text("utf-8").splitlines())
            if event["event_name"] == "view_item"
        )
        assert sum(count - 1 for count in views.values()) > 600
