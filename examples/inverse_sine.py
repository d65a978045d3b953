"""One x, three answers: Bishop's inverse sine, learned by a mixture and by a single Gaussian.

`python examples/inverse_sine.py [FILE.svg]` trains both on 1,000 points, judges them on 10,000
others and draws what they learned.

x = t + 0.3 sin(2πt) + noise is easily learned from t. Asked the other way round, an x in the middle
has three t; a network that answers with their mean is wrong everywhere.

Source: Bishop (1994), "Mixture Density Networks", NCRG/94/004, section 5.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from recommender.models.families.gaussian import Gaussian
from recommender.models.mixture_serving import ServedMixture
from recommender.models.quiet import quiet_start

with quiet_start():
    import keras

    from recommender.models.mixture_density import component_use, mixture_network, serving_arrays

Numbers = NDArray[Any]

NOISE = 0.1
N_TRAIN, N_TEST = 1_000, 10_000
MIDDLE = 0.5
MODE_ABOVE = 0.2
"""A mode counts if it is at least this share of the highest one."""


class Points(NamedTuple):
    """Pairs of x, shape (n, 1), and t, shape (n,)."""

    x: Numbers
    t: Numbers


def forward(t: Numbers) -> Numbers:
    """What x is without noise."""
    return t + 0.3 * np.sin(2 * np.pi * t)


def draw(n: int, seed: int) -> Points:
    """Points of the problem: t even between 0 and 1, the noise of x even within ±0.1."""
    random = np.random.default_rng(seed)
    t = random.random(n)
    x = forward(t) + random.uniform(-NOISE, NOISE, n)
    return Points(x[:, None].astype(np.float32), t.astype(np.float32))


def branches(x: float) -> Numbers:
    """All t whose x without noise is this one."""
    grid = np.linspace(0, 1, 100_001)
    above = forward(grid) > x
    return np.asarray(grid[np.flatnonzero(above[1:] != above[:-1])])


def best_log_likelihood(x: Numbers) -> float:
    """Mean log density of the truth: t is even over all t that can have made this x."""
    made = np.sort(forward(np.linspace(0, 1, 100_001)))
    low, high = np.searchsorted(made, [x[:, 0] - NOISE, x[:, 0] + NOISE])
    return float(-np.log((high - low) / len(made)).mean())


def learn(points: Points, n_components: int, epochs: int, seed: int = 0) -> keras.Model:
    """A network of 20 hidden units with this many Gaussians."""
    keras.utils.set_random_seed(seed)
    network = mixture_network(
        Gaussian(), n_components, points.x, points.t, hidden=(20,), learning_rate=0.02
    )
    network.fit(points.x, points.t, epochs=epochs, batch_size=100, verbose=0)
    return network


def served(network: keras.Model) -> ServedMixture:
    """The network in NumPy."""
    return ServedMixture(network.layers[-1].mixture, serving_arrays(network))


def density(network: ServedMixture, x: float, t: Numbers) -> Numbers:
    """Density p(t|x) at points t, shape (n,)."""
    return np.exp(network.log_prob(np.full((len(t), 1), x), t))


def modes(network: ServedMixture, x: float) -> Numbers:
    """Where p(t|x) has a summit."""
    t = np.linspace(-0.2, 1.2, 1401)
    height = density(network, x, t)
    is_top = (height[1:-1] > height[:-2]) & (height[1:-1] >= height[2:])
    return np.asarray(t[1:-1][is_top & (height[1:-1] > MODE_ABOVE * height.max())])


def main(target: Path | None, epochs: int = 150) -> None:
    """Learn, say what was learned, and draw it."""
    train, test = draw(N_TRAIN, seed=1), draw(N_TEST, seed=2)
    table = Table("", "log-likelihood of held-out points", f"summits of p(t|x) at x = {MIDDLE}")
    learned = []
    for name, n_components in (("one Gaussian", 1), ("mixture of three", 3)):
        network = learn(train, n_components, epochs)
        answers = served(network)
        likelihood = answers.log_prob(*test).mean(dtype=np.float64)
        table.add_row(name, f"{likelihood:.3f}", _listed(modes(answers, MIDDLE)))
        learned.append(answers)
    table.add_row("the truth", f"{best_log_likelihood(test.x):.3f}", _listed(branches(MIDDLE)))
    console = Console(width=100)
    console.print(table)
    dead = component_use(network, *train).dead
    console.print(f"dead components of the mixture: {dead or 'none'}")
    if target is not None:
        target.write_text(picture(train, *learned), "utf-8")
        console.print(f"{target} shows it")


def _listed(numbers: Numbers) -> str:
    return ", ".join(f"{number:.2f}" for number in numbers)


SIDE, GAP, TOP = 230, 44, 30
LOW, HIGH = -0.1, 1.1
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #444 }
.title { font-weight: 600; fill: #222 } .end { text-anchor: end } .middle { text-anchor: middle }
.frame { fill: none; stroke: #bbb } .slice { stroke: #999; stroke-dasharray: 3 3 }
.point { fill: #9aa5b1; opacity: .45 } .branch { stroke: #222; stroke-dasharray: 3 3 }
.c0 { fill: #0b6fb8; stroke: #0b6fb8 } .c1 { fill: #b8530b; stroke: #b8530b }
.c2 { fill: #2c8a4b; stroke: #2c8a4b } .c3 { fill: #6b4fa0; stroke: #6b4fa0 }
.key { stroke: none } .band { stroke: none } .line { fill: none; stroke-width: 2 }
"""


def picture(points: Points, single: ServedMixture, mixture: ServedMixture) -> str:
    """Three panels side by side, as SVG: both networks over the points, and a slice."""
    width = 3 * SIDE + 4 * GAP
    panels = [
        _panel(0, "One Gaussian", "x", "t", [*_dots(points), *_bands(single, 3)]),
        _panel(1, "Mixture of three Gaussians", "x", "t", [*_dots(points), *_bands(mixture, 0)]),
        _panel(2, f"Slice at x = {MIDDLE}", "t", "p(t|x)", _slice(single, mixture)),
    ]
    words = (
        "One Gaussian runs through the middle of three branches and is wide everywhere; "
        "the mixture follows each branch, and its density at x = 0.5 has three summits."
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {SIDE + 2 * TOP + 10}" '
        f'role="img" aria-labelledby="t d"><title id="t">Inverse sine</title>'
        f'<desc id="d">{words}</desc><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}</svg>\n'
    )


def _panel(place: int, title: str, below: str, beside: str, parts: list[str]) -> str:
    frame = f'<rect class="frame" width="{SIDE}" height="{SIDE}"/>'
    text = (
        f'<text class="title" y="-9">{title}</text>'
        f'<text class="middle" x="{SIDE / 2}" y="{SIDE + 20}">{below}</text>'
        f'<text class="end" x="-6" y="{SIDE / 2}">{beside}</text>'
    )
    for number in ("0", "1"):
        across, up = _at(float(number), float(number)).split(",")
        text += f'<text class="middle" x="{across}" y="{SIDE + 15}">{number}</text>'
        if beside == "t":
            text += f'<text class="end" x="-5" y="{float(up) + 4:.1f}">{number}</text>'
    left = GAP + place * (SIDE + GAP)
    return f'<g transform="translate({left} {TOP})">{frame}{"".join(parts)}{text}</g>'


def _at(x: float, y: float) -> str:
    """Place of a point of the square from LOW to HIGH."""
    across, up = ((value - LOW) / (HIGH - LOW) * SIDE for value in (x, y))
    return f"{across:.1f},{SIDE - up:.1f}"


def _dots(points: Points, n: int = 300) -> list[str]:
    places = (
        _at(float(x), float(t)).split(",")
        for x, t in zip(points.x[:n, 0], points.t[:n], strict=True)
    )
    return [f'<circle class="point" cx="{x}" cy="{y}" r="1.8"/>' for x, y in places]


def _bands(network: ServedMixture, style: int) -> list[str]:
    """Each component, mean and two scales to both sides, where its weight is above a tenth."""
    x = np.linspace(0, 1, 121)
    weights, parameters = network.weights(x[:, None]), network.parameters(x[:, None])
    drawn = []
    for component in range(weights.shape[1]):
        mean, scale = (parameters[name][:, component, 0] for name in ("mean", "scale"))
        seen = np.flatnonzero(weights[:, component] > 0.1)
        for run in np.split(seen, np.flatnonzero(np.diff(seen) > 1) + 1):
            upper = [_at(x[n], min(mean[n] + 2 * scale[n], HIGH)) for n in run]
            lower = [_at(x[n], max(mean[n] - 2 * scale[n], LOW)) for n in run[::-1]]
            middle = " ".join(_at(x[n], mean[n]) for n in run)
            name = f"c{style + component}"
            drawn.append(
                f'<polygon class="band {name}" opacity=".22" points="{" ".join(upper + lower)}"/>'
            )
            drawn.append(f'<polyline class="line {name}" style="fill:none" points="{middle}"/>')
    top, foot = (_at(MIDDLE, end).split(",") for end in (HIGH, LOW))
    return [
        *drawn,
        f'<line class="slice" x1="{top[0]}" y1="{top[1]}" x2="{foot[0]}" y2="{foot[1]}"/>',
    ]


def _slice(single: ServedMixture, mixture: ServedMixture) -> list[str]:
    """Both densities at the middle x, and where the branches are."""
    t = np.linspace(0, 1, 241)
    heights = [density(network, MIDDLE, t) for network in (single, mixture)]
    scale = 1 / max(height.max() for height in heights)
    drawn = []
    for branch in branches(MIDDLE):
        x, y = _at(branch, 0).split(",")
        drawn.append(f'<line class="branch" x1="{x}" x2="{x}" y1="{y}" y2="36"/>')
    for name, height, words, y in zip(
        ("c3", "c0"), heights, ("one Gaussian", "mixture"), (15, 30), strict=True
    ):
        drawn.append(f'<text class="{name} key" x="6" y="{y}">{words}</text>')
        line = " ".join(_at(*place) for place in zip(t, height * scale, strict=True))
        drawn.append(f'<polyline class="line {name}" style="fill:none" points="{line}"/>')
    return drawn


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
