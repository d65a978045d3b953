"""CDF, quantiles and samples agree with densities and moments."""

from typing import Any

import numpy as np
import pytest
from scipy import integrate

from recommender.models.families.bernoulli import Bernoulli
from recommender.models.families.beta import Beta
from recommender.models.families.categorical import Categorical
from recommender.models.families.chi_squared import ChiSquared
from recommender.models.families.distributions import MixtureDistribution, distribution
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.mixture import Mixture

CONTINUOUS: list[Family] = [
    Gaussian(),
    TruncatedGaussian(low=-1.0, high=2.0),
    TruncatedGaussian().adapted(np.array([-1.0, 1.0])),
    Beta(),
    ChiSquared(),
    ChiSquared(scaled=True),
    LogNormal(),
]
DISCRETE: list[Family] = [Bernoulli(), Categorical(4)]


def named(family: Family) -> str:
    return f"{family.name}-{family.n_raw}"


def random_outputs(mixture: Mixture, n: int = 6) -> Any:
    return np.random.default_rng(0).normal(size=(n, mixture.n_outputs))


@pytest.mark.parametrize("family", [*CONTINUOUS, *DISCRETE], ids=named)
def test_moments_are_those_of_scipy(family: Family) -> None:
    raw = np.random.default_rng(0).normal(size=(50, family.n_raw))
    parameters = family.parameters(raw)
    if isinstance(family, Categorical):
        np.testing.assert_allclose(family.mean(parameters).sum(axis=-1), 1)
        shares = np.diff(
            [distribution(family, parameters).cdf(np.full(50, y)) for y in range(-1, 4)], axis=0
        )
        np.testing.assert_allclose(family.mean(parameters), shares.T, atol=1e-9)
        return
    frozen: Any = distribution(family, parameters)
    np.testing.assert_allclose(family.mean(parameters), frozen.mean(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(family.variance(parameters), frozen.var(), rtol=1e-5)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("far", [4.0, 30.0, 1e4])
def test_truncated_moments_far_out(side: int, far: float) -> None:
    """Deep in the tail the rest is exponential: mean 1/far above the bound, with that spread."""
    family = TruncatedGaussian(most_low=0.0, least_high=0.0)
    low, high = sorted([side * far, side * (far + 5)])
    parameters = {
        name: np.float64([value])
        for name, value in {"mean": 0.0, "scale": 1.0, "low": low, "high": high}.items()
    }

    def weighted(power: int) -> float:
        def mass(step: float) -> float:
            return float(step**power * np.exp(-step * far - step**2 / 2))

        return float(integrate.quad(mass, 0, 60 / far, epsabs=0)[0])

    mean = weighted(1) / weighted(0)
    variance = weighted(2) / weighted(0) - mean**2
    found = side * family.mean(parameters)[0] - far
    assert found == pytest.approx(mean, rel=1e-3 if far > 1e3 else 1e-6)
    assert family.variance(parameters)[0] == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize("family", CONTINUOUS, ids=named)
def test_mixture_quantiles_and_cdf_and_density_agree(family: Family) -> None:
    mixture = Mixture(family, 3)
    outputs = random_outputs(mixture)
    told = MixtureDistribution(mixture, outputs)
    shares = [0.05, 0.5, 0.95]
    quantiles = told.quantiles(shares)
    assert quantiles.shape == (6, 3)
    np.testing.assert_allclose(told.cdf(quantiles), np.tile(shares, (6, 1)), atol=1e-6)
    for row in range(6):

        def density(y: float, row: int = row) -> float:
            return float(np.exp(mixture.log_prob(outputs[row : row + 1], np.float64([y]))[0]))

        # Beside the quantiles the density may be infinite (Beta), so between them.
        mass, _ = integrate.quad(
            density, quantiles[row, 0], quantiles[row, 2], limit=400, points=[quantiles[row, 1]]
        )
        assert mass == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize("family", [*CONTINUOUS, *DISCRETE], ids=named)
def test_samples_follow_the_mixture(family: Family) -> None:
    mixture = Mixture(family, 2)
    outputs = random_outputs(mixture)
    told = MixtureDistribution(mixture, outputs)
    drawn = told.sample(4000, seed=1)
    assert drawn.shape == (6, 4000)
    np.testing.assert_array_equal(drawn, told.sample(4000, seed=1))
    middle = told.quantiles([0.5])
    # Standard error .008.
    np.testing.assert_allclose((drawn <= middle).mean(axis=1), told.cdf(middle)[:, 0], atol=0.04)


def test_quantiles_of_discrete_mixtures_are_values_they_take() -> None:
    mixture = Mixture(Categorical(4), 2)
    told = MixtureDistribution(mixture, random_outputs(mixture))
    found = told.quantiles([0.1, 0.5, 0.999])
    np.testing.assert_array_equal(found, np.round(found))
    assert (told.cdf(found) >= [0.1, 0.5, 0.999]).all()
    assert (told.cdf(found - 1) < [0.1, 0.5, 0.999]).all()
