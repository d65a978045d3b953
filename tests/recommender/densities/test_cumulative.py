"""Shares and quantiles in NumPy are those of scipy."""

import numpy as np
import pytest
from scipy import stats

from recommender.densities.cumulative import cumulative, quantiles
from recommender.models.families.distributions import MixtureDistribution
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.families.special import inverse_softplus
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.mixture import Mixture

FAMILIES = [
    Gaussian(0.02),
    LogNormal(0.1),
    TruncatedGaussian(smallest_scale=0.02),
    TruncatedGaussian(low=-1.0, high=0.5, smallest_scale=0.02),
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name}-{family.n_raw}")
def test_as_scipy_says(family) -> None:
    random = np.random.default_rng(0)
    mixture = Mixture(family, 3).adapted(np.array([-0.9, 0.4]))
    outputs = random.normal(0, 2, (40, mixture.n_outputs))
    points = np.sort(random.normal(0, 2, (40, 9)), axis=1)
    if family.name == "log_normal":
        points = np.exp(points)
    reference = MixtureDistribution(mixture, outputs)
    assert np.allclose(cumulative(mixture, outputs, points), reference.cdf(points), atol=1e-8)
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = quantiles(mixture, outputs, shares)
    assert np.allclose(cumulative(mixture, outputs, found), [shares] * 40, atol=1e-8)
    assert np.allclose(found, reference.quantiles(shares), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mean", [-3.0, 1.9, 3.5, 9.0])
@pytest.mark.parametrize("scale", [0.05, 0.33, 40.0])
def test_quantiles_lie_between_the_bounds(mean: float, scale: float) -> None:
    """Nine scales from a mean may all be outside of the support."""
    mixture = Mixture(TruncatedGaussian(low=1.95, high=5.05), 1)
    raw = inverse_softplus(np.float64(scale - mixture.family.smallest_scale))
    shares = (0.05, 0.5, 0.95)
    found = quantiles(mixture, np.array([[0.0, mean, raw]]), shares)[0]
    cut = stats.truncnorm((1.95 - mean) / scale, (5.05 - mean) / scale, mean, scale)
    assert ((found > 1.95) & (found < 5.05)).all()
    assert np.allclose(found, cut.ppf(shares), rtol=0, atol=1e-6)


def test_components_have_bounds_of_their_own() -> None:
    mixture = Mixture(TruncatedGaussian(), 2).adapted(np.array([2.0, 5.0]))
    scale = inverse_softplus(np.float64(0.33))
    outputs = np.array([[0.0, 0.0, -3.0, scale, 0.1, 4.0, 40.0, scale, 2.0, 0.1]])
    shares = (0.01, 0.4, 0.6, 0.99)
    reference = MixtureDistribution(mixture, outputs).quantiles(shares)
    assert np.allclose(quantiles(mixture, outputs, shares), reference, rtol=0, atol=1e-6)


def test_far_tails_do_not_cancel() -> None:
    mixture = Mixture(TruncatedGaussian(low=0.0, high=2.0), 1)
    for mean, below in ((-50.0, 1.0), (50.0, 0.0)):
        outputs = np.array([[0.0, mean, 0.5]])
        share = cumulative(mixture, outputs, np.array([[0.0, 1.0, 2.0]]))[0]
        assert np.isfinite(share).all()
        assert share[1] == pytest.approx(below, abs=1e-9)
        assert share[[0, 2]].tolist() == [0, 1]
