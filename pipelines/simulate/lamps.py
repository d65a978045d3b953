"""Drawings of what gives light."""

from pipelines.simulate.svg import (
    Paint,
    circle,
    ellipse,
    leg,
    mirrored,
    rect,
    shadow,
    shape,
    stroke,
)


def table_lamp(p: Paint) -> str:
    """A shade on a foot."""
    glow = ellipse(200, 168, 130, 118, "url(#glow)")
    if p.taste == 0:
        foot = leg(200, 196, 200, p.accent, 10) + mirrored(leg(196, 200, 142, p.accent, 10))
    elif p.taste == 1:
        foot = rect(194, 190, 12, 138, p.accent, 3) + rect(146, 322, 108, 12, p.accent_dark, 4)
    elif p.taste == 2:
        foot = shape("M186 190 H214 Q208 214 232 244 Q252 290 216 326 H184 Q148 290 168 244 "
                     "Q192 214 186 190 Z", p.accent)  # fmt: skip
        foot += rect(156, 324, 88, 10, p.accent_dark, 4) + ellipse(
            182, 268, 10, 26, p.accent_light, 0.6
        )
    else:
        foot = "".join(circle(200, y, r, p.accent) for y, r in ((306, 29), (256, 23), (216, 18)))
        foot += "".join(circle(192, y - 6, 6, p.accent_light) for y in (304, 254, 214))
    if p.taste == 1:
        shade = rect(128, 92, 144, 104, "url(#main)", 6) + rect(128, 186, 144, 10, p.dark, 4)
    elif p.taste == 3:
        shade = shape("M114 196 Q114 88 200 84 Q286 88 286 196 Z", "url(#main)")
        shade += "".join(
            stroke(f"M200 86 Q{x} 120 {x} 194", p.dark, 2, 0.5) for x in (146, 172, 228, 254)
        )
    else:
        shade = shape("M154 84 H246 L290 196 H110 Z", "url(#main)")
        shade += shape("M110 196 L114 186 H286 L290 196 Z", p.pale)
    trim = rect(118, 178, 164, 5, p.accent, 2) if p.fine and p.taste in (0, 2) else ""
    return shadow(84) + glow + foot + shade + trim


def floor_lamp(p: Paint) -> str:
    """A tall lamp beside a chair."""
    glow = ellipse(200, 118, 116, 104, "url(#glow)")
    if p.taste == 0:
        pole = leg(200, 130, 200, p.accent_dark, 9) + mirrored(leg(196, 136, 136, p.accent, 9))
    elif p.taste == 1:
        pole = stroke("M262 328 V120 Q262 66 200 66", p.accent, 8) + rect(
            222, 324, 80, 10, p.accent, 4
        )
    else:
        pole = rect(196, 120, 8, 206, p.accent, 3) + ellipse(200, 328, 52, 9, p.accent_dark)
        pole += ellipse(200, 325, 52, 8, p.accent)
    if p.taste == 2:
        pole += "".join(circle(200, y, 9, p.accent_light) for y in (168, 238))
    if p.taste == 1:
        shade = shape("M136 124 Q138 66 200 64 Q262 66 264 124 Z", "url(#main)")
        shade += ellipse(200, 124, 64, 9, p.pale)
    elif p.taste == 3:
        shade = circle(200, 102, 56, "url(#main)") + ellipse(182, 82, 20, 16, "#ffffff", 0.5)
        shade += rect(180, 150, 40, 12, p.accent, 4)
    else:
        shade = shape("M160 58 H240 L272 142 H128 Z", "url(#main)")
        shade += shape("M128 142 L131 134 H269 L272 142 Z", p.pale)
    table = ""
    if p.fine and p.taste in (2, 3):
        table = ellipse(200, 236, 46, 9, p.accent_dark) + ellipse(200, 233, 46, 8, p.accent_light)
    return shadow(80) + glow + pole + table + shade


def pendant_lamp(p: Paint) -> str:
    """A lamp that hangs from the ceiling."""
    glow = shape("M128 232 L272 232 L346 372 H54 Z", "url(#beam)")
    cord = rect(198, 0, 4, 118, p.deep) + rect(184, 96, 32, 34, p.accent, 6)
    if p.taste == 0:
        shade = shape("M96 232 Q100 126 200 122 Q300 126 304 232 Z", "url(#main)")
        shade += ellipse(200, 232, 104, 14, p.deep)
    elif p.taste == 1:
        shade = shape("M170 126 H230 L312 230 H88 Z", "url(#main)") + ellipse(
            200, 231, 112, 13, p.deep
        )
        shade += stroke("M150 152 H250", p.light, 4, 0.7)
    elif p.taste == 2:
        shade = shape("M182 122 H218 Q226 150 262 166 Q300 186 296 232 H104 Q100 186 138 166 "
                      "Q174 150 182 122 Z", "url(#main)")  # fmt: skip
        shade += ellipse(200, 232, 96, 13, p.deep)
    else:
        shade = ellipse(200, 190, 96, 78, "url(#main)")
        for rx in (24, 54, 80):
            ring = f"M{200 - rx} 190 A{rx} 78 0 0 1 {200 + rx} 190 A{rx} 78 0 0 1 {200 - rx} 190"
            shade += stroke(ring, p.dark, 2.5, 0.5)
        shade += ellipse(200, 264, 34, 7, p.deep)
    bulb = ellipse(200, 236 if p.taste != 3 else 266, 24, 11, "#fff3c4")
    shine = stroke("M136 198 Q146 162 172 148", "#ffffff", 6, 0.35) if p.taste != 3 else ""
    trim = rect(180, 122, 40, 7, p.accent_light, 3) if p.fine else ""
    return glow + cord + shade + bulb + shine + trim


def candles(p: Paint) -> str:
    """Three candles."""
    glow = ellipse(200, 120, 150, 110, "url(#glow)")
    tray = ellipse(200, 326, 136, 15, p.accent_dark) + ellipse(200, 321, 136, 14, p.accent)
    sticks = ""
    for x, top, width in ((128, 186, 56), (200, 122, 62), (274, 216, 54)):
        half = width / 2
        if p.taste in (2, 3):
            sticks += rect(x - half, 292, width, 28, p.accent_dark, 5)
            half -= 9 if p.taste == 2 else 4
        sticks += rect(
            x - half, top, 2 * half, 320 - top - (24 if p.taste in (2, 3) else 0), "url(#main)", 5
        )
        if p.taste == 1:
            sticks += rect(x - half, 262, 2 * half, 34, p.pale) + rect(
                x - half, 258, 2 * half, 4, p.dark
            )
        elif p.taste == 3:
            sticks += "".join(stroke(f"M{x - half + 2} {y} l{2 * half - 4} -16", p.dark, 3, 0.6)
                              for y in range(top + 30, 290, 22))  # fmt: skip
        sticks += ellipse(x, top + 2, half, 7, p.pale) + stroke(
            f"M{x} {top + 2} v-13", "#4b4038", 3.5
        )
        left = f"Q{x + 19} {top - 24} {x} {top - 8}"
        flame = f"M{x} {top - 52} {left} Q{x - 19} {top - 24} {x} {top - 52} Z"
        sticks += shape(flame, "#f7a93b") + ellipse(x, top - 20, 5.5, 10, "#fff1b8")
    rim = stroke("M66 322 A136 14 0 0 0 334 322", p.accent_light, 4) if p.fine else ""
    return shadow(146, 330) + glow + tray + sticks + rim
