"""SVG shapes as text, and the colors that one picture is painted with."""

import colorsys
from dataclasses import dataclass

SIZE = 400
FLOOR = 334
"""Height on which things stand; pictures are `SIZE` wide and high, y grows downwards."""

Number = int | float
Point = tuple[Number, Number]


@dataclass(frozen=True)
class Paint:
    """Colors and manner of one picture.

    Attributes:
        main: The category's color as the brand has it.
        light: Brighter, for what faces the light.
        pale: Very bright, for details.
        dark: Darker, for sides.
        deep: Darkest, for inside and lines.
        accent: Wood or metal of the brand.
        accent_light: Its bright side.
        accent_dark: Its dark side.
        taste: 0..3, chooses the form's details.
        fine: Whether the product is of the upper price levels.
    """

    main: str
    light: str
    pale: str
    dark: str
    deep: str
    accent: str
    accent_light: str
    accent_dark: str
    taste: int
    fine: bool


def rgb(hue: float, saturation: float, lightness: float) -> str:
    """A color from degrees and shares."""
    clipped = (min(max(value, 0.0), 1.0) for value in (lightness, saturation))
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, *clipped)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def mix(color: str, other: str, share: float) -> str:
    """`share` of the other color in a color, both as #rrggbb."""
    pairs = ((int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def rect(x: Number, y: Number, w: Number, h: Number, fill: str, r: Number = 0) -> str:
    """A rectangle with round corners of radius r."""
    corner = f' rx="{r:g}"' if r else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}"{corner} fill="{fill}"/>'


def ellipse(cx: Number, cy: Number, rx: Number, ry: Number, fill: str, opacity: float = 1) -> str:
    """An ellipse around a center."""
    seen = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<ellipse cx="{cx:g}" cy="{cy:g}" rx="{rx:g}" ry="{ry:g}" fill="{fill}"{seen}/>'


def circle(cx: Number, cy: Number, r: Number, fill: str, opacity: float = 1) -> str:
    """A circle."""
    return ellipse(cx, cy, r, r, fill, opacity)


def shape(d: str, fill: str, opacity: float = 1) -> str:
    """A filled path."""
    seen = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<path d="{d}" fill="{fill}"{seen}/>'


def stroke(d: str, color: str, width: Number, opacity: float = 1) -> str:
    """A path as a line with round ends."""
    seen = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return (
        f'<path d="{d}" fill="none" stroke="{color}" stroke-width="{width:g}" '
        f'stroke-linecap="round" stroke-linejoin="round"{seen}/>'
    )


def polygon(points: list[Point], fill: str) -> str:
    """A filled polygon."""
    return f'<polygon points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" fill="{fill}"/>'


def leg(x: Number, top: Number, foot_x: Number, fill: str, width: Number = 12) -> str:
    """A leg from `top` to the floor that becomes thinner."""
    half, tip = width / 2, width / 3.4
    points: list[Point] = [(x - half, top), (x + half, top), (foot_x + tip, FLOOR)]
    return polygon([*points, (foot_x - tip, FLOOR)], fill)


def mirrored(content: str) -> str:
    """The content, and the same again on the other side of the middle."""
    return f'{content}<g transform="matrix(-1 0 0 1 {SIZE} 0)">{content}</g>'


def turned(content: str, degrees: Number, x: Number, y: Number) -> str:
    """The content turned clockwise around a point."""
    return f'<g transform="rotate({degrees:g} {x:g} {y:g})">{content}</g>'


def clipped(content: str, outline: str) -> str:
    """What of the content lies inside a path; one clip a picture."""
    return f'<clipPath id="c"><path d="{outline}"/></clipPath><g clip-path="url(#c)">{content}</g>'


def shadow(half_width: Number, y: Number = FLOOR, x: Number = SIZE / 2) -> str:
    """The soft shadow that a thing throws on the floor."""
    return ellipse(x, y, half_width, 9, "url(#shadow)")
