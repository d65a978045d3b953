"""Drawings of what stands on the table and on the stove."""

from pipelines.simulate.svg import (
    FLOOR,
    Paint,
    circle,
    clipped,
    ellipse,
    rect,
    shadow,
    shape,
    stroke,
    turned,
)


def mug(p: Paint) -> str:
    """A mug with a handle and steam."""
    steam = stroke("M170 104 q-14 -18 0 -36 q12 -16 0 -32 M208 104 q-14 -18 0 -36 q12 -16 0 -32",
                   "#ffffff", 7, 0.75)  # fmt: skip
    curve = 26 if p.taste in (0, 2) else 10
    outline = f"M104 132 H276 V{FLOOR - curve - 6} Q276 {FLOOR - 4} {276 - curve} {FLOOR - 4} "
    outline += f"H{104 + curve} Q104 {FLOOR - 4} 104 {FLOOR - curve - 6} Z"
    if p.taste == 0:
        pattern = rect(90, 246, 200, 100, p.pale) + rect(90, 238, 200, 8, p.dark)
    elif p.taste == 1:
        pattern = "".join(rect(90, y, 200, 10, p.dark) for y in (176, 216, 256))
    elif p.taste == 2:
        pattern = "".join(
            circle(x, y, 5, p.pale)
            for y in range(166, 330, 32)
            for x in range(118 + y % 3, 280, 32)
        )
    else:
        pattern = stroke("M90 246 q16 -34 32 0 t32 0 t32 0 t32 0 t32 0 t32 0", p.pale, 8)
        pattern += stroke("M90 276 q16 -34 32 0 t32 0 t32 0 t32 0 t32 0 t32 0", p.accent, 6)
    handle = stroke("M272 172 C346 162 346 274 270 274", p.main, 22)
    handle += stroke("M272 166 C338 158 342 226 330 244", p.light, 5, 0.7)
    body = clipped(shape(outline, "url(#main)") + pattern + rect(116, 140, 14, 190, "#ffffff", 7)
                   .replace("/>", ' opacity=".22"/>'), outline)  # fmt: skip
    rim = ellipse(190, 132, 86, 17, p.light) + ellipse(190, 132, 76, 12, p.deep)
    rim += ellipse(190, 135, 70, 8, "#5b3a26")
    gold = stroke("M104 132 A86 17 0 0 0 276 132", p.accent, 5) if p.fine else ""
    return shadow(110, FLOOR - 4, 196) + steam + handle + body + rim + gold


def plate(p: Paint) -> str:
    """A plate from above."""
    rim = circle(206, 212, 138, "#000000", 0.13) + circle(200, 202, 138, p.main)
    rim += circle(200, 202, 131, "url(#main)")
    if p.taste == 0:
        rim += circle(200, 202, 118, p.pale) + circle(200, 202, 111, "url(#main)")
    elif p.taste == 1:
        rim += circle(200, 202, 126, p.deep) + circle(200, 202, 120, p.main)
    elif p.taste == 2:
        rim += "".join(
            turned(ellipse(200, 84, 7, 12, p.pale), angle, 200, 202) for angle in range(0, 360, 24)
        )
    else:
        rim += "".join(
            turned(stroke("M192 76 L200 94 L208 76", p.pale, 4), angle, 200, 202)
            for angle in range(0, 360, 20)
        )
    well = (
        circle(200, 202, 92, p.dark)
        + circle(200, 204, 90, p.light)
        + circle(200, 206, 84, "url(#main)")
    )
    shine = stroke("M128 168 A80 80 0 0 1 176 130", "#ffffff", 9, 0.5)
    gold = ""
    if p.fine:
        gold = stroke("M64 202 A136 136 0 0 1 336 202 A136 136 0 0 1 64 202", p.accent, 5)
    return rim + well + shine + gold


def wine_glass(p: Paint) -> str:
    """A glass half full."""
    bowl = {
        0: "M142 62 Q126 190 200 206 Q274 190 258 62 Z",
        1: "M134 62 L150 168 Q200 226 250 168 L266 62 Z",
        2: "M150 62 Q96 168 186 206 H214 Q304 168 250 62 Z",
        3: "M160 56 Q136 166 194 212 H206 Q264 166 240 56 Z",
    }[p.taste]
    wine = rect(90, 128, 220, 100, p.main) + ellipse(200, 128, 110, 10, p.light)
    stem = shape("M195 200 H205 Q202 270 206 316 H194 Q198 270 195 200 Z", "#c3d3d8")
    if p.fine:
        stem += circle(200, 226, 9, p.accent)
    foot = ellipse(200, 324, 62, 10, "#aebfc5") + ellipse(200, 320, 62, 9, "#dbe6e9")
    glass = shape(bowl, "#e9f2f4") + clipped(wine, bowl) + stroke(bowl, "#b7c9cf", 4)
    shine = stroke("M160 84 Q154 130 166 164", "#ffffff", 8, 0.75)
    return shadow(74, 328) + stem + foot + glass + shine


def saucepan(p: Paint) -> str:
    """A pan with a lid and a long handle."""
    handle = rect(270, 206, 112, 20, p.accent_dark, 10) + rect(274, 208, 104, 7, p.accent, 3)
    r = 34 if p.taste in (2, 3) else 14
    body = f"M66 190 H286 V{FLOOR - 4 - r} Q286 {FLOOR - 4} {286 - r} {FLOOR - 4} "
    body += f"H{66 + r} Q66 {FLOOR - 4} 66 {FLOOR - 4 - r} Z"
    pattern = ""
    if p.taste == 1:
        pattern = rect(60, 300, 240, 40, p.deep) + rect(60, 292, 240, 5, p.accent)
    elif p.taste == 2:
        pattern = rect(60, 222, 240, 5, p.light) + rect(60, 232, 240, 3, p.light)
    elif p.taste == 3:
        pattern = "".join(circle(x, 262, 9, p.pale) for x in range(86, 290, 30))
    pot = clipped(shape(body, "url(#main)") + pattern, body)
    pot += stroke("M88 214 V296", "#ffffff", 9, 0.3) + rect(58, 182, 236, 14, p.dark, 7)
    if p.taste in (0, 2):
        lid = shape("M70 182 Q84 134 176 132 Q268 134 282 182 Z", p.light)
        lid += shape("M176 132 Q268 134 282 182 H220 Q220 150 176 132 Z", p.main)
    else:
        lid = shape("M70 182 Q78 158 112 156 H240 Q274 158 282 182 Z", p.light)
    top = 132 if p.taste in (0, 2) else 156
    knob = rect(169, top - 16, 14, 18, p.accent_dark) + rect(154, top - 28, 44, 15, p.accent, 7)
    rivets = circle(282, 216, 4, p.pale) if p.fine else ""
    return shadow(128, 330, 178) + handle + pot + lid + knob + rivets


def kettle(p: Paint) -> str:
    """A kettle with spout and handle."""
    root = 256 if p.taste == 1 else 276
    spout = shape(f"M{root} 216 L344 160 L362 168 L352 182 L284 286 Z", p.dark)
    body = {
        0: "M92 322 Q66 170 190 158 Q314 170 288 322 Z",
        1: "M96 322 L124 162 H256 L284 322 Z",
        2: "M106 322 Q52 270 84 214 Q110 162 190 158 Q270 162 296 214 Q328 270 274 322 Z",
        3: "M78 314 Q78 164 190 160 Q302 164 302 314 Q302 326 290 326 H90 Q78 326 78 314 Z",
    }[p.taste]
    if p.taste == 1:
        grip = stroke("M132 158 V84 H248 V158", p.accent, 15)
    else:
        grip = stroke("M108 186 Q110 78 190 76 Q270 78 272 186", p.accent, 14)
        grip += stroke("M148 92 Q190 70 232 92", p.accent_dark, 17)
    lid = ellipse(190, 162, 60, 12, p.dark) + ellipse(190, 158, 56, 11, p.light)
    lid += circle(190, 140, 12, p.accent) + circle(186, 136, 4, p.accent_light)
    band = rect(60, 296, 260, 40, p.dark) if p.taste in (0, 3) else rect(60, 306, 260, 30, p.deep)
    if p.fine:
        band += rect(60, 288, 260, 6, p.accent)
    shine = stroke("M122 220 Q112 254 118 290", "#ffffff", 11, 0.35)
    return (
        shadow(122, 326, 196)
        + spout
        + grip
        + clipped(shape(body, "url(#main)") + band, body)
        + lid
        + shine
    )
