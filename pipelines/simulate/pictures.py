"""A product's picture: its category's form and color, its brand's manner."""

from collections.abc import Callable
from zlib import crc32

from pipelines.simulate import decoration, furniture, lamps, tableware
from pipelines.simulate.categories import BRANDS, CATEGORIES
from pipelines.simulate.shop import Assortment
from pipelines.simulate.svg import SIZE, Paint, mix, rgb

_FORMS: dict[str, Callable[[Paint], str]] = {
    "CHAIR": furniture.dining_chair,
    "ARMCH": furniture.armchair,
    "SOFA": furniture.sofa,
    "TABLE": furniture.dining_table,
    "COFFEE": furniture.coffee_table,
    "DESK": furniture.desk,
    "BOOKC": furniture.bookcase,
    "SIDEB": furniture.sideboard,
    "BED": furniture.bed,
    "TLAMP": lamps.table_lamp,
    "FLAMP": lamps.floor_lamp,
    "PEND": lamps.pendant_lamp,
    "MUG": tableware.mug,
    "PLATE": tableware.plate,
    "GLASS": tableware.wine_glass,
    "PAN": tableware.saucepan,
    "KETTLE": tableware.kettle,
    "CUSH": furniture.cushion,
    "RUG": furniture.rug,
    "VASE": decoration.vase,
    "MIRR": decoration.mirror,
    "CLOCK": decoration.clock,
    "CANDLE": lamps.candles,
    "PLANT": decoration.potted_plant,
}
_HUE_SPREAD = 5
_LIGHT_SPREAD = 0.035


def picture(shelf: Assortment, slot: int, item_id: str) -> str:
    """Draw the picture of one product as an SVG file."""
    category = CATEGORIES[shelf.category[slot]]
    paint = _paint(int(shelf.category[slot]), int(shelf.brand[slot]), item_id)
    backdrop = rgb(category.color[0], min(category.color[1], 0.4) * 0.7, 0.925)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">'
        f"<title>{category.noun}</title>{_defs(paint, backdrop)}"
        f'<rect width="{SIZE}" height="{SIZE}" fill="url(#wall)"/>'
        f"{_FORMS[category.code](paint)}</svg>\n"
    )


def _paint(category: int, brand: int, item_id: str) -> Paint:
    """The category's color, shifted by the brand and a little by the product itself."""
    hue, saturation, lightness = CATEGORIES[category].color
    turn, more, less = BRANDS[brand].shift
    luck = crc32(item_id.encode()) % 101 / 50 - 1
    hue += turn + _HUE_SPREAD * luck
    saturation, lightness = saturation + more, lightness + less + _LIGHT_SPREAD * luck
    accent = BRANDS[brand].accent
    return Paint(
        main=rgb(hue, saturation, lightness),
        light=rgb(hue, saturation, lightness + 0.11),
        pale=rgb(hue, saturation * 0.8, 0.9),
        dark=rgb(hue, saturation, lightness - 0.11),
        deep=rgb(hue, saturation * 0.9, lightness * 0.5),
        accent=accent,
        accent_light=mix(accent, "#ffffff", 0.35),
        accent_dark=mix(accent, "#1c1512", 0.35),
        taste=BRANDS[brand].taste,
        fine=BRANDS[brand].levels[0] >= 2,
    )


def _defs(paint: Paint, backdrop: str) -> str:
    """The shading that all drawings share: wall, body, shadow and lamplight."""
    below = mix(backdrop, "#8a8178", 0.12)
    brown = "#3a2f28"
    shades = [
        _linear("wall", 0, [(0, backdrop, 1), (0.72, backdrop, 1), (1, below, 1)]),
        _linear("main", 1, [(0, paint.light, 1), (0.45, paint.main, 1), (1, paint.dark, 1)]),
        _linear("beam", 0, [(0, "#fff2c2", 0.75), (1, "#fff2c2", 0)]),
        _radial("glow", [(0, "#fff0b8", 0.95), (1, "#fff0b8", 0)]),
        _radial("shadow", [(0, brown, 0.38), (0.6, brown, 0.22), (1, brown, 0)]),
    ]
    return f"<defs>{''.join(shades)}</defs>"


def _linear(name: str, across: int, stops: list[tuple[float, str, float]]) -> str:
    """A gradient from left to right, or from top to bottom."""
    end = f'x2="{across}" y2="{1 - across}"'
    return f'<linearGradient id="{name}" {end}>{_stops(stops)}</linearGradient>'


def _radial(name: str, stops: list[tuple[float, str, float]]) -> str:
    return f'<radialGradient id="{name}">{_stops(stops)}</radialGradient>'


def _stops(stops: list[tuple[float, str, float]]) -> str:
    return "".join(
        f'<stop offset="{offset:g}" stop-color="{color}" stop-opacity="{opacity:g}"/>'
        for offset, color, opacity in stops
    )
