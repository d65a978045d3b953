"""The mixture density network: trained, saved, loaded, trained on; NumPy says what Keras says."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from recommender.models.families.bernoulli import Bernoulli
from recommender.models.families.beta import Beta
from recommender.models.families.categorical import Categorical
from recommender.models.families.chi_squared import ChiSquared
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.families.registry import FAMILIES
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.mixture import Mixture
from recommender.models.mixture_density import component_use, mixture_network, serving_arrays
from recommender.models.mixture_serving import ServedMixture

Numbers = np.ndarray[Any, Any]

EVERY: dict[str, Family] = {
    "gaussian": Gaussian(),
    "truncated": TruncatedGaussian(),
    "truncated fixed": TruncatedGaussian(low=-6.0),
    "beta": Beta(),
    "bernoulli": Bernoulli(),
    "chi-squared": ChiSquared(),
    "gamma": ChiSquared(scaled=True),
    "log-normal": LogNormal(),
    "categorical": Categorical(3),
}
each_family = pytest.mark.parametrize("family", EVERY.values(), ids=EVERY)


def two_ways(n: int = 600, seed: int = 0) -> tuple[Numbers, Numbers]:
    """x, and y = x or -x with equal chance, a little blurred."""
    random = np.random.default_rng(seed)
    x = random.uniform(1, 3, size=(n, 1)).astype(np.float32)
    y = random.choice([-1, 1], n) * x[:, 0] + 0.1 * random.normal(size=n)
    return x, y.astype(np.float32)


def targets(family: Family, y: Numbers) -> Numbers:
    """The two ways, brought into the family's support."""
    if isinstance(family, Bernoulli):
        return (y > 0).astype(np.float32)
    if isinstance(family, Categorical):
        return np.digitize(y, [-1.5, 1.5]).astype(np.float32)
    if isinstance(family, Beta):
        return (1 / (1 + np.exp(-y))).astype(np.float32)
    return y if isinstance(family, Gaussian | TruncatedGaussian) else np.exp(y)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """As the backend in use compiles it; operation by operation JAX takes far longer."""
    if keras.backend.backend() == "jax":
        import jax

        compiled_by_jax: Callable[..., Any] = jax.jit(function)
        return compiled_by_jax
    import tensorflow as tf

    graph: Callable[..., Any] = tf.function(function)
    return graph


def test_every_family_is_tested_here() -> None:
    assert {family.name for family in EVERY.values()} == set(FAMILIES)


@each_family
def test_saved_and_loaded_it_says_the_same_and_goes_on(family: Family, tmp_path: Path) -> None:
    x, y = two_ways()
    y = targets(family, y)
    keras.utils.set_random_seed(0)
    network = mixture_network(family, 2, x, y, hidden=(8,), learning_rate=0.02)
    before = network.test_on_batch(x, y)
    network.fit(x, y, epochs=4, batch_size=100, verbose=0)
    trained = network.test_on_batch(x, y)
    assert trained < before
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(np.array(loaded(x)), np.array(network(x)))
    assert loaded.test_on_batch(x, y) == pytest.approx(trained, abs=1e-6)
    loaded.fit(x, y, epochs=4, batch_size=100, verbose=0)
    assert loaded.test_on_batch(x, y) < trained


def test_another_process_loads_it_after_one_import(tmp_path: Path) -> None:
    x, y = two_ways()
    network = mixture_network(Gaussian(), 2, x, y)
    network.save(tmp_path / "network.keras")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    script = (
        "import sys, keras, numpy as np, recommender.models.mixture_density; folder = sys.argv[1]; "
        "network = keras.models.load_model(folder + '/network.keras'); "
        "x, y = np.load(folder + '/x.npy'), np.load(folder + '/y.npy'); "
        "sys.stdout.write(repr(float(network.test_on_batch(x, y))))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(told.stdout.split()[-1]) == pytest.approx(network.test_on_batch(x, y), abs=1e-5)


@each_family
def test_serving_in_numpy_says_what_keras_says(family: Family) -> None:
    x, y = two_ways()
    y = targets(family, y)
    keras.utils.set_random_seed(0)
    network = mixture_network(family, 3, x, y, hidden=(8, 4))
    random = np.random.default_rng(1)
    network.set_weights([random.normal(size=each.shape) for each in network.get_weights()])
    mixture = network.layers[-1].mixture
    served = ServedMixture(mixture, serving_arrays(network))

    def in_keras(x: Any, y: Any) -> list[Any]:
        outputs = network(x)
        moments = [mixture.mean(outputs), mixture.variance(outputs)]
        return [outputs, mixture.log_prob(outputs, y), *moments]

    outputs, log_prob, mean, variance = (np.array(each) for each in compiled(in_keras)(x, y))
    np.testing.assert_allclose(served.outputs(x), outputs, atol=1e-5)
    np.testing.assert_allclose(served.log_prob(x, y), log_prob, atol=1e-4)
    np.testing.assert_allclose(served.mean(x), mean, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(served.variance(x), variance, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(served.weights(x).sum(axis=1), 1, atol=1e-6)


def test_two_branches_are_found_and_beat_one_gaussian() -> None:
    x, y = two_ways(n=2000)
    losses = []
    for n_components in (1, 2):
        keras.utils.set_random_seed(0)
        network = mixture_network(Gaussian(), n_components, x, y, learning_rate=0.02)
        network.fit(x, y, epochs=20, batch_size=100, verbose=0)
        losses.append(network.test_on_batch(x, y))
    assert losses[1] < losses[0] - 1
    means = network.layers[-1].mixture.parameters(np.array(network(x)))["mean"][:, :, 0]
    np.testing.assert_allclose(np.sort(means, axis=1), np.hstack([-x, x]), atol=0.2)
    assert component_use(network, x, y).dead == []


def test_components_tie_several_targets_together() -> None:
    """Both targets take the same way: only a mixture over both knows; by hand in NumPy."""
    x, y = two_ways()
    both = np.stack([y, y], axis=1)
    network = mixture_network(Gaussian(), 2, x, both)
    mixture = network.layers[-1].mixture
    outputs = np.array(network(x))
    assert outputs.shape == (600, 2 * (1 + 2 * 2))
    parameters = mixture.parameters(outputs)
    z = (both[:, None] - parameters["mean"]) / parameters["scale"]
    each = -0.5 * z**2 - np.log(parameters["scale"] * np.sqrt(2 * np.pi))
    weights = np.exp(mixture.log_weights(outputs))
    by_hand = np.log((weights * np.exp(each.sum(axis=2))).sum(axis=1))
    np.testing.assert_allclose(mixture.log_prob(outputs, both), by_hand, atol=1e-3)
    assert network.test_on_batch(x, both) == pytest.approx(-by_hand.mean(), abs=1e-3)


@each_family
def test_many_points_at_once_are_as_one_by_one(family: Family) -> None:
    y = targets(family, two_ways()[1])
    mixture = Mixture(family, 3).adapted(y)
    outputs = np.random.default_rng(0).normal(size=(4, mixture.n_outputs)).astype(np.float32)
    points = np.append(y[:7], -50).astype(np.float32)
    found = mixture.log_prob_at(outputs, points)
    for place, point in enumerate(points):
        one = mixture.log_prob(outputs, np.full(4, point, np.float32))
        np.testing.assert_allclose(found[:, place], one, rtol=1e-6, atol=1e-5)
    alone = [mixture.log_prob_at(outputs[row : row + 1], points)[0] for row in range(4)]
    np.testing.assert_allclose(alone, found, rtol=1e-6, atol=1e-5)
    with pytest.raises(ValueError, match="one target, not for 2"):
        Mixture(family, 3, 2).log_prob_at(outputs, points)


def test_dead_components_are_reported() -> None:
    x, y = two_ways()
    network = mixture_network(Gaussian(), 2, x, y)
    assert component_use(network, x, y).dead == []
    bias = np.array(network.layers[-1].bias)
    bias[1] = -1000
    network.layers[-1].bias.assign(bias)
    use = component_use(network, x, y)
    assert use.dead == [1]
    assert use.weights.sum() == pytest.approx(1, abs=1e-6)


def test_a_mixture_needs_components() -> None:
    with pytest.raises(ValueError, match="n_components must be at least 1, got 0"):
        Mixture(Gaussian(), 0)
    with pytest.raises(ValueError, match="one of linear, relu, tanh; got 'gelu'"):
        ServedMixture(Mixture(Gaussian(), 1), {}, "gelu")
