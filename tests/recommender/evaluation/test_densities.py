"""Scores of densities, by hand and against closed forms."""

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from recommender.evaluation.densities import (
    area_under_curve,
    chance_entry,
    density_entry,
    gaussian_scores,
    mixture_scores,
)
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.special import inverse_softplus
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.mixture import Mixture


class Asked:
    """Every page a visit of its own."""

    def __init__(self, n: int) -> None:
        self.session_of_query, self.n_sessions = np.arange(n), n


def crps_by_integral(cdf, y: float, low: float, high: float) -> float:
    below = integrate.quad(lambda t: cdf(t) ** 2, low, y, limit=400)[0]
    return below + integrate.quad(lambda t: (1 - cdf(t)) ** 2, y, high, limit=400)[0]


def test_one_gaussian_has_its_closed_form() -> None:
    random = np.random.default_rng(0)
    means, came = random.normal(size=(2, 50))
    scales = random.uniform(0.05, 2, 50)
    closed = gaussian_scores(means, scales, came)
    assert np.allclose(closed.log_score, stats.norm(means, scales).logpdf(came))
    raw = inverse_softplus(scales - 0.02)
    outputs = np.stack([np.zeros(50), means, raw], axis=1)
    found = mixture_scores(Mixture(Gaussian(0.02), 1), outputs, came)
    for name in ("log_score", "share"):
        assert np.allclose(getattr(found, name), getattr(closed, name), atol=1e-7), name
    assert np.allclose(found.crps, closed.crps, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("came", [-0.8, 0.0, 0.45])
def test_the_crps_of_a_mixture_is_the_integral(came: float) -> None:
    for family in (Gaussian(0.02), TruncatedGaussian(low=-1.0, high=0.5, smallest_scale=0.02)):
        mixture = Mixture(family, 2)
        outputs = np.array([[0.3, -0.2, -0.5, -0.3, 0.2, -5.0]])
        weights = np.exp(mixture.log_weights(outputs))[0]
        known = {name: value[0, :, 0] for name, value in mixture.parameters(outputs).items()}
        parts = stats.norm(known["mean"], known["scale"])
        if "low" in known:
            edges = [(known[name] - known["mean"]) / known["scale"] for name in ("low", "high")]
            parts = stats.truncnorm(*edges, known["mean"], known["scale"])
        exact = crps_by_integral(lambda t, p=parts: (weights * p.cdf(t)).sum(), came, -6, 6)  # noqa: B023
        found = mixture_scores(mixture, outputs, np.array([came])).crps[0]
        assert found == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("came", [1.9, 1.96, 2.3, 5.0, 5.2])
@pytest.mark.parametrize("mean", [-60.0, -3.0, 1.9, 2.0, 9.0])
def test_the_crps_of_a_cut_tail_is_the_integral(mean: float, came: float) -> None:
    """All that a mean far outside of the bounds leaves lies close to one of them."""
    low, high, scale = 1.95, 5.05, 0.33
    mixture = Mixture(TruncatedGaussian(low=low, high=high, smallest_scale=0.02), 1)
    outputs = np.array([[0.0, mean, inverse_softplus(np.float64(scale - 0.02))]])
    cut = stats.truncnorm((low - mean) / scale, (high - mean) / scale, mean, scale)
    edges = cut.ppf([1e-9, 0.01, 0.5, 0.99, 1 - 1e-9])
    fine = np.unique(np.concatenate([*(np.linspace(a, b, 4001) for a, b in pairwise(edges)),
                                     np.linspace(1.8, 5.3, 4001), [low, high, came]]))  # fmt: skip
    exact = integrate.trapezoid(np.where(fine < came, cut.cdf(fine), cut.sf(fine)) ** 2, fine)
    found = mixture_scores(mixture, outputs, np.array([came]))
    assert found.crps[0] == pytest.approx(exact, rel=0.005)
    assert found.share[0] == pytest.approx(cut.cdf(came), abs=1e-7)


def test_the_area_counts_pairs_and_half_of_ties() -> None:
    came = np.array([True, False, True, False])
    assert area_under_curve(np.array([0.9, 0.1, 0.5, 0.5]), came) == 0.875
    assert area_under_curve(np.full(4, 0.3), came) == 0.5
    assert area_under_curve(np.full(4, 0.3), np.zeros(4, np.bool_)) == 0.5


def test_entries_say_who_is_behind_and_by_how_much() -> None:
    random = np.random.default_rng(1)
    came = random.normal(size=400)
    right = gaussian_scores(np.zeros(400), np.ones(400), came)
    wide = gaussian_scores(np.zeros(400), np.full(400, 3.0), came)
    entry = density_entry(Asked(400), {"right": right, "wide": wide}, 200)
    assert entry["pages"] == 400
    assert "behind" not in entry["scores"]["right"]
    behind = entry["scores"]["wide"]["behind"]
    assert 0 < behind["low"] < behind["value"] < behind["high"]
    nll = {name: figures["nll"] for name, figures in entry["scores"].items()}
    assert behind["value"] == pytest.approx(nll["wide"] - nll["right"], abs=2e-4)
    assert entry["scores"]["right"]["coverage@90"] == pytest.approx(0.9, abs=0.05)
    assert entry["scores"]["wide"]["coverage@50"] > 0.9


def test_a_page_outside_of_the_support_leaves_finite_figures() -> None:
    """By hand: uniform to 2 parts in 1000 on [-1, 0.5], and one page of four beyond."""
    came = np.array([-0.5, 0.0, 0.4, 0.6])
    mixture = Mixture(TruncatedGaussian(low=-1.0, high=0.5, smallest_scale=20.0), 1)
    cut = mixture_scores(mixture, np.tile([0.0, 0.0, -20.0], (4, 1)), came)
    assert cut.log_score[3] == -np.inf
    # Ten thousand scales away, a Gaussian is not let off, and not charged more either.
    narrow = gaussian_scores(came + np.array([0, 0, 0, 1e4]), np.full(4, 1.0), came)
    whole = gaussian_scores(came, np.full(4, 1.0), came)
    entry = density_entry(Asked(4), {"whole": whole, "cut": cut, "narrow": narrow}, 50)
    json.dumps(entry, allow_nan=False)
    least = -np.log(1e-37)
    figures, peak = entry["scores"], 0.5 * np.log(2 * np.pi)
    assert figures["cut"]["nll"] == pytest.approx((3 * np.log(1.5) + least) / 4, abs=2e-3)
    assert figures["narrow"]["nll"] == pytest.approx((3 * peak + least) / 4, abs=1e-4)
    assert figures["cut"]["behind"]["value"] == pytest.approx(
        figures["cut"]["nll"] - peak, abs=2e-4
    )
    outside = {name: each["outside"] for name, each in figures.items()}
    assert outside == {"whole": 0, "cut": 0.25, "narrow": 0}


def test_chances_are_calibrated_or_not() -> None:
    random = np.random.default_rng(2)
    chances = random.uniform(0.05, 0.95, 2000)
    came = random.random(2000) < chances
    entry = chance_entry(Asked(2000), {"right": chances, "constant": np.full(2000, 0.9)}, came, 100)
    right, constant = entry["scores"]["right"], entry["scores"]["constant"]
    assert right["expected_calibration_error"] < 0.05
    assert constant["expected_calibration_error"] == pytest.approx(0.9 - came.mean(), abs=1e-3)
    assert right["auc"] > 0.75
    assert constant["auc"] == 0.5
    assert right["nll"] < constant["nll"]
