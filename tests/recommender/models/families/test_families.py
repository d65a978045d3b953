"""Every family: accuracy, gradients, moments, edges; run on TensorFlow and, once more, on JAX."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from recommender.models.families.bernoulli import Bernoulli
from recommender.models.families.beta import Beta
from recommender.models.families.categorical import Categorical
from recommender.models.families.chi_squared import ChiSquared
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.families.registry import FAMILIES, family_from_config
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from tests.bench.families import Case, cases, errors

EVERY: dict[str, tuple[Family, list[float]]] = {
    "gaussian": (Gaussian(), [-3.0, 0.5, 40.0]),
    "truncated": (TruncatedGaussian().adapted(np.array([-1.0, 2.0])), [-1.0, 0.5, 2.0]),
    "truncated fixed": (TruncatedGaussian(low=0.0, high=1.0), [0.0, 0.5, 1.0]),
    "beta": (Beta(), [0.0, 0.3, 1.0]),
    "bernoulli": (Bernoulli(), [0.0, 1.0]),
    "chi-squared": (ChiSquared(), [0.0, 1.0, 50.0]),
    "gamma": (ChiSquared(scaled=True), [0.0, 1.0, 50.0]),
    "log-normal": (LogNormal(), [0.0, 1.0, 50.0]),
    "categorical": (Categorical(3), [0.0, 1.0, 2.0]),
}
each_family = pytest.mark.parametrize(("family", "targets"), EVERY.values(), ids=EVERY)


def gradient(function: Callable[[Any, Any], Any], raw: Any, y: Any) -> Any:
    """Of a function with one number for a result by its first argument, compiled as in training."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(function))(raw, np.float32(y)))
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def slope(raw: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            value = function(raw, y)
        return tape.gradient(value, raw)

    return slope(tf.constant(raw), tf.constant(y, tf.float32)).numpy()


def extreme_raw(family: Family) -> Any:
    """All combinations of -1e4, 0, 1e4 and middling raw outputs, up to 4 of them free."""
    ends = np.array([-1e4, -30.0, 0.0, 30.0, 1e4], np.float32)
    grids = np.meshgrid(*[ends] * min(family.n_raw, 4), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=-1)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_log_prob_is_that_of_scipy(case: Case) -> None:
    assert np.isfinite(case.log_prob).all()
    assert max(errors(case)) < case.limit


@each_family
def test_loss_and_gradient_are_finite_everywhere(family: Family, targets: list[float]) -> None:
    """Raw outputs to ±1e4, targets on the edge of the support and outside."""
    raw = extreme_raw(family)
    everywhere = [*targets, -7.0, 1e3]
    many = np.concatenate([raw] * len(everywhere))
    y = np.repeat(np.float32(everywhere), len(raw))

    def loss(raw: Any, y: Any) -> Any:
        return ops.sum(family.loss_log_prob(family.parameters(raw), y) * 1e-6)

    assert np.isfinite(family.loss_log_prob(family.parameters(many), y)).all()
    assert np.isfinite(loss(many, y))
    assert np.isfinite(gradient(loss, many, y)).all()


@each_family
def test_gradient_is_that_of_small_steps(family: Family, targets: list[float]) -> None:
    """Against differences in float64 by the same formulas in NumPy."""
    raw = np.random.default_rng(0).normal(size=(40, family.n_raw))
    y = np.resize(np.array(targets), 40)
    inside = np.clip(y, 0.05, 0.95) if isinstance(family, Beta) else y

    def in_numpy(raw: Any) -> Any:
        return family.loss_log_prob(family.parameters(raw), inside)

    def loss(raw: Any, y: Any) -> Any:
        return ops.sum(family.loss_log_prob(family.parameters(raw), y))

    found = gradient(loss, raw.astype(np.float32), inside)
    for place in range(family.n_raw):
        step = np.zeros(family.n_raw)
        step[place] = 1e-5
        slope = (in_numpy(raw + step) - in_numpy(raw - step)) / 2e-5
        np.testing.assert_allclose(found[:, place], slope, rtol=1e-3, atol=2e-3)


@each_family
def test_outside_is_impossible_and_costs_a_finite_penalty(
    family: Family, targets: list[float]
) -> None:
    parameters = family.parameters(np.zeros((1, family.n_raw), np.float32))
    if isinstance(family, Gaussian):
        assert np.isfinite(family.log_prob(parameters, np.float32([1e3]))).all()
        return
    outside = np.float32([-50.0])
    assert family.log_prob(parameters, outside) == -np.inf
    near, far = (family.loss_log_prob(parameters, np.float32([y])).item() for y in (-50, -60))
    assert far == pytest.approx(near - 100, rel=1e-3)
    if family.log_prob(parameters, np.float32([60])) == -np.inf:
        assert family.loss_log_prob(parameters, np.float32([60])) < -100


def test_the_penalty_pulls_learned_bounds_out() -> None:
    family = TruncatedGaussian().adapted(np.array([0.0, 1.0]))

    def loss(raw: Any, y: Any) -> Any:
        return -ops.sum(family.loss_log_prob(family.parameters(raw), y))

    slope = gradient(loss, np.zeros((1, 4), np.float32), [5.0])
    assert slope[0, 3] < -1


def test_learned_bounds_stay_outside_of_the_training_range() -> None:
    y = np.array([-1.0, 0.0, 3.0])
    family = TruncatedGaussian().adapted(y)
    parameters = family.parameters(extreme_raw(family))
    assert (parameters["low"] < -1).all()
    assert (parameters["high"] > 3).all()


def test_fixed_bounds_are_kept_and_need_no_outputs() -> None:
    family = TruncatedGaussian(low=0.0).adapted(np.array([0.5, 3.0]))
    assert family.n_raw == 3
    assert (family.parameters(extreme_raw(family))["low"] == 0).all()
    assert TruncatedGaussian(low=0.0, high=1.0).n_raw == 2


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(1.0, 1.0, "less than high"), (-np.inf, 1.0, "finite"), (0.6, None, "outside")],
)
def test_bounds_that_cannot_be(low: float, high: float | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TruncatedGaussian(low=low, high=high).adapted(np.array([0.5, 0.9]))


def test_learned_bounds_need_targets() -> None:
    with pytest.raises(ValueError, match="adapted"):
        TruncatedGaussian().parameters(np.zeros((1, 4)))


@each_family
def test_a_family_comes_back_from_its_config(family: Family, targets: list[float]) -> None:
    assert family_from_config(family.config()) == family


def test_every_family_is_tested_here() -> None:
    assert {family.name for family, _ in EVERY.values()} == set(FAMILIES)
    with pytest.raises(ValueError, match="one of gaussian"):
        family_from_config({"name": "cauchy"})


@each_family
def test_components_start_where_the_targets_are(family: Family, targets: list[float]) -> None:
    """Each explains the targets at least nearly as well as the one start of all of them."""
    y = np.resize(np.array(targets, np.float32), 300)
    family = family.adapted(y)
    raw = family.start(y, 3)
    assert raw.shape == (3, family.n_raw)
    assert np.isfinite(raw).all()
    each = family.loss_log_prob(
        {name: value[:, None] for name, value in family.parameters(raw).items()}, y[None]
    )
    together = family.parameters(family.start(y, 1))
    one = family.loss_log_prob({name: value[:, None] for name, value in together.items()}, y[None])
    assert each.max(axis=0).mean() > one.mean() - 1e-3
    assert (np.bincount(each.argmax(axis=0), minlength=3) > 0).sum() >= min(2, len(set(targets)))
