"""Drawings of what makes a room pleasant."""

from pipelines.simulate.svg import (
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


def vase(p: Paint) -> str:
    """A vase with a branch."""
    outline = {
        0: "M176 150 H224 Q222 176 246 200 Q282 248 246 330 H154 "
           "Q118 248 154 200 Q178 176 176 150 Z",
        1: "M146 150 H254 L240 330 H160 Z",
        2: "M172 150 H228 Q214 172 232 188 Q300 214 262 282 Q252 306 238 330 H162 Q148 306 138 282 "
           "Q100 214 168 188 Q186 172 172 150 Z",
        3: "M180 150 H220 V186 Q284 204 284 262 Q284 330 200 330 "
           "Q116 330 116 262 Q116 204 180 186 Z",
    }[p.taste]  # fmt: skip
    stems = stroke("M196 156 Q186 104 150 66 M202 156 Q204 96 212 40 M206 156 Q220 112 256 82",
                   "#6f8b62", 4)  # fmt: skip
    if p.taste in (0, 3):
        heads = "".join(circle(x, y, 15, p.accent_light) + circle(x, y, 6, p.accent_dark)
                        for x, y in ((148, 62), (212, 38), (260, 78)))  # fmt: skip
    else:
        heads = "".join(turned(ellipse(x, y, 7, 19, "#89a97b"), angle, x, y) for x, y, angle in (
            (150, 68, -40), (172, 92, -70), (168, 70, 20), (212, 44, 0), (196, 74, -50),
            (224, 80, 50), (254, 84, 50), (236, 92, 10), (252, 106, 90)))  # fmt: skip
    pattern = ""
    if p.taste == 1:
        pattern = rect(100, 196, 200, 12, p.pale) + rect(100, 222, 200, 12, p.pale)
    elif p.taste == 2:
        pattern = "".join(
            stroke(f"M{x} 140 Q{x * 2 - 200} 240 {x} 334", p.dark, 3, 0.5)
            for x in (176, 188, 212, 224)
        )
    elif p.taste == 3:
        pattern = rect(100, 250, 200, 90, p.dark) + rect(100, 244, 200, 6, p.accent)
    neck = rect(172 if p.taste != 1 else 142, 145, 56 if p.taste != 1 else 116, 9, p.light, 4)
    shine = stroke("M160 232 Q148 262 160 296", "#ffffff", 9, 0.4)
    ring = rect(120, 300, 160, 7, p.accent) if p.fine else ""
    return (
        shadow(82, 331)
        + stems
        + heads
        + clipped(shape(outline, "url(#main)") + pattern + ring, outline)
        + neck
        + shine
    )


def mirror(p: Paint) -> str:
    """A mirror on the wall: four kinds of frames."""
    if p.taste == 0:
        frame = circle(204, 208, 134, "#000000", 0.14) + circle(200, 200, 134, "url(#main)")
        outline = "M84 200 A116 116 0 0 1 316 200 A116 116 0 0 1 84 200 Z"
    elif p.taste == 1:
        frame = rect(104, 56, 200, 300, "#00000022", 10) + rect(98, 48, 204, 300, "url(#main)", 8)
        outline = "M114 64 H286 V332 H114 Z"
    elif p.taste == 2:
        frame = rect(104, 52, 200, 304, "#00000022", 100) + rect(
            98, 44, 204, 304, "url(#main)", 102
        )
        outline = "M116 146 A84 84 0 0 1 284 146 V246 A84 84 0 0 1 116 246 Z"
    else:
        rays = "".join(
            turned(
                shape("M194 110 L200 30 L206 110 Z", p.main if i % 2 else p.accent),
                i * 15,
                200,
                200,
            )
            for i in range(24)
        )
        frame = rays + circle(200, 200, 96, "url(#main)")
        outline = "M118 200 A82 82 0 0 1 282 200 A82 82 0 0 1 118 200 Z"
    glass = rect(60, 30, 290, 340, "#d7e6ea") + shape(
        "M40 240 L240 20 H320 L80 300 Z", "#ffffff", 0.55
    )
    glass += shape("M130 330 L330 110 V150 L170 340 Z", "#ffffff", 0.4)
    inner = stroke(outline, p.accent if p.fine else p.dark, 5)
    return frame + clipped(glass, outline) + inner


def clock(p: Paint) -> str:
    """A wall clock at ten past ten."""
    face = "#fbf8f1"
    if p.taste == 1:
        case = rect(70, 72, 272, 272, "#00000022", 30) + rect(64, 64, 272, 272, "url(#main)", 28)
        case += rect(82, 82, 236, 236, face, 18)
    else:
        case = circle(205, 208, 138, "#000000", 0.14) + circle(200, 200, 138, "url(#main)")
        case += circle(200, 200, 119, p.dark) + circle(
            200, 200, 116, face if p.taste != 3 else p.pale
        )
    marks = ""
    for hour in range(12):
        if p.taste == 0:
            mark = rect(197, 92, 6, 20 if hour % 3 == 0 else 11, p.main, 3)
        elif p.taste == 1:
            mark = rect(195, 94, 10, 14, p.main)
        elif p.taste == 2:
            mark = stroke(
                "M196 92 L204 112 M204 92 L196 112" if hour % 3 == 0 else "M200 94 V112", p.deep, 4
            )
        else:
            mark = circle(200, 101, 7 if hour % 3 == 0 else 4, p.accent)
        marks += turned(mark, hour * 30, 200, 200)
    hands = turned(rect(195, 138, 10, 70, p.deep, 5), -56, 200, 200)
    hands += turned(rect(196.5, 106, 7, 104, p.deep, 3.5), 62, 200, 200)
    hands += turned(rect(198.5, 112, 3, 116, p.accent, 1.5), 200, 200, 200)
    ring = ""
    if p.fine and p.taste != 1:
        ring = stroke("M66 200 A134 134 0 0 1 334 200 A134 134 0 0 1 66 200", p.accent, 6)
    return case + marks + hands + circle(200, 200, 11, p.accent) + ring


def potted_plant(p: Paint) -> str:
    """A plant in a pot: four kinds of leaves."""
    pot_color = p.accent_light if p.taste == 1 else "#c8744c" if p.taste in (0, 2) else "#efe7da"
    side = p.accent_dark if p.taste == 1 else "#a3552f" if p.taste in (0, 2) else "#cfc4b2"
    leaves = ""
    if p.taste == 0:
        for angle in (-64, -40, -18, 4, 26, 48, 70):
            leaf = shape(
                "M200 240 Q170 150 200 62 Q230 150 200 240 Z", p.main if angle % 4 else p.dark
            )
            leaves += turned(leaf + stroke("M200 232 V88", p.light, 2.5, 0.7), angle, 200, 246)
    elif p.taste == 1:
        for x, top, lean in (
            (160, 104, -10),
            (184, 58, -3),
            (212, 72, 4),
            (238, 112, 12),
            (200, 130, 0),
        ):
            leaf = shape(
                f"M{x - 15} 252 Q{x - 20} {top + 50} {x} {top} Q{x + 20} {top + 50} {x + 15} 252 Z",
                p.main,
            )
            leaf += stroke(f"M{x} 246 V{top + 24}", p.pale, 5, 0.6)
            leaves += turned(leaf, lean, 200, 250)
    elif p.taste == 2:
        leaves = stroke(
            "M200 250 V150 M200 230 Q150 200 130 150 M200 220 Q250 190 272 140", "#7c5a3c", 8
        )
        spots = ((132, 138, 40), (196, 96, 54), (268, 126, 42), (164, 176, 34), (236, 178, 36))
        leaves += "".join(circle(x, y, r, p.dark) for x, y, r in spots)
        leaves += "".join(circle(x - 8, y - 8, r * 0.78, p.main) for x, y, r in spots)
        leaves += "".join(circle(x - 16, y - 16, r * 0.36, p.light) for x, y, r in spots)
    else:
        for angle in (-72, -46, -20, 8, 34, 60):
            stem = stroke("M200 244 Q196 160 200 104", p.dark, 4)
            leaf = shape("M200 128 C150 112 156 56 200 62 C244 56 250 112 200 128 Z", p.main)
            leaf += stroke("M200 124 V74", p.pale, 2.5, 0.7)
            leaves += turned(stem + leaf, angle, 200, 250)
    pot = shape("M142 252 H258 L244 332 H156 Z", pot_color) + shape(
        "M214 252 H258 L244 332 H206 Z", side, 0.5
    )
    pot += rect(134, 238, 132, 22, pot_color, 5) + rect(134, 254, 132, 6, side, 3)
    band = rect(146, 280, 108, 9, p.accent if p.taste != 1 else p.dark) if p.fine else ""
    return shadow(86, 332) + leaves + pot + band
