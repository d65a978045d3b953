"""Special functions against scipy in float64."""

import numpy as np
import pytest
from scipy import integrate, special

from recommender.models.families.special import (
    inverse_softplus,
    log_gamma,
    log_normal_cdf,
    log_sigmoid,
    log_sum_exp,
    log_truncated_normal,
    mills_ratio,
    softplus,
)


def test_mills_ratio() -> None:
    x = np.concatenate([np.linspace(0, 20, 5001), np.logspace(0, 8, 2001)])
    exact = np.sqrt(np.pi / 2) * special.erfcx(x / np.sqrt(2))
    np.testing.assert_allclose(mills_ratio(x), exact, rtol=2e-9)
    np.testing.assert_allclose(mills_ratio(x.astype(np.float32)), exact, rtol=5e-7)


def test_log_normal_cdf() -> None:
    x = np.concatenate([np.linspace(-40, 10, 5001), [-1e4, 1e4]]).astype(np.float32)
    exact = special.log_ndtr(np.float64(x))
    np.testing.assert_allclose(log_normal_cdf(x), exact, rtol=3e-7, atol=2e-7)
    np.testing.assert_allclose(log_normal_cdf(np.float64(x)), exact, rtol=2e-9, atol=1e-9)


def test_log_gamma() -> None:
    x = np.logspace(-3, 4, 5001)
    np.testing.assert_allclose(log_gamma(x), special.gammaln(x), rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.0, 2.0), (-0.01, 0.02), (-9.0, 30.0), (0.0, 1.0), (0.0, 5.0), (5.0, 5.001), (200.0, 900.0),
     (-1000.0, -999.0), (-2.0, -1.9), (3.0, 1e4)],
)  # fmt: skip
def test_truncated_normal_integrates_to_one(low: float, high: float) -> None:
    def density(x: float) -> float:
        at = np.float64(x)
        return float(np.exp(log_truncated_normal(at - low, high - at, *np.float64([low, high]))))

    # Where the mass is: within 40 of its own decay lengths from the nearer bound.
    reach = min(high - low, 40 / max(min(abs(low), abs(high)), 1) if low * high > 0 else 40)
    start = low if low + high > 0 else high - reach
    start = max(low, -20.0) if low * high < 0 else start
    total, _ = integrate.quad(density, start, min(start + reach, high), limit=200)
    assert total == pytest.approx(1, abs=1e-7)


def test_softplus_turns_back() -> None:
    y = np.logspace(-6, 3, 200)
    np.testing.assert_allclose(softplus(inverse_softplus(y)), y, rtol=1e-6)
    assert log_sigmoid(np.float32(-1e4)) == -1e4


def test_log_sum_exp_of_the_impossible() -> None:
    values = np.array([[-np.inf, -np.inf], [-np.inf, 1.0], [1e4, 1e4]])
    np.testing.assert_allclose(log_sum_exp(values), [-np.inf, 1.0, 1e4 + np.log(2)])
