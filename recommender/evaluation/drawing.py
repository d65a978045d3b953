"""What every chart is drawn with: a scale, lines, words, and the sheet they lie on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 360


@dataclass(frozen=True)
class Scale:
    """Maps numbers to places on the paper.

    Attributes:
        low: The number at `start`.
        high: The number at `end`.
        start: A place.
        end: Another; above or left of it if need be.
        log: Whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a number."""
        low, high, value = (self._bent(one) for one in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.end - self.start), 1)

    def _bent(self, value: float) -> float:
        return math.log(value) if self.log else value


def path(places: Sequence[tuple[float, float]], name: str) -> str:
    """A line through some places; `name` is its class."""
    points = " ".join(f"{x:g},{y:g}" for x, y in places)
    return f'<polyline class="{name}" points="{points}"/>'


def text(x: float, y: float, words: str, name: str) -> str:
    """Words at a place; `name` is their class."""
    return f'<text class="{name}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def svg(
    key: str, title: str, description: str, height: float, parts: Sequence[str], width: int = WIDTH
) -> Markup:
    """Put a drawing together; what is not a number in `parts` has been escaped before."""
    names = f"{key}-t {key}-d" if description else f"{key}-t"
    said = f'<desc id="{key}-d">{escape(description)}</desc>' if description else ""
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {width} {height:g}" role="img" '
        f'aria-labelledby="{names}"><title id="{key}-t">{escape(title)}</title>{said}'
        f"{''.join(parts)}</svg>"
    )


def labelled_svg(label: str, height: float, parts: Sequence[str]) -> Markup:
    """The same for a drawing that one sentence describes: no title that pops up over it."""
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
