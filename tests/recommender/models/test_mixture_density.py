"""The mixture density network: trained, saved, loaded, trained on; NumPy says what Keras says."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from recommender.models.families.bernoulli import Bernoulli
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.truncated_gaussian import TruncatedGaussian
from recommender.models.mixture import Mixture
from recommender.models.mixture_density import component_use, mixture_network

FAMILIES = [Gaussian(), TruncatedGaussian(), TruncatedGaussian(low=-6.0), Bernoulli()]


def two_ways(seed: int = 0, n: int = 600) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """x, and y = x or -x with equal chance, a little blurred."""
    random = np.random.default_rng(seed)
    x = random.uniform(1, 3, size=(n, 1)).astype(np.float32)
    y = random.choice([-1, 1], n) * x[:, 0] + 0.1 * random.normal(size=n)
    return x, y.astype(np.float32)


def targets(family: Family, y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (y > 0).astype(np.float32) if isinstance(family, Bernoulli) else y


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name}-{family.n_raw}")
def test_saved_and_loaded_it_says_the_same_and_goes_on(family: Family, tmp_path: Path) -> None:
    x, y = two_ways()
    y = targets(family, y)
    keras.utils.set_random_seed(0)
    network = mixture_network(family, 2, x, y, learning_rate=0.01)
    before = network.evaluate(x, y, verbose=0)
    network.fit(x, y, epochs=3, verbose=0)
    trained = network.evaluate(x, y, verbose=0)
    assert trained < before
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(trained, abs=1e-6)
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), network.predict(x, verbose=0), atol=1e-6
    )
    loaded.fit(x, y, epochs=2, verbose=0)
    assert loaded.evaluate(x, y, verbose=0) < trained


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name}-{family.n_raw}")
def test_numpy_says_what_keras_says(family: Family) -> None:
    y = targets(family, two_ways()[1])
    mixture = Mixture(family, 3).adapted(y)
    outputs = np.random.default_rng(1).normal(size=(len(y), mixture.n_outputs)).astype(np.float32)
    tensor = keras.ops.convert_to_tensor(outputs)
    in_keras = mixture.log_prob(tensor, keras.ops.convert_to_tensor(y))
    np.testing.assert_allclose(
        mixture.log_prob(outputs, y), keras.ops.convert_to_numpy(in_keras), atol=1e-4
    )
    for one, other in ((mixture.mean, "mean"), (mixture.variance, "variance")):
        np.testing.assert_allclose(
            one(outputs),
            keras.ops.convert_to_numpy(getattr(mixture, other)(tensor)),
            rtol=1e-4,
            atol=1e-5,
        )


def test_two_branches_are_found_and_beat_one_gaussian() -> None:
    x, y = two_ways(n=2000)
    losses = []
    for n_components in (1, 2):
        keras.utils.set_random_seed(0)
        network = mixture_network(Gaussian(), n_components, x, y, learning_rate=0.01)
        network.fit(x, y, epochs=120, batch_size=500, verbose=0)
        losses.append(network.evaluate(x, y, verbose=0))
    assert losses[1] < losses[0] - 1
    means = Mixture(Gaussian(), 2).parameters(network.predict(x, verbose=0))["mean"][:, :, 0]
    np.testing.assert_allclose(np.sort(means, axis=1), np.hstack([-x, x]), atol=0.2)
    assert component_use(network, x, y).dead == []


def test_dead_components_are_reported() -> None:
    x, y = two_ways()
    network = mixture_network(Gaussian(), 2, x, y)
    bias = np.array(network.layers[-1].bias)
    bias[1] = -1000
    network.layers[-1].bias.assign(bias)
    use = component_use(network, x, y)
    assert use.dead == [1]
    assert use.weights.sum() == pytest.approx(1, abs=1e-6)
