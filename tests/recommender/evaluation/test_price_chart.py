"""The drawing of a price curve lies where its figures are, and says them in a sentence."""

import math
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.evaluation.price_chart import price_chart, price_words, round_prices


def curve_of(**more: Any) -> dict[str, Any]:
    """Log-prices from 10 to 1000; the drawing is 306 wide, from 44 on."""
    return {
        "median": 121.0,
        "intervals": {"50": {"low": 100.0, "high": 200.0}, "90": {"low": 59.6, "high": 312.0}},
        "points": [[10.0, 0.1], [100.0, 2.0], [1000.0, 0.0]],
        "seen": [100.0, 1000.0],
        "next": 31.6227766,
        **more,
    }


def drawn(curve: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(price_chart(curve))


def places(svg: ElementTree.Element, name: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in one.get("points").split())]
        for one in svg.findall("polyline")
        if one.get("class") == name
    ]


def test_a_sentence_for_people_who_sell() -> None:
    words = "The next product is expected to cost about 120; in 9 of 10 visits like this between 60"
    assert price_words(curve_of(next=None)) == f"{words} and 310."
    said = price_words(curve_of(next=1249.5))
    assert said == f"{words} and 310. The one that was opened costs 1,249.50."


def test_a_narrow_interval_gets_a_digit_more() -> None:
    narrow = {"50": {"low": 119.0, "high": 121.0}, "90": {"low": 116.4, "high": 123.6}}
    assert "about 121; in 9 of 10 visits like this between 116 and 124." in price_words(
        curve_of(intervals=narrow)
    )


def test_everything_stands_at_its_price() -> None:
    svg = drawn(curve_of())
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == price_words(curve_of())
    (line,) = places(svg, "line price")
    assert [x for x, _ in line] == [44, 197, 350]
    assert line[1][1] < line[0][1] < line[2][1], "higher is likelier"
    assert [one[0][0] for one in places(svg, "stroke")] == [197, 350]
    assert [one[0][0] for one in places(svg, "stroke came")] == [120.5]
    (half,) = places(svg, "likely half")
    assert [x for x, _ in half] == [197, pytest.approx(197 + 153 * math.log10(2), abs=0.1)]
    (ninety,) = places(svg, "likely")
    assert ninety[0][0] < half[0][0] < half[1][0] < ninety[1][0]
    texts = {one.text: float(one.get("x")) for one in svg.findall("text")}
    assert {"seen", "likely", "31.62"} < texts.keys()
    assert (texts["10"], texts["100"], texts["1,000"]) == (44, 197, 360), (
        "the last label ends with the picture"
    )


def test_what_is_not_known_is_not_drawn() -> None:
    svg = drawn(curve_of(seen=[], next=None))
    assert places(svg, "stroke") == places(svg, "stroke came") == []
    assert "seen" not in [one.text for one in svg.findall("text")]


@pytest.mark.parametrize(("came", "end"), [(11.0, False), (990.0, True)])
def test_the_price_that_came_stays_on_the_paper(came: float, end: bool) -> None:
    (label,) = [one for one in drawn(curve_of(next=came)).findall("text")
                if "came" in one.get("class")]  # fmt: skip
    assert ("end" in label.get("class").split()) is end
    assert 44 < float(label.get("x")) < 350


@given(st.floats(1e-3, 1e6), st.floats(4, 1e6))
def test_three_or_four_round_prices(low: float, times: float) -> None:
    found = round_prices(low, low * times)
    assert len(found) in (3, 4)
    assert found == sorted(set(found))
    assert low <= found[0] < found[-1] <= low * times
    assert all(float(f"{one:.2g}") == one for one in found)
