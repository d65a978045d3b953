"""The compact network: Keras and NumPy agree, and training does what it says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recommender.data.examples import Sessions, last_items, sessions_from_lists
from recommender.errors import DataError, SettingsError
from recommender.models.softmax import Softmax
from recommender.settings import ModelSettings, Settings, SoftmaxSettings

N_ITEMS = 40


def settings(start: str = "random", **softmax: object) -> Settings:
    chosen = {"variant": "plain", "dim": 16, "hidden": 24, "epochs": 4, **softmax}
    return Settings(
        model=ModelSettings(start=start, deterministic=True),  # type: ignore[arg-type]
        softmax=SoftmaxSettings.model_validate(chosen),
    )


@pytest.fixture(scope="module")
def trained(ring: tuple[Sessions, Sessions]) -> Softmax:
    return Softmax(N_ITEMS, settings()).fit(*ring)


def test_numpy_equals_keras(trained: Softmax) -> None:
    """1,000 sessions of every length, the empty one included: 1e-4 in log p."""
    random = np.random.default_rng(3)
    sessions = sessions_from_lists(
        [random.integers(N_ITEMS, size=length % 30).tolist() for length in range(1000)]
    )
    by_keras = trained.network_(last_items(sessions, 20)).numpy()
    assert np.abs(by_keras - trained.scores(sessions)).max() < 1e-4


def test_keras_file_opens_after_one_import(trained: Softmax, tmp_path: Path) -> None:
    trained.save(tmp_path)
    windows = last_items(sessions_from_lists([[1, 2, 3], []]), 20)
    np.save(tmp_path / "windows.npy", windows)
    script = """
import sys
import keras, numpy as np
import recommender.models.softmax_training
folder = sys.argv[1]
network = keras.models.load_model(folder + "/network.keras")
answer = network.predict(np.load(folder + "/windows.npy"), verbose=0)
np.save(folder + "/answer.npy", answer)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True)
    answer = np.load(tmp_path / "answer.npy")
    np.testing.assert_allclose(answer, trained.network_(windows).numpy(), atol=1e-5)


def test_sampled_softmax_learns_the_same_structure(ring: tuple[Sessions, Sessions]) -> None:
    sampled = settings(full_below=0, negatives=20, epochs=8)
    model = Softmax(N_ITEMS, sampled).fit(*ring)
    items, _ = model.recommend(sessions_from_lists([[item] for item in range(5, 39)]), 3)
    assert np.mean([item + 1 in row for item, row in zip(range(5, 39), items, strict=True)]) > 0.8


def test_duplicate_items_of_a_batch_move_their_row_once() -> None:
    """Gradients of an item that occurs several times are summed before Adam sees them."""
    import tensorflow as tf

    from recommender.models.softmax_batches import Batches
    from recommender.models.softmax_network import SoftmaxNetwork
    from recommender.models.softmax_step import Trainer

    network = SoftmaxNetwork(3, 2, 4, 2, 0.0, 0.0, 0.1)
    chosen = SoftmaxSettings(full_below=0, window=2)
    trainer = Trainer(network, Batches(sessions_from_lists([[0, 1, 2]]), 3, chosen, 0), [])
    rows = network.table.numpy()
    with tf.GradientTape() as tape:
        picked = tf.gather(tf.constant(rows), [0])
        tape.watch(picked)
        twice = tf.gather(picked, [0, 0])
        loss = tf.reduce_sum(twice * tf.constant([[1.0, 1.0], [3.0, 3.0]]))
    gradients = [tf.convert_to_tensor(tape.gradient(loss, picked))]
    gradients += [tf.zeros_like(weight) for weight in trainer.dense]
    trainer._adam(tf.constant([0]), gradients, tf.constant(0.2))
    moved = network.table.numpy() - rows
    np.testing.assert_allclose(moved[0], -0.2, atol=1e-3)
    np.testing.assert_array_equal(moved[1:], 0)


def test_validation_settles_start_and_epochs(ring: tuple[Sessions, Sessions]) -> None:
    told: list[str] = []
    vectors = {"word2vec": np.random.default_rng(0).normal(size=(N_ITEMS, 16)).astype(np.float32)}
    model = Softmax(
        N_ITEMS, settings("auto"), on_epoch=lambda record: told.append(record["start"])
    ).fit(*ring, vectors=vectors)
    assert set(told) == {"word2vec", "random"}
    best = max(model.epochs_, key=lambda record: record["validation"]["log_likelihood"])
    assert model.settled_ == {"start": best["start"], "epochs": best["epoch"]}
    again = Softmax(N_ITEMS, settings("auto"), settled={"start": "random", "epochs": 2})
    again.fit(ring[0], None, vectors=vectors)
    assert [record["epoch"] for record in again.epochs_] == [1, 2]


def test_a_start_without_its_vectors_is_a_mistake(ring: tuple[Sessions, Sessions]) -> None:
    with pytest.raises(ValueError, match="a word2vec start needs 40 vectors, got None"):
        Softmax(N_ITEMS, settings("word2vec")).fit(*ring)
    few = {"word2vec": np.zeros((3, 16), np.float32)}
    with pytest.raises(ValueError, match=r"needs 40 vectors, got \(3, 16\)"):
        Softmax(N_ITEMS, settings("auto")).fit(*ring, vectors=few)


def test_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="too little to train on"):
        Softmax(1, settings()).fit(sessions_from_lists([[0], [0]]), None)


def test_only_returns_to_learn_from_where_returns_do_not_count() -> None:
    with pytest.raises(DataError, match="a product that it has not seen"):
        Softmax(1, settings(returns=False)).fit(sessions_from_lists([[0, 0]]), None)


def test_validation_of_returns_alone_chooses_nothing_where_returns_do_not_count() -> None:
    model = Softmax(3, settings(returns=False))
    model.fit(sessions_from_lists([[0, 1, 2]] * 9), sessions_from_lists([[0, 0], [1, 1, 1]]))
    assert [record["epoch"] for record in model.epochs_] == [1, 2, 3, 4]
    assert not any("validation" in record for record in model.epochs_)


def test_short_trainings_in_a_row_draw_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """As several starts and seeds on little data: TensorFlow must not speak of retracing."""
    for seed in range(6):
        Softmax(3, settings(epochs=1)).fit(sessions_from_lists([[0, 1, 2]] * 9), seed=seed)
    assert "retracing" not in caplog.text


@pytest.mark.parametrize("full_below", [0, 10_000])
@pytest.mark.parametrize("instant", [False, True], ids=["one batch an epoch", "one instant"])
def test_without_a_past_nothing_is_learned_of_demand(full_below: int, instant: bool) -> None:
    """All items seem wanted alike; what rounding makes of that must not speak in use."""
    train = sessions_from_lists([[first % 9, first % 9 + 1] for first in range(0, 350, 7)])
    if instant:
        train = train._replace(times_us=np.zeros(train.n_sessions, np.int64))
    chosen = settings(full_below=full_below, negatives=20, batch_size=8 if instant else 256)
    model = Softmax(N_ITEMS, chosen).fit(train)
    assert np.ptp(model.demand_.astype(float), axis=0).max() > 0.1
    np.testing.assert_array_equal(model.heads_["demand_weights"], 0)


def test_with_a_past_demand_is_learned(trained: Softmax) -> None:
    assert (trained.heads_["demand_weights"] != 0).all()


def test_one_product_and_one_session() -> None:
    model = Softmax(1, settings()).fit(sessions_from_lists([[0, 0]]), None)
    np.testing.assert_allclose(model.scores(sessions_from_lists([[0], []])), 0, atol=1e-6)


def test_a_start_loses_its_common_direction_and_keeps_its_differences() -> None:
    from recommender.models.softmax_training import prepared_start

    random = np.random.default_rng(0)
    like = random.uniform(-0.1, 0.1, (50, 8)).astype(np.float32)
    vectors = (random.normal(size=(50, 8)) + 10).astype(np.float32)
    vectors[7] = 0
    start = prepared_start(vectors, like)
    others = np.arange(50) != 7
    np.testing.assert_array_equal(start[7], like[7])
    lengths = np.linalg.norm(start[others], axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(like, axis=1).mean(), rtol=1e-5)
    unit = start[others] / lengths[:, None]
    assert np.linalg.norm(unit.mean(axis=0)) < 0.3
    assert start.dtype == np.float32


@pytest.mark.parametrize("dim", [3, 8, 20])
def test_vectors_of_any_length_make_a_start(dim: int) -> None:
    from recommender.models.softmax_training import prepared_start

    random = np.random.default_rng(0)
    like = random.uniform(-0.1, 0.1, (50, 8)).astype(np.float32)
    groups = np.repeat(random.normal(size=(5, dim)), 10, axis=0)
    vectors = (groups + 0.01 * random.normal(size=(50, dim))).astype(np.float32)
    start = prepared_start(vectors, like)
    assert start.shape == like.shape
    unit = start / np.linalg.norm(start, axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = np.arange(50)[:, None] // 10 == np.arange(50)[None, :] // 10
    assert cosines[same].mean() > cosines[~same].mean() + 0.3


def test_the_reason_is_the_nearest_viewed_item_but_never_the_item_itself(trained: Softmax) -> None:
    vectors = trained.item_vectors()
    viewed, recommended = np.array([3, 20, 20, 9]), np.array([4, 9, 20, 31])
    cosines = vectors[recommended] @ vectors[viewed].T
    cosines[recommended[:, None] == viewed] = -2
    reasons = trained.reasons(viewed, recommended)
    np.testing.assert_array_equal(viewed[reasons], viewed[cosines.argmax(axis=1)])
    assert reasons[1] != 3
    assert trained.reasons(np.array([5, 5, 7]), np.array([6]))[0] != 0, "the newest of equals"
    assert trained.reasons(np.arange(30), np.array([0]))[0] >= 10, "only what the network saw"


def test_epochs_found_on_fewer_sessions_fit_into_the_schedule_of_more(
    ring: tuple[Sessions, Sessions],
) -> None:
    """The plan gets shorter as sessions are added: there are rates for every epoch all the same."""
    model = Softmax(N_ITEMS, settings(epochs=2), settled={"start": "random", "epochs": 3})
    model.fit(ring[0], None)
    assert [record["epoch"] for record in model.epochs_] == [1, 2, 3]


def test_a_validation_that_asks_nothing_settles_the_whole_schedule(
    ring: tuple[Sessions, Sessions],
) -> None:
    model = Softmax(N_ITEMS, settings()).fit(ring[0], sessions_from_lists([[3], []]))
    assert model.settled_ == {"start": "random", "epochs": 4}


def test_a_table_of_bytes_is_judged_as_it_is_served(
    ring: tuple[Sessions, Sessions], trained: Softmax, tmp_path: Path
) -> None:
    small = Softmax(N_ITEMS, settings(table="int8")).fit(*ring)
    assert small.arrays()["table"].dtype == np.int8
    small.save(tmp_path)
    sessions = sessions_from_lists([[3], [3, 4, 5], []])
    scores = small.scores(sessions)
    np.testing.assert_allclose(Softmax.load(tmp_path).scores(sessions), scores, atol=1e-5)
    by_keras = small.network_(last_items(sessions, 20)).numpy()
    np.testing.assert_allclose(by_keras, scores, atol=1e-4)
    assert 0 < np.abs(scores - trained.scores(sessions)).max() < 0.2


def test_a_half_life_lets_new_sessions_count_more() -> None:
    """The same item led to one thing and now leads to another."""
    old, new = [[1, 2]] * 300, [[1, 3]] * 100
    sessions = sessions_from_lists(old + new)
    chances = {
        half_life: np.exp(
            Softmax(N_ITEMS, settings(half_life=half_life, epochs=10))
            .fit(sessions, None)
            .scores(sessions_from_lists([[1]]))
        )[0]
        for half_life in (None, 0.05)
    }
    assert chances[0.05][3] > 2 * chances[None][3]


def test_a_training_that_diverges_says_so(ring: tuple[Sessions, Sessions]) -> None:
    with pytest.raises(SettingsError, match=r"lower softmax\.learning_rate \(1000"):
        Softmax(N_ITEMS, settings(learning_rate=1000)).fit(ring[0], None)
