"""`python -m tests.bench.families`: how far log_prob in float32 is from scipy.stats in float64.

20,000 random points a case, on Keras tensors of TensorFlow and JAX and on NumPy arrays. Both sides
get the same float32 parameters and points; scipy takes them as float64.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recommender.models.families.bernoulli import Bernoulli
from recommender.models.families.beta import Beta
from recommender.models.families.categorical import Categorical
from recommender.models.families.chi_squared import ChiSquared
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.quiet import quiet_start

N_POINTS = 20_000
BACKENDS = ("tensorflow", "jax")

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """Random points of a family, what scipy says there, and what error is allowed."""

    name: str
    family: Family
    parameters: dict[str, Numbers]
    y: Numbers
    log_prob: Numbers
    limit: float


def float32(values: Any) -> Numbers:
    return np.asarray(values, np.float32)


def log_uniform(random: np.random.Generator, low: float, high: float) -> Numbers:
    return float32(np.exp(random.uniform(np.log(low), np.log(high), N_POINTS)))


def cases(seed: int = 0) -> list[Case]:
    """All of them, each from its own seed, so that a new one leaves the others as they are."""
    makers = (
        gaussian,
        truncated_mild,
        truncated_extreme,
        truncated_low_side,
        beta_own,
        beta_anywhere,
        bernoulli,
        chi_squared_own,
        chi_squared_anywhere,
        gamma,
        log_normal,
        categorical,
    )
    return [maker(np.random.default_rng([seed, place])) for place, maker in enumerate(makers)]


def gaussian(random: np.random.Generator) -> Case:
    mean, scale = float32(3 * random.normal(size=N_POINTS)), log_uniform(random, 0.02, 20)
    y = float32(mean + scale * random.normal(size=N_POINTS))
    log_prob = stats.norm.logpdf(*map(np.float64, (y, mean, scale)))
    name = "Gaussian, scale .02 to 20"
    return Case(name, Gaussian(), {"mean": mean, "scale": scale}, y, log_prob, 4e-6)


def truncated(
    random: np.random.Generator, name: str, window: tuple[float, float], limit: float
) -> Case:
    """The interval is two random places of the window, in scales from the mean."""
    mean, scale = float32(random.normal(size=N_POINTS)), log_uniform(random, 0.1, 10)
    ends = np.sort(random.uniform(*window, (N_POINTS, 2)), axis=1)
    low = float32(mean + scale * ends[:, 0])
    high = float32(np.maximum(mean + scale * ends[:, 1], low + 0.01 * scale))
    y = np.clip(float32(low + random.random(N_POINTS) * (high - low)), low, high)
    parameters = {"mean": mean, "scale": scale, "low": low, "high": high}
    exact = {name: np.float64(values) for name, values in parameters.items()}
    bounds = [(exact[end] - exact["mean"]) / exact["scale"] for end in ("low", "high")]
    log_prob = stats.truncnorm.logpdf(np.float64(y), *bounds, exact["mean"], exact["scale"])
    family = TruncatedGaussian(most_low=0.0, least_high=0.0)
    return Case(f"truncated Gaussian, {name}", family, parameters, y, log_prob, limit)


def truncated_mild(random: np.random.Generator) -> Case:
    return truncated(random, "interval within ±3 scales", (-3, 3), 3e-5)


def truncated_extreme(random: np.random.Generator) -> Case:
    return truncated(random, "interval 8 to 30 scales out", (8, 30), 5e-3)


def truncated_low_side(random: np.random.Generator) -> Case:
    return truncated(random, "interval 8 to 30 scales below", (-30, -8), 5e-3)


def beta(random: np.random.Generator, name: str, *, own: bool) -> Case:
    a, b = (float32(random.uniform(0.05, 50, N_POINTS)) for _ in range(2))
    y = random.beta(a, b) if own else random.random(N_POINTS)
    y = np.clip(float32(y), np.float32(1e-30), np.float32(1 - 2**-24))
    log_prob = stats.beta.logpdf(*map(np.float64, (y, a, b)))
    return Case(f"Beta, a and b to 50, {name}", Beta(), {"a": a, "b": b}, y, log_prob, 6e-5)


def beta_own(random: np.random.Generator) -> Case:
    return beta(random, "its own y", own=True)


def beta_anywhere(random: np.random.Generator) -> Case:
    return beta(random, "any y", own=False)


def bernoulli(random: np.random.Generator) -> Case:
    logit, y = (
        float32(random.uniform(-15, 15, N_POINTS)),
        float32(random.integers(2, size=N_POINTS)),
    )
    log_prob = -np.logaddexp(0, np.float64(logit) * (1 - 2 * y))
    return Case("Bernoulli, logit ±15", Bernoulli(), {"logit": logit}, y, log_prob, 2e-6)


def chi_squared(random: np.random.Generator, name: str, *, own: bool) -> Case:
    df, one = log_uniform(random, 0.1, 100), float32(np.ones(N_POINTS))
    y = random.chisquare(df) if own else random.uniform(0, 150, N_POINTS)
    y = np.maximum(float32(y), np.float32(1e-30))
    log_prob = stats.chi2.logpdf(*map(np.float64, (y, df)))
    parameters = {"df": df, "scale": one}
    return Case(f"Chi-squared, df .1 to 100, {name}", ChiSquared(), parameters, y, log_prob, 4e-5)


def chi_squared_own(random: np.random.Generator) -> Case:
    return chi_squared(random, "its own y", own=True)


def chi_squared_anywhere(random: np.random.Generator) -> Case:
    return chi_squared(random, "y to 150", own=False)


def gamma(random: np.random.Generator) -> Case:
    df, scale = log_uniform(random, 0.1, 100), log_uniform(random, 0.05, 50)
    y = np.maximum(float32(scale * random.chisquare(df)), np.float32(1e-30))
    log_prob = stats.chi2.logpdf(np.float64(y), np.float64(df), scale=np.float64(scale))
    name, parameters = "Chi-squared with a scale (Gamma), its own y", {"df": df, "scale": scale}
    return Case(name, ChiSquared(scaled=True), parameters, y, log_prob, 4e-5)


def log_normal(random: np.random.Generator) -> Case:
    mean, scale = float32(3 * random.normal(size=N_POINTS)), log_uniform(random, 0.1, 3)
    y = float32(np.exp(mean + scale * random.normal(size=N_POINTS)))
    mean_of_log, scale_of_log = np.float64(mean), np.float64(scale)
    log_prob = stats.lognorm.logpdf(np.float64(y), scale_of_log, scale=np.exp(mean_of_log))
    name, parameters = "log-normal, scale .1 to 3", {"mean": mean, "scale": scale}
    return Case(name, LogNormal(), parameters, y, log_prob, 4e-5)


def categorical(random: np.random.Generator) -> Case:
    logits, y = float32(4 * random.normal(size=(N_POINTS, 20))), random.integers(20, size=N_POINTS)
    exact = np.float64(logits)
    logs = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    family = Categorical(20)
    parameters = dict(family.parameters(logits))
    return Case(
        "categorical, 20 classes",
        family,
        parameters,
        float32(y),
        logs[np.arange(N_POINTS), y],
        4e-6,
    )


def errors(case: Case) -> tuple[float, float]:
    """Largest error on tensors of Keras's backend, and on NumPy arrays."""
    from keras import ops

    tensors = {name: ops.convert_to_tensor(values) for name, values in case.parameters.items()}
    in_keras = ops.convert_to_numpy(case.family.log_prob(tensors, ops.convert_to_tensor(case.y)))
    in_numpy = case.family.log_prob(case.parameters, case.y)
    return tuple(float(np.abs(found - case.log_prob).max()) for found in (in_keras, in_numpy))  # type: ignore[return-value]


def print_errors() -> None:
    """One line a case, for the backend of this process."""
    with quiet_start():
        import keras  # noqa: F401
    for case in cases():
        sys.stdout.write("\t".join(map(str, [case.name, *errors(case), case.limit])) + "\n")


def main() -> None:
    """Ask a process for each backend, as Keras takes its backend once."""
    from rich.console import Console
    from rich.table import Table

    found: dict[str, list[str]] = {}
    limits: dict[str, str] = {}
    for backend in BACKENDS:
        told = subprocess.run(
            [sys.executable, "-c", "from tests.bench.families import print_errors; print_errors()"],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for name, in_keras, in_numpy, limit in (line.split("\t") for line in told.splitlines()):
            found.setdefault(name, [in_numpy]).insert(-1, in_keras)
            limits[name] = limit
    table = Table("largest error of log_prob in float32", *BACKENDS, "numpy", "to match")
    for name, values in found.items():
        table.add_row(name, *(f"{float(each):.1e}" for each in [*values, limits[name]]))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
