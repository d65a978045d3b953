"""Batch sizes: a real training each, in a process whose memory is its own."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.batch_sizes import (
    batch_setting,
    load_sessions,
    measure_batch_sizes,
    save_sessions,
)
from recommender.data.examples import Sessions, sessions_from_lists
from recommender.data.split import Split
from recommender.data.vocabulary import Vocabulary
from recommender.errors import DataError
from recommender.settings import Settings

QUICK = Settings.model_validate({
    "softmax": {"dim": 8, "hidden": 8, "epochs": 2}, "word2vec": {"dim": 8},
})  # fmt: skip


def ring(n_sessions: int, seed: int) -> Sessions:
    random = np.random.default_rng(seed)
    starts = random.integers(12, size=n_sessions)
    return sessions_from_lists([(start + np.arange(4)) % 12 for start in starts])


def split_of(train: Sessions, held_out: Sessions) -> Split:
    vocabulary = Vocabulary([f"item {number}" for number in range(12)])
    return Split(vocabulary, train, held_out, 0, None, 0, 0)


def test_only_models_trained_in_batches_have_a_size() -> None:
    assert batch_setting("softmax", Settings()) == 256
    assert batch_setting("mdn", Settings()) == 256, "as the network that it extends"
    assert batch_setting("popularity", Settings()) is None
    assert batch_setting("word2vec", Settings()) is None


def test_sessions_go_to_the_other_process_unchanged(tmp_path: Path) -> None:
    timed = ring(5, 0)._replace(times_us=np.arange(5))
    for name, sessions in (("a", ring(5, 1)), ("b", timed)):
        save_sessions(tmp_path, name, sessions)
        found = load_sessions(tmp_path, name)
        for part, array in sessions._asdict().items():
            np.testing.assert_array_equal(getattr(found, part), array)


@pytest.mark.slow
def test_every_size_is_trained_and_measured() -> None:
    said: list[str] = []
    split = split_of(ring(300, 0), ring(60, 1))
    records = measure_batch_sizes("softmax", split, QUICK, [16, 128], said.append)
    assert said == ["Training softmax in batches of 16…", "Training softmax in batches of 128…"]
    assert [record["batch_size"] for record in records] == [16, 128]
    for record in records:
        assert set(record["validation"]) == {"recall@20", "mrr@20", "log_likelihood"}
        assert record["train_s"] > 0
        assert 0 <= record["growth_mb"] < record["peak_mb"]
        assert 1 <= record["epochs"] <= 2
    smaller, larger = (record["validation"]["log_likelihood"] for record in records)
    assert smaller > larger, "eight times the steps in as many epochs"


@pytest.mark.slow
def test_a_training_that_fails_says_why() -> None:
    nothing_follows = sessions_from_lists([[1], [2]])
    with pytest.raises(DataError, match="no session has two known products"):
        measure_batch_sizes(
            "softmax", split_of(nothing_follows, ring(5, 0)), QUICK, [4], lambda _: None
        )
