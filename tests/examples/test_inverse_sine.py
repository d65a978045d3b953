"""The example, shortened: the mixture finds the three branches that one Gaussian cannot."""

from xml.etree import ElementTree

import numpy as np
import pytest

from examples.inverse_sine import (
    MIDDLE,
    Points,
    best_log_likelihood,
    branches,
    draw,
    forward,
    learn,
    modes,
    picture,
    served,
)
from recommender.models.mixture_serving import ServedMixture


@pytest.fixture(scope="module")
def learned() -> tuple[Points, ServedMixture, ServedMixture]:
    train = draw(1_000, seed=1)
    single, mixture = (served(learn(train, n_components, epochs=60)) for n_components in (1, 3))
    return train, single, mixture


def test_the_branches_are_where_x_comes_from() -> None:
    assert branches(MIDDLE) == pytest.approx([0.2096, 0.5, 0.7904], abs=1e-4)
    np.testing.assert_allclose(forward(branches(MIDDLE)), MIDDLE, atol=1e-4)
    assert len(branches(0.1)) == 1


def test_the_best_likelihood_counts_what_can_have_made_x() -> None:
    """At the left end only t near 0: all t below .1 / (1 + .6π), where the curve is straight."""
    reach = 0.1 / (1 + 0.6 * np.pi)
    assert best_log_likelihood(np.array([[0.0]])) == pytest.approx(-np.log(reach), abs=0.01)


def test_the_mixture_finds_the_branches(
    learned: tuple[Points, ServedMixture, ServedMixture],
) -> None:
    _, single, mixture = learned
    found = modes(mixture, MIDDLE)
    assert len(found) == 3
    np.testing.assert_allclose(found, branches(MIDDLE), atol=0.05)
    assert len(modes(single, MIDDLE)) == 1
    # Outside the fold there is one branch, and both see one.
    assert modes(mixture, 0.05)[0] == pytest.approx(branches(0.05)[0], abs=0.05)


def test_the_mixture_is_likelier_and_nothing_beats_the_truth(
    learned: tuple[Points, ServedMixture, ServedMixture],
) -> None:
    _, single, mixture = learned
    test = draw(4_000, seed=2)
    of_single, of_mixture = (network.log_prob(*test).mean() for network in (single, mixture))
    assert of_single + 0.5 < of_mixture < best_log_likelihood(test.x)


def test_the_picture_is_drawn(learned: tuple[Points, ServedMixture, ServedMixture]) -> None:
    root = ElementTree.fromstring(picture(*learned))
    bands = [each for each in root.iter() if "band" in each.get("class", "")]
    assert len(bands) >= 4
