"""A product is the same however it comes: over HTTP or in a feed, shown by page or command."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.commands.import_ import import_
from pipelines.commands.recommend import recommend
from pipelines.ingest.records import Refusal, change_of, product_of
from recommender.catalog.product import Product
from recommender.cli import CommandGroup
from tests.small_shop import Server, id_of, make_product, make_shop, publish_model, wait_for
from webapp.api.item_schemas import FaultyError, read_item, read_patch

CHAIR = {"id": "c1", "title": "Chair"}


def by_wire(product: dict) -> Product | str:
    try:
        return read_item(product)
    except FaultyError as err:
        return err.faults[0].code


def by_feed(product: dict) -> Product | str:
    try:
        return product_of(product)[0]
    except Refusal as err:
        return err.reason


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"id": " c1 "},
        {"title": "<b>Oak</b> &amp; iron<script>x</script>", "description": "a<br>b\n\tc &lt; d"},
        {"price": 1.25, "sale_price": 1.25, "currency": "eur"},
        {"product_type": "Furniture > Chairs > Stools"},
        {"product_type": ["Furniture", "<i>Chairs</i>", ""]},
        {"link": " /a?b=1 ", "image_link": "HTTPS://x.example/1", "additional_image_link": ["/2"]},
        {"brand": " ", "color": None, "size": "\u00a0M "},
        {"attributes": {"Seat": " <i>cane</i>", "none": ""}, "custom_label_0": "low\x07 margin"},
        {"item_group_id": " g ", "availability": "preorder", "price": None},
        {"id": "ä" * 128},
    ],
)
def test_a_product_is_read_alike(change):
    assert isinstance(by_wire({**CHAIR, **change}), Product)
    assert by_wire({**CHAIR, **change}) == by_feed({**CHAIR, **change})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": None}, "missing_id"),
        ({"id": " "}, "missing_id"),
        ({"id": "ä" * 129}, "id_too_long"),
        ({"id": "a\nb"}, "bad_value"),
        ({"id": True}, "bad_value"),
        ({"id": "\ud800"}, "not_utf8"),
        ({"title": ""}, "missing_title"),
        ({"title": "<p></p>"}, "missing_title"),
        ({"title": "x" * ((1 << 17) + 1)}, "text_too_long"),
        ({"description": "<b>" * 5_001}, "too_much_markup"),
        ({"price": -1}, "bad_price"),
        ({"sale_price": float("inf")}, "bad_price"),
        ({"price": True}, "bad_price"),
        ({"availability": "sold"}, "bad_availability"),
        ({"link": "javascript:alert(1)"}, "bad_link"),
        ({"link": "http://["}, "bad_link"),
        ({"image_link": "/a\nb"}, "bad_link"),
        ({"additional_image_link": ["/1", "data:x"]}, "bad_link"),
    ],
)
def test_a_product_is_refused_alike(change, code):
    assert (by_wire({**CHAIR, **change}), by_feed({**CHAIR, **change})) == (code, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": 9, "sale_price": 10}, "sale_above_price"),
        ({"sale_price": 10}, "sale_without_price"),
    ],
)
def test_a_feed_leaves_out_a_sale_that_the_wire_refuses(change, code):
    product, left_out = product_of({**CHAIR, **change})
    assert (product.sale_price, left_out.reason) == (None, code)
    assert by_wire({**CHAIR, **change}) == code


@pytest.mark.parametrize(
    "change",
    [{"price": 5}, {"price": 5.5, "sale_price": None}, {"currency": "usd"},
     {"availability": "backorder"}],
)  # fmt: skip
def test_a_change_is_read_alike(change):
    feed, _ = change_of({"id": "c1", **change})
    assert read_patch("c1", change).changes() == {n: v for n, v in feed.items() if n != "id"}


def test_commands_and_the_service_see_what_the_other_does(tmp_path: Path):
    """`import items --partial` from stdin, `recommend`, and the routes of a running service."""
    workspace = make_shop(tmp_path / "shop")
    publish_model(workspace)
    group = CommandGroup("recommender", commands={"import": import_, "recommend": recommend})

    def run(*arguments: str, stdin: str | None = None) -> dict:
        result = CliRunner().invoke(
            group, [*arguments, "-w", str(workspace.root), "--json"], input=stdin
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def prices(body: dict) -> dict[str, float]:
        return {item["id"]: item["price"] for item in body["items"]}

    with Server(workspace.root, "--workers", 2) as server:
        feed = json.dumps({"id": id_of(0), "price": 7.5}) + "\n"
        assert run("import", "items", "-", "--partial", stdin=feed)["changed"] == 1
        wait_for(lambda: prices(server.call("/v1/recommendations")[1])[id_of(0)] == 7.5, seconds=5)

        body = [make_product(1).model_copy(update={"price": 3.0}).model_dump(), {**CHAIR}]
        assert server.call("/v1/items", body)[1]["changed"] == 1
        shown = prices(run("recommend"))
        assert (shown[id_of(0)], shown[id_of(1)]) == (7.5, 3.0)
        assert list(shown) == list(prices(server.call("/v1/recommendations")[1]))

        sold_out = json.dumps({"id": id_of(0), "availability": "out of stock"})
        run("import", "items", "-", "--partial", stdin=sold_out)
        assert id_of(0) not in prices(run("recommend"))
