"""Small charts as inline SVG, drawn for a column of 360 so that they stay readable on a phone.

Colors come from the page's style sheet (`s0`, `s1`, … one a model), so that light and dark need
nothing here. Every chart has a title and a description; the page gives the figures as a table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from recommender.evaluation.drawing import WIDTH, Scale, path, svg, text

N_STYLES = 8
LEAST_SPREAD = 0.02
"""What the upright axis of shares between 0 and 1 spans at least."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 28, 36
_LINE_HEIGHT = 236
_LABELS = 122
_ROW = 13
_MARKS = ("circle", "square", "diamond", "triangle")

Format = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: Name of the curve.
        style: Number of its color.
        points: (x, y) in ascending x.
        intervals: (low, high) of each point; empty for none.
        marked: Position of the point to stress, None for none.
        dashed: Whether the line is broken.
    """

    label: str
    style: int
    points: Sequence[tuple[float, float]]
    intervals: Sequence[tuple[float, float]] = ()
    marked: int | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a chart of intervals: a label, and for each model (value, low, high) or None."""

    label: str
    values: Sequence[tuple[float, float, float] | None] = field(default_factory=list)


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """About n round numbers that reach from below `low` to above `high`.

    Example:
        >>> nice_ticks(0.13, 0.68)
        [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    spread = high - low if high > low else abs(high) or 1.0
    rough = spread / max(1, n - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.99)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(at * step, 10) for at in range(first, max(last, first + 1) + 1)]


def line_chart(
    key: str,
    title: str,
    description: str,
    lines: Sequence[Line],
    *,
    heading: str,
    x_title: str,
    x_ticks: Sequence[float] = (),
    y_format: Format = "{:g}".format,
    x_format: Format = "{:g}".format,
    x_log: bool = False,
    square: bool = False,
    from_zero: bool = False,
) -> Markup:
    """Draw curves.

    Args:
        key: Tells the chart's ids apart from others on the page.
        title: What it shows.
        description: What there is to see in it, in words.
        lines: The curves; the ones that come later lie above.
        heading: The title in a word or two, to be seen above the chart.
        x_title: Below the axis.
        x_ticks: Where to write numbers on it; default round ones.
        y_format: How to write numbers beside it.
        x_format: How to write numbers below it.
        x_log: Whether equal ratios are equally far apart; then `x_ticks` are needed.
        square: Give both axes the same numbers from 0, and draw where x = y.
        from_zero: Begin the upright axis at 0, for amounts.
    """
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    ys += [end for line in lines for interval in line.intervals for end in interval]
    if square:
        xs = ys = [*xs, *ys, 0.0]
    if not square and not from_zero:
        ys += _kept_small(ys)
    up = nice_ticks(min([*ys, 0.0] if from_zero else ys), max(ys))
    across = up if square else list(x_ticks) or nice_ticks(min(xs), max(xs), 6)
    low, high = min(*across, *xs), max(*across, *xs)
    x = Scale(low, high, _LEFT + 6, WIDTH - _RIGHT, x_log)
    y = Scale(up[0], up[-1], _LINE_HEIGHT - _BOTTOM, _TOP)
    parts = [
        text(0, 14, heading, "heading"),
        _grid_across(y, up, y_format),
        _axis(x, across, x_format, x_title, _LINE_HEIGHT),
    ]
    if square:
        ends = x.low, min(x.high, y.high)
        parts.append(path([(x.at(end), y.at(end)) for end in ends], "diagonal"))
    parts += [_curve(line, x, y) for line in lines]
    return svg(key, title, description, _LINE_HEIGHT, parts)


def _kept_small(ys: Sequence[float]) -> list[float]:
    """Two figures more where shares hardly differ, so that no tiny rise looks like a leap."""
    low, high = min(ys), max(ys)
    if low < 0 or high > 1 or high - low >= LEAST_SPREAD:
        return []
    end = min(1.0, (low + high + LEAST_SPREAD) / 2)
    return [end - LEAST_SPREAD, end] if end > LEAST_SPREAD else [0.0, LEAST_SPREAD]


def interval_chart(
    key: str,
    title: str,
    description: str,
    rows: Sequence[Row],
    *,
    heading: str,
    x_title: str,
    x_format: Format = "{:g}".format,
    zero: bool = False,
) -> Markup:
    """Draw values with their intervals, a row each; of several models one below the other.

    Args:
        key: Tells the chart's ids apart from others on the page.
        title: What it shows.
        description: What there is to see in it, in words.
        rows: From top to bottom.
        heading: The title in a word or two, to be seen above the chart.
        x_title: Below the axis.
        x_format: How to write numbers below it.
        zero: Stress the zero line: the values are differences.
    """
    ends = [end for row in rows for value in row.values if value for end in value]
    across = nice_ticks(min([*ends, 0.0]), max([*ends, 0.0]))
    x = Scale(across[0], across[-1], _LABELS + 6, WIDTH - _RIGHT)
    tall = [max(26, _ROW * len(row.values) + 12) for row in rows]
    height = _TOP + sum(tall) + _BOTTOM
    parts = [
        text(0, 14, heading, "heading"),
        _axis(x, across, x_format, x_title, height, grid=True),
    ]
    if zero:
        parts.append(path([(x.at(0), _TOP), (x.at(0), height - _BOTTOM)], "zero"))
    top = float(_TOP)
    for row, own in zip(rows, tall, strict=True):
        parts.append(text(_LABELS - 4, top + own / 2 + 4, _short(row.label), "label end"))
        first = top + own / 2 - _ROW * (len(row.values) - 1) / 2
        for number, value in enumerate(row.values):
            if value is not None:
                parts.append(_whisker(x, first + _ROW * number, value, number))
        top += own
    return svg(key, title, description, height, parts)


def waffle(key: str, title: str, n_of_100: int, style: int) -> Markup:
    """Draw a hundred dots, some of them filled."""
    dots = [
        f'<circle class="{_style(style)} {"full" if number < n_of_100 else "hollow"}" '
        f'cx="{8 + 14 * (number % 10)}" cy="{8 + 14 * (number // 10)}" r="5"/>'
        for number in range(100)
    ]
    return svg(key, title, "", 142, dots, width=142)


def mark(style: int) -> Markup:
    """The mark of a model, for legends and tables; said in words beside it."""
    return Markup(
        '<svg class="mark" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">{}</svg>'
    ).format(Markup(_mark(7, 7, style, 4.5)))  # noqa: S704 (numbers of our own)


def _curve(line: Line, x: Scale, y: Scale) -> str:
    places = [(x.at(one), y.at(two)) for one, two in line.points]
    style = _style(line.style)
    drawn = [path(places, f"{style} line{' dashed' if line.dashed else ''}")]
    for (across, _), (low, high) in zip(places, line.intervals, strict=False):
        drawn.append(path([(across, y.at(low)), (across, y.at(high))], f"{style} whisker"))
    if line.intervals or len(places) <= 12:
        drawn += [_mark(*place, line.style, 2.6) for place in places]
    if line.marked is not None:
        across, up = places[line.marked]
        drawn.append(f'<circle class="{style} ring" cx="{across}" cy="{up}" r="7"/>')
    return "".join(drawn)


def _whisker(x: Scale, at: float, value: tuple[float, float, float], style: int) -> str:
    middle, low, high = (x.at(one) for one in value)
    line = path([(low, at), (high, at)], f"{_style(style)} whisker")
    return line + _mark(middle, at, style, 4)


def _grid_across(y: Scale, ticks: Sequence[float], written: Format) -> str:
    return "".join(
        path([(_LEFT, y.at(tick)), (WIDTH - _RIGHT, y.at(tick))], "grid")
        + text(_LEFT - 6, y.at(tick) + 4, written(tick), "end")
        for tick in ticks
    )


def _axis(
    x: Scale,
    ticks: Sequence[float],
    written: Format,
    title: str,
    height: float,
    *,
    grid: bool = False,
) -> str:
    base = height - _BOTTOM
    lines = [path([(x.at(tick), _TOP), (x.at(tick), base)], "grid") for tick in ticks if grid]
    numbers = [text(x.at(tick), base + 15, written(tick), "middle") for tick in ticks]
    middle = (x.start + x.end) / 2
    return "".join([*lines, *numbers, text(middle, height - 4, title, "middle label")])


def _mark(x: float, y: float, style: int, size: float) -> str:
    # The ninth model has the color of the first, and another shape.
    kind = _MARKS[(style + style // N_STYLES) % len(_MARKS)]
    name = f"{_style(style)} full"
    if kind == "circle":
        return f'<circle class="{name}" cx="{x:g}" cy="{y:g}" r="{size:g}"/>'
    corners = {
        "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
        "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
        "triangle": [(0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
    }[kind]
    places = " ".join(f"{x + size * dx:g},{y + size * dy:g}" for dx, dy in corners)
    return f'<polygon class="{name}" points="{places}"/>'


def _short(label: str) -> str:
    return label if len(label) <= 19 else f"{label[:18]}…"


def _style(style: int) -> str:
    return f"s{style % N_STYLES}"
