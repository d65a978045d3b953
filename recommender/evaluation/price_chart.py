"""A price curve of a report: what it says in a sentence, and its drawing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from recommender.evaluation.drawing import WIDTH, Scale, labelled_svg, path, text
from recommender.evaluation.figures import price

Curve = Mapping[str, Any]

_LEFT, _RIGHT, _TOP, _BASE = 44, 10, 20, 84
_LIKELY = _BASE + 12
_SEEN = (_BASE + 23, _BASE + 33)
_HEIGHT = 138
_ROUND = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))
"""Round numbers of a decade, ever more of them."""
_MOST_TICKS = 4
_LABEL = 36
"""Width of a long price."""


def price_words(curve: Curve) -> str:
    """What a curve says to somebody who sells."""
    low, high = (curve["intervals"]["90"][end] for end in ("low", "high"))
    digits = 2 if price(low, 2) != price(high, 2) else 3
    middle, low, high = (price(one, digits) for one in (curve["median"], low, high))
    words = (
        f"The next product is expected to cost about {middle}; in 9 of 10 visits like this "
        f"between {low} and {high}."
    )
    came = curve["next"]
    return words if came is None else f"{words} The one that was opened costs {price(came)}."


def _label(across: float, words: str) -> str:
    """Below its tick; near the right end it ends there, for the picture ends too."""
    near_end = across > WIDTH - _RIGHT - _LABEL / 2
    return text(WIDTH if near_end else across, _HEIGHT - 4, words, "end" if near_end else "middle")


def price_chart(curve: Curve) -> Markup:
    """Draw a curve over the logarithm of the price.

    Below it a thin bar covers 90 % of the expectation, a thick one 50 %, and a dot is the median;
    strokes are the products seen, a line across is the one that was opened next.
    """
    points = curve["points"]
    x = Scale(points[0][0], points[-1][0], _LEFT, WIDTH - _RIGHT, log=True)
    y = Scale(0, max(height for _, height in points), _BASE, _TOP)
    ticks = round_prices(x.low, x.high)
    parts = [
        *(path([(x.at(tick), _TOP), (x.at(tick), _BASE)], "grid") for tick in ticks),
        path([(x.at(one), y.at(height)) for one, height in points], "line price"),
        path([(_LEFT, _BASE), (WIDTH - _RIGHT, _BASE)], "axis"),
        *(_label(x.at(tick), price(tick, 2)) for tick in ticks),
        *_bar(curve, x),
    ]
    if curve["seen"]:
        parts.append(text(_LEFT - 6, _SEEN[1] - 1, "seen", "end"))
    parts += [path([(x.at(one), end) for end in _SEEN], "stroke") for one in curve["seen"]]
    if curve["next"] is not None:
        parts.append(_came(x.at(curve["next"]), price(curve["next"])))
    return labelled_svg(price_words(curve), _HEIGHT, parts)


def round_prices(low: float, high: float) -> list[float]:
    """Three or four round numbers between two prices that are four times apart or more.

    Example:
        >>> round_prices(14, 420), round_prices(0.5, 2)
        ([30.0, 100.0, 300.0], [0.5, 1.0, 2.0])
    """
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for steps in _ROUND:
        # A power of ten below 1 is not exact, and what is written is.
        marks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        found = [mark for mark in marks if low <= mark <= high]
        if len(found) >= _MOST_TICKS - 1:
            break
    places = np.linspace(0, len(found) - 1, min(len(found), _MOST_TICKS)).round().astype(int)
    return [found[place] for place in places]


def _bar(curve: Curve, x: Scale) -> list[str]:
    """The intervals, the narrower the thicker, and the median; spikes cannot hide them."""
    ends = {
        share: [(x.at(found[end]), _LIKELY) for end in ("low", "high")]
        for share, found in curve["intervals"].items()
    }
    return [
        text(_LEFT - 6, _LIKELY + 4, "likely", "end"),
        path(ends["90"], "likely"),
        path(ends["50"], "likely half"),
        f'<circle class="middle" cx="{x.at(curve["median"])}" cy="{_LIKELY}" r="4"/>',
    ]


def _came(at: float, words: str) -> str:
    """A line with its price beside the upper end, where there is room."""
    left = at > WIDTH / 2
    label = text(at + (-6 if left else 6), 12, words, "came end" if left else "came")
    return path([(at, 3), (at, _BASE)], "stroke came") + label
