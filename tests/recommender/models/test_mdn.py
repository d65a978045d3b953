"""The mixture over the catalog: Keras and NumPy agree, and two planted intents are two."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recommender.data.examples import PAD, Sessions, last_items, sessions_from_lists
from recommender.models.intents import intents
from recommender.models.mdn import Mdn
from recommender.settings import MdnSettings, ModelSettings, Settings, SoftmaxSettings

N_ITEMS = 40


def settings(**softmax: object) -> Settings:
    chosen = {"dim": 16, "hidden": 24, "epochs": 15, "learning_rate": 0.02, **softmax}
    return Settings(
        model=ModelSettings(start="random", deterministic=True),
        mdn=MdnSettings(variant="plain", components=3),
        softmax=SoftmaxSettings.model_validate(chosen),
    )


def two_rings(n: int, seed: int) -> Sessions:
    """Visits that follow a ring of items below 20, or one above, or both in turn."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        at = random.integers(20, size=2)
        turns = random.integers(2, size=8) if random.random() < 0.6 else [random.integers(2)] * 8
        row = []
        for side in turns:
            row.append(int(side * 20 + at[side]))
            at[side] = (at[side] + 1) % 20
        rows.append(row)
    return sessions_from_lists(rows)


@pytest.fixture(scope="module")
def trained() -> Mdn:
    """By the sampled loss; the contract test trains one by the full softmax."""
    chosen = settings(full_below=0, negatives=30)
    return Mdn(N_ITEMS, chosen).fit(two_rings(1500, 0), two_rings(300, 1))


def test_numpy_equals_keras(trained: Mdn) -> None:
    random = np.random.default_rng(3)
    sessions = sessions_from_lists(
        [random.integers(N_ITEMS, size=length % 30).tolist() for length in range(1000)]
    )
    by_keras = trained.network_(last_items(sessions, 20)).numpy()
    assert np.abs(by_keras - trained.scores(sessions)).max() < 1e-4


def test_keras_file_opens_after_one_import(trained: Mdn, tmp_path: Path) -> None:
    trained.save(tmp_path)
    windows = last_items(sessions_from_lists([[1, 2, 23], []]), 20)
    np.save(tmp_path / "windows.npy", windows)
    script = """
import sys
import keras, numpy as np
import recommender.models.mdn_network
folder = sys.argv[1]
network = keras.models.load_model(folder + "/network.keras")
np.save(folder + "/answer.npy", network.predict(np.load(folder + "/windows.npy"), verbose=0))
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True)
    answer = np.load(tmp_path / "answer.npy")
    np.testing.assert_allclose(answer, trained.network_(windows).numpy(), atol=1e-5)


def test_sessions_asked_one_by_one_score_as_together(trained: Mdn) -> None:
    """Alone, a session goes another way through the table, and its intents are kept for later."""
    rows = [[3, 30, 4, 31], [], [7, 7, 7], [3], list(range(30))]
    together = trained.scores(sessions_from_lists(rows))
    for row, scores in zip(rows, together, strict=True):
        alone = sessions_from_lists([row])
        for _ in range(2):
            np.testing.assert_allclose(trained.scores(alone)[0], scores, atol=1e-5)


def test_two_aims_are_two_intents(trained: Mdn) -> None:
    """After items of both rings one intent goes on in each, and one ring alone is one intent."""
    viewed = np.array([3, 30, 4, 31])
    both = trained.intents(viewed, 3)
    assert {int(intent.items[0]) for intent in both} == {5, 32}
    assert {int(viewed[intent.place]) // 20 for intent in both} == {0, 1}
    assert sum(intent.weight for intent in both) == pytest.approx(1, abs=0.01)
    assert [int(one.items[0]) for one in trained.intents(np.array([23, 24, 25, 26]), 3)] == [27]


def test_one_item_is_one_intent(trained: Mdn) -> None:
    (only,) = trained.intents(np.array([7, 7, 7]), 3)
    assert only.weight == pytest.approx(1)
    assert only.place == 2
    allowed = np.zeros(N_ITEMS, np.bool_)
    allowed[[2, 9]] = True
    assert set(trained.intents(np.array([7]), 5, allowed)[0].items.tolist()) == {2, 9}


def test_both_aims_are_likelier_than_under_one_vector(trained: Mdn) -> None:
    """On later visits the mixture tells the next item better than any single intent of it."""
    later = two_rings(200, 2)
    sessions = sessions_from_lists(
        [later.session(row)[:-1].tolist() for row in range(later.n_sessions)]
    )
    targets = np.array([later.session(row)[-1] for row in range(later.n_sessions)])
    rows = np.arange(len(targets))
    mixed = trained.scores(sessions)[rows, targets].mean()
    found, window = trained.components(sessions), last_items(sessions, 20)
    first = found.only(np.array([0]))
    alone = trained._chances(first._replace(weights=np.ones_like(first.weights)), window)[0]
    assert mixed > np.log(alone[rows, targets]).mean() + 0.1


def test_anchors_are_the_newest_item_then_the_one_least_like_it() -> None:
    table = np.float32([[1, 0], [0.9, 0.1], [0, 1], [-1, 0]])
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    window = np.int32([[PAD, 3, 2, 1, 0], [PAD, PAD, PAD, PAD, PAD], [PAD, PAD, 0, 1, 0]])
    found = intents(window, table, unit, np.zeros(5, np.float32), 2.0, 3)
    assert window[0, found.places[0]].tolist() == [0, 3, 2]
    np.testing.assert_array_equal(
        found.is_further, [[True, True, True], [True, False, False], [True, True, False]]
    )
    # Around item 1 the two others of its session, weighed by exp(2 cosine).
    cosine = 0.9 / np.hypot(0.9, 0.1)
    weights = np.exp([2 * cosine, 2, 2 * cosine]) / np.exp([2 * cosine, 2, 2 * cosine]).sum()
    np.testing.assert_allclose(found.means[2, 1], weights @ table[[0, 1, 0]], atol=1e-6)
    assert np.isfinite(found.means).all()
    np.testing.assert_array_equal(found.means[1], 0)
