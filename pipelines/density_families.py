"""Which family, and how many components, foresee best: compared on validation."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.densities import split_visits
from pipelines.inquiry import Inquiry
from recommender.data.days import rfc3339
from recommender.densities.fit import MIN_EXAMPLES, DensityFit, Questions
from recommender.densities.pause import pause_mixture
from recommender.densities.targets import SHORTEST_S
from recommender.errors import DataError
from recommender.evaluation.densities import figures_of, floored, mixture_scores
from recommender.models.families.chi_squared import ChiSquared
from recommender.models.mixture import Mixture
from recommender.settings import Settings

PRICES = [
    *(("gaussian", n) for n in (1, 2, 4, 8)),
    *(("truncated_gaussian", n) for n in (1, 2, 4, 8)),
]
PAUSES = [
    *(("log_normal", n) for n in (1, 2, 4, 8)),
    *(("gamma", n) for n in (1, 2, 4, 8)),
]
"""Gamma is the chi-squared family with a learned scale."""


def compare_families(inquiry: Inquiry) -> dict[str, Any]:
    """Fit families and numbers of components before validation, and judge them on it.

    The test days are not looked at.

    Raises:
        DataError: If the log is too small to compare anything.
        CatalogError: If there is a catalog that cannot be read.
    """
    settings, borders, say = inquiry.settings, inquiry.borders, inquiry.say
    visits = split_visits(inquiry, borders.validation_us, borders.test_us)
    learned, asked = visits.learned, visits.asked
    told = inquiry.on_training("families") or (lambda _: None)
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, tried, judged in (("price", PRICES, _price), ("pause", PAUSES, _pause)):
        if len(learned[name]) < MIN_EXAMPLES or not len(asked[name]):
            continue
        rows[name] = []
        for family, n_components in tried:
            say(f"{name}: {family}, {n_components}…")
            began = time.perf_counter()
            chosen = _chosen(settings, family, n_components)
            fit = DensityFit(chosen, on_epoch=told)
            figures = judged(fit, family, learned[name], asked[name])
            took_s = round(time.perf_counter() - began, 1)
            say(f"  -log p {figures['nll']:.4f} after {took_s:.0f} s")
            rows[name].append({
                "family": family, "components": n_components, **figures,
                "epochs": fit.epochs[name], "train_s": took_s,
            })  # fmt: skip
    if not rows:
        raise DataError(
            f"too little to compare families on before {rfc3339(borders.validation_us)}; "
            "import more events"
        )
    return {
        "from": rfc3339(borders.validation_us),
        "until": rfc3339(borders.test_us),
        "families": rows,
    }


def _chosen(settings: Settings, family: str, n_components: int) -> Settings:
    update: dict[str, Any] = {"price_components": n_components, "pause_components": n_components}
    if family in ("gaussian", "truncated_gaussian"):
        update["price_family"] = family
    densities = settings.densities.model_copy(update=update)
    return settings.model_copy(update={"densities": densities})


def _price(fit: DensityFit, _: str, learned: Questions, asked: Questions) -> dict[str, float]:
    price = fit.price(learned)
    return figures_of(mixture_scores(price.mixture, price.outputs(asked.features), asked.targets))


def _pause(fit: DensityFit, family: str, learned: Questions, asked: Questions) -> dict[str, float]:
    """Of the seconds' logarithm, whatever the family is of."""
    n_components = fit.settings.densities.pause_components
    if family == "gamma":
        mixture = Mixture(ChiSquared(scaled=True, edge=SHORTEST_S), n_components)
        pause = fit.pause(learned, mixture)
        of_seconds = pause.log_prob(asked.features, asked.targets)
        return {"nll": _mean(-floored(of_seconds + np.log(asked.targets)))}
    pause = fit.pause(learned, pause_mixture(n_components))
    outputs = pause.outputs(asked.features)
    return figures_of(mixture_scores(pause.of_log, outputs, np.log(asked.targets)))


def _mean(values: NDArray[np.float64]) -> float:
    return round(float(values.mean()), 4)
