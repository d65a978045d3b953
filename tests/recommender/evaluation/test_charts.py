"""Charts are sound SVG, say what they show, and take any text."""

import re
from xml.etree import ElementTree

import pytest

from recommender.evaluation.charts import (
    Line,
    Row,
    interval_chart,
    line_chart,
    mark,
    nice_ticks,
    waffle,
)

HOSTILE = '<script>alert("x")</script> & "quotes" 日本語'


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0, 0.25, 0.5, 0.75, 1]),
        (0.13, 0.68, [0, 0.2, 0.4, 0.6, 0.8]),
        (-5.4, -5.1, [-5.4, -5.3, -5.2, -5.1]),
        (0.0, 0.0, [0, 0.25]),
        (3.0, 3.0, [3, 4]),
    ],
)
def test_ticks_are_round_and_reach_over_the_data(low: float, high: float, ticks: list) -> None:
    assert nice_ticks(low, high) == ticks


def test_lines_lie_where_their_figures_are() -> None:
    svg = parsed(line_chart(
        "k", "Loss", "It falls.", [Line("a", 0, [(1, 0.0), (2, 1.0)], marked=1)],
        heading="Loss", x_title="epoch",
    ))  # fmt: skip
    assert svg.get("role") == "img"
    title, described = svg[0], svg[1]
    assert (title.text, described.text) == ("Loss", "It falls.")
    assert svg.get("aria-labelledby") == f"{title.get('id')} {described.get('id')}"
    (line,) = [one for one in svg.iter() if "line" in (one.get("class") or "").split()]
    (x1, y1), (x2, y2) = (
        map(float, point.split(",")) for point in (line.get("points") or "").split()
    )
    assert x1 < x2
    assert y2 < y1, "more is higher up"
    (ring,) = [one for one in svg.iter() if "ring" in (one.get("class") or "")]
    assert (float(ring.get("cx")), float(ring.get("cy"))) == (x2, y2)


def test_whiskers_span_the_interval() -> None:
    rows = [Row("one", [(0.5, 0.25, 1.0), None]), Row("two", [None, (0.0, 0.0, 0.0)])]
    svg = parsed(interval_chart("k", "t", "d", rows, heading="h", x_title="x"))
    first, second = (
        [float(point.split(",")[0]) for point in (one.get("points") or "").split()]
        for one in svg.iter()
        if "whisker" in (one.get("class") or "")
    )
    (dot,) = [one for one in svg.iter() if one.tag == "circle"]
    low, middle, high = first[0], float(dot.get("cx")), first[1]
    assert middle - low == pytest.approx((high - middle) / 2, abs=0.2)
    assert second[0] == second[1]


def test_waffle_fills_as_many_dots() -> None:
    svg = parsed(waffle("k", "69 of 100", 69, 2))
    names = [one.get("class") for one in svg.iter() if one.get("class") and one is not svg]
    assert names.count("s2 full") == 69
    assert names.count("s2 hollow") == 31


def test_any_text_is_only_text() -> None:
    for svg in (
        line_chart(
            "k", HOSTILE, HOSTILE, [Line(HOSTILE, 9, [(1, 1)])], heading=HOSTILE, x_title=HOSTILE
        ),
        interval_chart(
            "k", HOSTILE, HOSTILE, [Row(HOSTILE, [(1, 0, 2)])], heading=HOSTILE, x_title=HOSTILE
        ),
        waffle("k", HOSTILE, 1, 0),
    ):
        assert "<script" not in svg
        assert parsed(svg)[0].text == HOSTILE


def test_marks_differ_by_shape_not_by_color_alone() -> None:
    shapes = [mark(style) for style in range(4)]
    assert len({shape.replace(f"s{style} ", "") for style, shape in enumerate(shapes)}) == 4
    assert all("aria-hidden" in shape for shape in shapes)
    assert len({mark(style) for style in range(32)}) == 32, "color and shape together"


def test_equal_ratios_are_equally_far_apart() -> None:
    svg = parsed(line_chart(
        "k", "t", "d", [Line("a", 0, [(64, 1), (256, 2), (1024, 3)])], heading="h", x_title="x",
        x_ticks=[64, 256, 1024], x_log=True,
    ))  # fmt: skip
    (line,) = [one for one in svg.iter() if "line" in (one.get("class") or "").split()]
    x = [float(point.split(",")[0]) for point in (line.get("points") or "").split()]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)


def test_a_promise_kept_lies_on_the_diagonal() -> None:
    svg = parsed(line_chart(
        "k", "t", "d", [Line("a", 0, [(0.3, 0.3), (0.6, 0.6)])], heading="h", x_title="x",
        square=True,
    ))  # fmt: skip
    names = {one.get("class"): one.get("points") for one in svg.iter() if one.get("points")}
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in names["diagonal"].split())
    for x, y in (map(float, point.split(",")) for point in names["s0 line"].split()):
        assert (y - y1) / (y2 - y1) == pytest.approx((x - x1) / (x2 - x1), abs=0.01)


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [(0.500, 0.502, "0.49", "0.51"), (0.0, 0.001, "0", "0.02"), (0.998, 1.0, "0.98", "1")],
)
def test_a_tiny_rise_is_drawn_as_one(low: float, high: float, first: str, last: str) -> None:
    chart = line_chart("key", "title", "", [Line("a", 0, [(1, low), (2, high)])],
                       heading="h", x_title="x")  # fmt: skip
    ticks = re.findall(r'<text class="end"[^>]*>([^<]+)<', chart)
    assert (float(ticks[0]), float(ticks[-1])) == (
        pytest.approx(float(first), abs=0.006), pytest.approx(float(last), abs=0.006)
    )  # fmt: skip
    assert float(ticks[-1]) - float(ticks[0]) >= 0.02 - 1e-9
