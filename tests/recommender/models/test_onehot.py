"""The slides' network: its rows by hand, its costs before it runs, Keras and NumPy agree."""

import json
from pathlib import Path

import numpy as np
import pytest

from recommender.data.examples import Sessions, last_items, sessions_from_lists
from recommender.errors import BudgetError, DataError
from recommender.models import onehot_budget
from recommender.models.onehot import OneHot
from recommender.models.onehot_budget import (
    Pass,
    all_passes,
    machine_memory,
    predict_bytes,
    predict_seconds,
)
from recommender.models.onehot_rows import one_hot_batch, session_products
from recommender.settings import ModelSettings, OneHotSettings, Settings

N_ITEMS = 40


def settings(**onehot: object) -> Settings:
    chosen = {"epochs": 8, "batch_size": 100, "fair_batch_sizes": [500, 100], **onehot}
    return Settings(
        model=ModelSettings(deterministic=True), onehot=OneHotSettings.model_validate(chosen)
    )


@pytest.fixture(scope="module")
def trained(ring: tuple[Sessions, Sessions]) -> OneHot:
    return OneHot(N_ITEMS, settings()).fit(ring[0])


def test_rows_by_hand() -> None:
    """A product is one row however often it was clicked; one without others is none."""
    products = session_products(sessions_from_lists([[2, 0, 2], [3], [1, 1], [], [3, 4, 0]]))
    assert products.items.tolist() == [0, 2, 0, 3, 4]
    rows = np.array([1, 4, 0, 2])
    inputs, targets = one_hot_batch(products, rows, 5, own_product_in_target=False)
    assert inputs.tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert targets.tolist() == [[1, 0, 0, 0, 0], [1, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]]
    _, with_own = one_hot_batch(products, rows, 5, own_product_in_target=True)
    np.testing.assert_array_equal(with_own, targets + inputs)


def test_no_rows_at_all_is_too_little_to_train_on() -> None:
    with pytest.raises(DataError, match="too little to train on"):
        OneHot(3, settings()).fit(sessions_from_lists([[0, 0], [1], []]))


def test_the_network_is_that_of_the_slides(trained: OneHot) -> None:
    import keras

    network = trained.network_
    assert isinstance(network, keras.Sequential)
    told = [(layer.units, layer.activation.__name__) for layer in network.layers]
    assert told == [(2 * N_ITEMS, "relu"), (N_ITEMS, "softmax")]
    assert network.input_shape == (None, N_ITEMS)
    assert isinstance(network.optimizer, keras.optimizers.RMSprop)
    assert OneHotSettings().epochs == 3
    assert OneHotSettings().batch_size == 2000
    assert [record["epoch"] for record in trained.epochs_] == list(range(1, 9))
    assert {"loss", "accuracy"} <= set(trained.epochs_[0])


def test_numpy_equals_keras(trained: OneHot) -> None:
    """1e-4 in log p, for every product and for a session without one."""
    sessions = sessions_from_lists([[5, item] for item in range(N_ITEMS)] + [[]])
    inputs = np.concatenate([np.eye(N_ITEMS), np.zeros((1, N_ITEMS))]).astype(np.float32)
    assert last_items(sessions, 1)[:3, 0].tolist() == [0, 1, 2]
    by_keras = np.log(trained.network_(inputs).numpy())
    assert np.abs(by_keras - trained.scores(sessions)).max() < 1e-4


def test_the_gradient_is_that_of_the_cross_entropy() -> None:
    """With m ones in y the gradient of the logits is m p - y, not p - y."""
    import tensorflow as tf

    from recommender.models.onehot_training import cross_entropy

    logits = tf.constant([[0.3, -1.0, 0.5, 0.1], [1.0, 0.0, 0.0, 2.0]])
    targets = tf.constant([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        probabilities = tf.nn.softmax(logits)
        loss = cross_entropy(targets, probabilities)
    by_hand = tf.constant([[3.0], [1.0]]) * probabilities - targets
    np.testing.assert_allclose(tape.gradient(loss, logits), by_hand, atol=1e-6)
    np.testing.assert_allclose(loss, -(targets * np.log(probabilities)).numpy().sum(1), rtol=1e-6)


def test_products_of_one_session_find_each_other() -> None:
    """Planted groups of five products; the order of clicks tells nothing."""
    random = np.random.default_rng(0)
    groups = random.integers(8, size=800)
    lists = [group * 5 + random.permutation(5)[: random.integers(2, 6)] for group in groups]
    model = OneHot(N_ITEMS, settings()).fit(sessions_from_lists(lists))
    items, _ = model.recommend(sessions_from_lists([[item] for item in range(N_ITEMS)]), 4)
    for item, row in enumerate(items):
        assert set(row) == set(range(item // 5 * 5, item // 5 * 5 + 5)) - {item}


def test_its_own_product_is_learned_only_where_that_is_set(
    ring: tuple[Sessions, Sessions], trained: OneHot
) -> None:
    asked = sessions_from_lists([[item] for item in range(5, N_ITEMS)])
    own = np.arange(5, N_ITEMS)[:, None]
    with_own = OneHot(N_ITEMS, settings(own_product_in_target=True)).fit(ring[0])
    assert np.mean(with_own.recommend(asked, 1)[0] == own) > 0.9
    assert np.mean(trained.recommend(asked, 1)[0] == own) == 0


def test_bytes_are_foretold(trained: OneHot) -> None:
    """137.7 MB for 2,933 products, 1.2 GB for 8,660."""
    assert predict_bytes(2933, 2000).bytes == 137_675_020
    assert predict_bytes(8660, 2000).bytes == pytest.approx(1.2e9, rel=0.001)
    assert predict_bytes(N_ITEMS, 100).bytes == trained.n_bytes


def test_the_size_of_the_file_is_foretold(tmp_path: Path) -> None:
    lists = np.random.default_rng(0).integers(300, size=(50, 3)).tolist()
    model = OneHot(300, settings(epochs=1)).fit(sessions_from_lists(lists))
    model.save(tmp_path)
    size = (tmp_path / "network.keras").stat().st_size
    assert predict_bytes(300, 100).file_bytes == pytest.approx(size, rel=0.03)
    assert model.n_bytes == predict_bytes(300, 100).bytes


def test_what_may_be_trained() -> None:
    slides, fair = OneHotSettings(), OneHotSettings(variant="fair", max_epochs=9)
    assert all_passes(slides) == [Pass(2000, 3)]
    assert all_passes(fair) == [Pass(2000, 3), Pass(250, 3), Pass(250, 9), Pass(250, 9)]
    assert all_passes(fair, Pass(250, 4)) == [Pass(250, 4)]
    seconds = predict_seconds(1000, [Pass(100, 3), Pass(50, 2)], {100: 0.5, 50: 0.25}.__getitem__)
    assert seconds == pytest.approx(3 * 10 * 0.5 + 2 * 20 * 0.25)


@pytest.mark.parametrize(
    ("n_items", "chosen", "words"),
    [
        (8660, {}, r"8,660 products need 1,200\.0 MB of weights \(2,400\.1 MB as a file .* more "
         r"than onehot\.max_bytes \(1,000\.0 MB\); train the compact network instead"),
        (40, {"max_bytes": 1000}, r"40 products need 26 kB"),
        (5000, {"batch_size": 10**9}, r"holds .* MB in memory, this machine has .* MB; .*onehot"),
        (40, {"max_seconds": 1, "epochs": 10**9}, r"variant slides on 40 products takes about "
         r"[\d,]+ s on this machine, more than onehot\.max_seconds \(1\)"),
    ],
)  # fmt: skip
def test_over_a_budget_nothing_is_trained(
    n_items: int, chosen: dict[str, object], words: str
) -> None:
    model = OneHot(n_items, settings(**chosen))
    train = sessions_from_lists([[0, 1], [2, 3, 4]])
    for refused in (model.fit, model.predicted_costs):
        with pytest.raises(BudgetError, match=words):
            refused(train)
    assert model.network_ is None
    assert BudgetError.exit_code == 1


def test_the_memory_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(onehot_budget, "_MEMORY_LIMIT", limit)
    whole = machine_memory()
    limit.write_text("1000000\n")
    assert machine_memory() == 1_000_000
    limit.write_text("max\n")
    assert machine_memory() == whole


def test_validation_settles_batch_size_and_epochs(ring: tuple[Sessions, Sessions]) -> None:
    told: list[int] = []
    fair = settings(variant="fair", max_epochs=30, patience=2)
    model = OneHot(N_ITEMS, fair, on_epoch=lambda record: told.append(record["batch_size"]))
    model.fit(*ring)
    assert told[:4] == [500, 500, 100, 100], "both sizes are tried for `patience` epochs"
    assert set(told[4:]) == {100}, "the likelier goes on"
    kept = [record for record in model.epochs_ if record["batch_size"] == 100]
    assert [record["epoch"] for record in model.epochs_] == [1, 2, *range(1, len(kept) + 1)]
    course = [record["validation"]["log_likelihood"] for record in kept]
    assert model.settled_ == {"batch_size": 100, "epochs": int(np.argmax(course)) + 1}
    assert len(course) == model.settled_["epochs"] + 2, "and stops once it gains no more"
    again = OneHot(N_ITEMS, fair, settled=model.settled_).fit(ring[0])
    assert len(again.epochs_) == model.settled_["epochs"]
    assert again.settled_ == model.settled_


def test_a_validation_that_asks_nothing_settles_no_early_end(
    ring: tuple[Sessions, Sessions],
) -> None:
    fair = settings(variant="fair", max_epochs=3, patience=1)
    model = OneHot(N_ITEMS, fair).fit(ring[0], sessions_from_lists([[3], []]))
    assert model.settled_["epochs"] == 3


def test_predictions_are_json(trained: OneHot, ring: tuple[Sessions, Sessions]) -> None:
    costs = json.loads(json.dumps(trained.predicted_costs(ring[0])))
    assert list(costs) == ["bytes", "file_bytes", "memory_bytes", "train_s"]
    assert costs["train_s"] > 0
