"""Drawings of furniture: one form each, its details by the brand's taste."""

from pipelines.simulate.svg import (
    FLOOR,
    Paint,
    circle,
    clipped,
    ellipse,
    leg,
    mirrored,
    polygon,
    rect,
    shadow,
    shape,
    stroke,
)


def dining_chair(p: Paint) -> str:
    """A chair seen from the front: four kinds of back."""
    posts = mirrored(stroke("M143 72 L146 232", p.accent, 11))
    if p.taste == 0:
        back = "".join(rect(146, y, 108, 20, p.accent, 10) for y in (78, 118, 158))
    elif p.taste == 1:
        back = rect(143, 66, 114, 20, p.accent, 8) + rect(147, 176, 106, 14, p.accent, 6)
        back += "".join(rect(x, 80, 9, 102, p.accent_light, 4) for x in (164, 184, 207, 227))
    elif p.taste == 2:
        back = rect(140, 62, 120, 130, p.accent, 26) + rect(153, 76, 94, 102, p.main, 18)
        back += rect(153, 76, 94, 40, p.light, 18)
    else:
        back = ellipse(200, 124, 66, 68, p.accent) + ellipse(200, 124, 52, 54, p.main)
        back += ellipse(190, 108, 30, 26, p.light, 0.6)
        posts = mirrored(stroke("M156 176 L148 232", p.accent, 11))
    back_legs = mirrored(leg(156, 244, 150, p.accent_dark, 11))
    front_legs = mirrored(leg(124, 250, 113, p.accent, 15))
    rung = rect(122, 288, 156, 7, p.accent_dark, 3) if p.taste in (1, 2) else ""
    seat = shape("M132 222 Q200 212 268 222 L290 248 Q200 268 110 248 Z", "url(#main)")
    seat += shape("M110 248 Q200 268 290 248 L288 261 Q200 281 112 261 Z", p.dark)
    return shadow(112) + back_legs + rung + posts + back + front_legs + seat


def armchair(p: Paint) -> str:
    """A deep chair with arms."""
    legs = mirrored(leg(128, 298, 118, p.accent, 14))
    top = {0: 34, 1: 12, 2: 58, 3: 62}[p.taste]
    back = rect(112, 92, 176, 190, p.dark, top) + rect(122, 102, 156, 170, "url(#main)", top - 6)
    if p.taste == 1:
        back += stroke("M174 110 V226 M226 110 V226", p.dark, 3)
    elif p.taste == 2:
        back += "".join(circle(x, y, 4.5, p.deep) for y in (142, 178) for x in (162, 200, 238))
    elif p.taste == 3:
        back += "".join(stroke(f"M{x} 122 V222", p.dark, 2.5, 0.7) for x in range(150, 260, 20))
    arm = rect(84, 182, 52, 116, p.dark, 22) + rect(88, 180, 44, 108, p.main, 22)
    arm += ellipse(110, 192, 20, 10, p.light, 0.8)
    seat = rect(124, 222, 152, 48, p.light, 18) + rect(124, 250, 152, 20, p.main, 10)
    base = rect(104, 264, 192, 40, p.dark, 12)
    pillow = ""
    if p.fine:
        pillow = f'<g transform="rotate(-8 200 200)">{rect(168, 168, 66, 58, p.accent, 16)}'
        pillow += rect(176, 174, 50, 22, p.accent_light, 11) + "</g>"
    return shadow(118) + legs + back + base + seat + pillow + mirrored(arm)


def sofa(p: Paint) -> str:
    """Three seats."""
    legs = mirrored(leg(74, 296, 66, p.accent, 13) + leg(170, 300, 170, p.accent_dark, 10))
    r = {0: 22, 1: 8, 2: 34, 3: 44}[p.taste]
    back = rect(52, 138, 296, 140, p.dark, r)
    cushions = seats = ""
    for x in (66, 157, 248):
        cushions += rect(x, 148, 87, 92, "url(#main)", max(r - 8, 8))
        seats += rect(x - 2, 224, 89, 42, p.light, 13) + rect(x - 2, 248, 89, 20, p.main, 9)
        if p.taste == 2:
            cushions += circle(x + 43, 186, 5, p.deep)
    if p.taste == 3:
        cushions = rect(66, 148, 268, 96, "url(#main)", 36)
        cushions += "".join(stroke(f"M{x} 156 V222", p.dark, 2, 0.7) for x in range(84, 330, 21))
    base = rect(52, 260, 296, 40, p.dark, 10)
    arm = rect(30, 186, 48, 116, p.dark, min(r, 24)) + rect(33, 184, 41, 106, p.main, min(r, 20))
    pillow = ""
    if p.fine:
        pillow = f'<g transform="rotate(10 106 200)">{rect(84, 172, 56, 56, p.accent, 12)}'
        pillow += rect(92, 180, 40, 16, p.accent_light, 8) + "</g>"
    return shadow(172) + legs + back + cushions + base + seats + pillow + mirrored(arm)


def dining_table(p: Paint) -> str:
    """A long table: four kinds of legs."""
    if p.taste == 0:
        legs = mirrored(leg(92, 196, 74, p.dark, 20) + leg(124, 196, 112, p.deep, 14))
    elif p.taste == 1:
        legs = mirrored(stroke("M70 200 L84 328 H116 L130 200", p.accent, 9))
    elif p.taste == 2:
        column = shape("M178 196 H222 Q214 250 226 296 H174 Q186 250 178 196 Z", p.dark)
        legs = column + shape("M174 294 H226 L292 322 V334 H108 V322 Z", p.deep)
    else:
        legs = mirrored(stroke("M118 200 L82 330 M86 200 L122 330", p.dark, 13))
        legs += rect(104, 262, 192, 9, p.deep, 4)
    top = shape("M76 152 H324 L362 186 H38 Z", "url(#main)")
    grain = stroke("M104 162 H236 M92 173 H180 M206 173 H318", p.dark, 2, 0.35)
    edge = rect(38, 186, 324, 15, p.dark, 3) + rect(38, 186, 324, 4, p.light, 2)
    vase = ""
    if p.fine:
        vase = shape("M188 158 Q182 130 192 118 H208 Q218 130 212 158 Z", p.accent)
        vase += stroke("M200 118 Q196 96 186 84 M200 118 Q204 92 216 82", "#6f8f63", 3.5)
        vase += "".join(
            ellipse(x, y, 8, 5, "#86a877") for x, y in ((184, 82), (218, 80), (201, 92))
        )
    return shadow(156) + legs + top + grain + edge + vase


def coffee_table(p: Paint) -> str:
    """A low table, round or square."""
    if p.taste in (0, 3):
        legs = leg(200, 226, 200, p.accent_dark, 12) + mirrored(leg(110, 222, 88, p.accent, 15))
        top = ellipse(200, 226, 138, 30, p.dark) + ellipse(200, 216, 138, 30, "url(#main)")
        top += ellipse(176, 210, 84, 15, p.light, 0.35)
    else:
        legs = mirrored(stroke("M82 222 L88 330", p.accent, 11) + rect(90, 292, 112, 8, p.accent))
        top = shape("M96 196 H304 L340 222 H60 Z", "url(#main)") + rect(60, 222, 280, 17, p.dark, 3)
        top += stroke("M112 204 H220 M100 213 H300", p.deep, 2, 0.35)
    if p.taste == 3:
        legs += ellipse(200, 300, 86, 14, p.accent_dark) + ellipse(200, 297, 86, 13, p.accent_light)
    cup = rect(232, 186, 30, 25, p.pale, 7) + stroke("M262 192 q14 4 0 14", p.pale, 5)
    books = rect(136, 204, 64, 9, p.accent, 2) + rect(142, 195, 54, 9, "#f3efe6", 2)
    return shadow(142) + legs + top + books + (cup if p.fine else "")


def desk(p: Paint) -> str:
    """A desk with drawers."""
    legs = leg(86, 196, 70, p.accent, 15) + leg(118, 196, 110, p.accent_dark, 12)
    drawers = rect(232, 196, 100, 112, p.dark, 4)
    for row, y in enumerate((202, 236, 270)):
        drawers += rect(238, y, 88, 31, p.main if row % 2 else p.light, 4)
        drawers += _handle(282, y + 15, p)
    legs += leg(246, 306, 242, p.accent, 12) + leg(318, 306, 324, p.accent, 12)
    if p.taste == 1:
        legs = stroke("M76 200 V330 H120 V200", p.accent, 8) + legs[legs.index("/>") + 2 :]
    top = shape("M70 166 H330 L352 186 H48 Z", "url(#main)") + rect(48, 186, 304, 13, p.dark, 3)
    lamp = stroke("M112 164 V118 L146 92", p.accent_dark, 6) + ellipse(
        112, 168, 24, 6, p.accent_dark
    )
    lamp += shape("M130 84 L160 80 L174 112 L132 112 Z", p.accent)
    books = rect(250, 134, 15, 38, p.accent, 2) + rect(267, 128, 12, 44, "#efe9dc", 2)
    books += rect(281, 138, 16, 34, p.deep, 2)
    shelf = (
        rect(196, 120, 136, 8, p.dark, 2) + rect(322, 120, 10, 52, p.dark) if p.taste == 2 else ""
    )
    return shadow(150) + legs + drawers + top + shelf + (lamp if p.fine else "") + books


def bookcase(p: Paint) -> str:
    """Shelves with books."""
    spines = (p.accent, "#e9e2d3", p.pale, p.deep, p.accent_dark, p.light, "#c9bfae")
    case = rect(106, 56, 188, 270, p.dark, 6) + rect(118, 68, 164, 250, p.deep)
    books, place = "", p.taste
    for floor_y in (122, 184, 246, 308):
        x = 122 + (34 if place % 3 == 0 else 0)
        while x < 262 - (30 if place % 2 else 0):
            width, height = 9 + place * 5 % 8, 32 + place * 7 % 15
            books += rect(x, floor_y - height, width, height, spines[place % len(spines)], 1.5)
            x, place = x + width + 1, place + 1
        books += rect(118, floor_y, 164, 9, p.main)
        place += 2
    pot = rect(252, 108, 22, 14, "#c6764f", 3) + circle(263, 99, 12, "#7b9c6c")
    cover = rect(106, 56, 188, 12, p.light, 5)
    feet = mirrored(rect(112, 322, 18, 12, p.accent, 3))
    doors = ""
    if p.taste == 2:
        doors = rect(114, 254, 85, 66, p.main, 3) + rect(201, 254, 85, 66, p.main, 3)
        doors += circle(190, 286, 4, p.accent) + circle(210, 286, 4, p.accent)
    return shadow(112) + feet + case + books + doors + cover + (pot if p.fine else "")


def sideboard(p: Paint) -> str:
    """A low cabinet: four kinds of fronts."""
    legs = mirrored(leg(78, 288, 66, p.accent, 14))
    body = rect(46, 176, 308, 116, p.dark, 8) + rect(54, 186, 292, 98, p.deep, 4)
    fronts = ""
    for door, x in enumerate((57, 154, 251)):
        fronts += rect(x, 188, 92, 94, "url(#main)" if door != 1 else p.main, 3)
        if p.taste == 0:
            fronts += _handle(x + 46, 206, p)
        elif p.taste == 1:
            fronts += "".join(rect(x, y, 92, 3, p.dark) for y in (218, 250))
            fronts += "".join(_handle(x + 46, y, p) for y in (204, 236, 268))
        elif p.taste == 2:
            fronts += rect(x + 11, 199, 70, 72, p.dark, 3) + rect(x + 14, 202, 64, 66, p.light, 2)
            fronts += circle(x + 46, 235, 5, p.accent)
        else:
            fronts += "".join(rect(x + 5 + i * 11, 190, 5, 90, p.dark, 2) for i in range(8))
    top = rect(40, 166, 320, 16, p.light, 5)
    vase = shape("M94 166 Q80 138 96 122 Q98 112 94 104 H118 Q114 112 116 122 Q132 138 118 166 Z",
                 p.accent)  # fmt: skip
    frame = rect(256, 96, 60, 70, p.accent_dark, 3) + rect(262, 102, 48, 58, "#f4efe4")
    frame += circle(286, 126, 12, p.main) + shape("M262 160 L282 138 L310 160 Z", p.dark)
    return shadow(158) + legs + body + fronts + top + vase + (frame if p.fine else "")


def bed(p: Paint) -> str:
    """A bed seen from its foot."""
    r = {0: 16, 1: 4, 2: 44, 3: 70}[p.taste]
    head = rect(62, 96, 276, 200, p.accent_dark, r) + rect(
        70, 104, 260, 190, p.accent, max(r - 6, 3)
    )
    if p.taste in (0, 1):
        head += "".join(rect(x, 112, 4, 80, p.accent_dark) for x in range(104, 320, 38))
    elif p.taste == 2:
        head += "".join(
            circle(x, y, 4, p.accent_dark) for y in (126, 150) for x in range(110, 320, 36)
        )
    else:
        head += "".join(stroke(f"M{x} 122 V190", p.accent_dark, 3) for x in range(92, 320, 24))
    pillow = rect(84, 158, 108, 54, "#fbf8f2", 22) + rect(90, 186, 96, 24, "#e9e4da", 12)
    sheet = rect(64, 196, 272, 40, "#f6f2ea", 14)
    blanket = shape("M58 222 Q200 206 342 222 L352 300 H48 Z", "url(#main)")
    blanket += shape("M58 222 Q200 206 342 222 L344 240 Q200 224 56 240 Z", p.light)
    folds = stroke("M120 250 Q126 276 118 298 M276 250 Q270 276 282 298", p.dark, 3, 0.5)
    throw = ""
    if p.fine:
        throw = shape("M52 268 Q200 256 348 268 L351 292 Q200 280 49 292 Z", p.dark)
    front = rect(44, 294, 312, 22, p.accent, 6) + rect(44, 294, 312, 7, p.accent_light, 3)
    feet = mirrored(rect(56, 314, 16, 20, p.accent_dark, 3))
    return shadow(168) + feet + head + mirrored(pillow) + sheet + blanket + folds + throw + front


def rug(p: Paint) -> str:
    """A rug on the floor, seen from above at a slant."""
    outline = "M98 132 H302 L370 302 H30 Z"
    pattern = ""
    if p.taste == 0:
        pattern = "".join(rect(0, y, 400, 8, p.pale) for y in (150, 180, 214, 252, 282))
    elif p.taste == 1:
        pattern = "".join(
            stroke(f"M{x} 120 L{x * 2 - 200} 310", p.deep, 4) for x in range(80, 330, 20)
        )
        pattern += "".join(stroke(f"M20 {y} H380", p.deep, 3) for y in (150, 176, 206, 240, 276))
    elif p.taste == 2:
        pattern = polygon([(116, 148), (284, 148), (336, 284), (64, 284)], p.pale)
        pattern += polygon([(124, 156), (276, 156), (322, 274), (78, 274)], p.dark)
        pattern += polygon([(200, 160), (262, 212), (200, 268), (138, 212)], p.pale)
        pattern += polygon([(200, 178), (238, 212), (200, 248), (162, 212)], "url(#main)")
    else:
        pattern = ellipse(150, 196, 62, 36, p.pale) + ellipse(262, 240, 80, 44, p.dark)
        pattern += ellipse(258, 174, 42, 20, p.light) + ellipse(112, 272, 60, 26, p.light)
    fringe = "".join(
        stroke(f"M{x} {302} l{(x - 200) / 25:.1f} 13", p.pale, 3) for x in range(36, 368, 11)
    )
    fringe += "".join(
        stroke(f"M{x} 132 l{(x - 200) / 40:.1f} -8", p.pale, 2) for x in range(100, 304, 8)
    )
    border = stroke("M109 141 H291 L352 293 H48 Z", p.accent if p.fine else p.deep, 4)
    under = shape("M98 138 H302 L374 310 H26 Z", "#000000", 0.12)
    return under + fringe + clipped(shape(outline, "url(#main)") + pattern, outline) + border


def cushion(p: Paint) -> str:
    """A cushion: stripes, checks, buttons or a sun."""
    outline = "M84 108 Q200 84 316 108 Q340 206 320 318 Q200 338 80 318 Q60 206 84 108 Z"
    if p.taste == 0:
        pattern = "".join(rect(x, 70, 14, 280, p.pale) for x in range(80, 330, 42))
    elif p.taste == 1:
        pattern = "".join(rect(x, 70, 26, 280, p.dark) for x in range(72, 330, 64))
        pattern += "".join(
            f'<g opacity=".55">{rect(50, y, 300, 26, p.deep)}</g>' for y in range(102, 330, 64)
        )
    elif p.taste == 2:
        pattern = stroke("M200 210 Q150 150 96 120 M200 210 Q250 150 304 120", p.dark, 4, 0.6)
        pattern += stroke("M200 210 Q150 270 92 306 M200 210 Q250 270 308 306", p.dark, 4, 0.6)
        pattern += circle(200, 210, 13, p.deep) + circle(197, 207, 8, p.accent)
    else:
        rays = "".join(
            f'<g transform="rotate({angle} 200 212)">{rect(195, 106, 10, 48, p.pale, 5)}</g>'
            for angle in range(0, 360, 30)
        )
        pattern = rays + circle(200, 212, 44, p.pale) + circle(200, 212, 30, p.dark)
    shine = shape("M96 122 Q200 98 304 122 Q312 150 312 160 Q200 132 88 166 Z", "#ffffff", 0.16)
    edge = stroke(outline, p.accent if p.fine else p.dark, 7)
    tassels = "".join(
        circle(x, y, 11, p.accent) for x, y in ((82, 108), (318, 108), (78, 318), (322, 318))
    )
    body = clipped(shape(outline, "url(#main)") + pattern + shine, outline)
    return shadow(122, FLOOR - 4) + body + edge + (tassels if p.fine and p.taste != 2 else "")


def _handle(x: float, y: float, p: Paint) -> str:
    """A drawer's handle: a bar, or a knob."""
    return (
        circle(x, y, 4.5, p.accent) if p.taste == 2 else rect(x - 13, y - 2.5, 26, 5, p.accent, 2.5)
    )
