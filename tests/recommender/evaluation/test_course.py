"""What the epochs of a training say."""

from typing import Any

import pytest

from recommender.evaluation.course import (
    batch_words,
    best_epoch,
    curves_of,
    kept_curve,
    more_is_better,
)
from recommender.evaluation.figures import MINUS


def record(epoch: int, likelihood: float | None, **more: Any) -> dict[str, Any]:
    told = {} if likelihood is None else {"validation": {"log_likelihood": likelihood}}
    return {"epoch": epoch, "loss": 6 - epoch, **told, **more}


def model(*records: dict[str, Any], **settled: Any) -> dict[str, Any]:
    return {"name": "softmax", "epochs": list(records), "settled": settled}


def test_too_much_training_is_told() -> None:
    words = more_is_better(model(record(1, -5.5), record(2, -5.1), record(3, -5.3)))
    assert words.startswith("No: up to epoch 2 it learned")
    assert (
        f"log-likelihood on days that it had not seen fell from {MINUS}5.100 to {MINUS}5.300"
        in words
    )
    assert "the loss on its own data fell on from 4.000 to 3.000" in words
    assert words.endswith("The weights of epoch 2 were kept.")


def test_a_training_that_was_not_over_is_told() -> None:
    words = more_is_better(model(record(1, -5.5), record(2, -5.1)))
    assert "still getting better in epoch 2" in words


def test_a_training_that_was_level_is_told() -> None:
    likelihoods = [-5.5, -5.109, -5.1, -5.105]
    words = more_is_better(model(*(record(n, one) for n, one in enumerate(likelihoods, 1))))
    assert words.startswith("Hardly: from epoch 2 on")
    assert f"the best one, {MINUS}5.100 in epoch 3, whose weights were kept" in words


def test_without_validation_nobody_can_say() -> None:
    only_loss = model(record(1, None), record(2, None))
    assert "nobody can say" in more_is_better(only_loss)
    assert best_epoch(only_loss["epochs"]) is None
    assert kept_curve(only_loss) == only_loss["epochs"]


def test_another_figure_chooses_where_there_is_no_likelihood() -> None:
    records = [{"epoch": n, "loss": 1.0, "validation": {"recall@20": r}}
               for n, r in ((1, 0.2), (2, 0.3), (3, 0.1))]  # fmt: skip
    assert best_epoch(records) == 1
    assert "Recall@20 on days that it had not seen fell from 0.300 to 0.100" in more_is_better(
        model(*records)
    )


def test_a_curve_for_each_start_and_seed() -> None:
    records = [
        record(1, -5.0, start="random", seed=0), record(1, -4.0, start="word2vec", seed=0),
        record(1, -4.5, start="random", seed=1), record(2, -4.6, start="random", seed=1),
    ]  # fmt: skip
    curves = curves_of(model(*records))
    assert {name: len(curve) for name, curve in curves.items()} == {
        "random start, seed 0": 1, "word2vec start, seed 0": 1, "random start, seed 1": 2,
    }  # fmt: skip
    assert kept_curve(model(*records, start="random")) == records[2:]
    assert kept_curve(model(*records)) == [records[1]]
    assert list(curves_of(model(record(1, -5.0)))) == ["softmax"]


def test_batch_sizes_in_words() -> None:
    words = batch_words([
        {"model": "softmax", "batch_size": size, "train_s": seconds,
         "validation": {"recall@20": 0.5, "log_likelihood": likelihood}}
        for size, seconds, likelihood in ((64, 30.2, -5.2), (256, 11.0, -5.1), (1024, 6.4, -5.4))
    ])  # fmt: skip
    assert f"Size 256 gave the best log-likelihood on validation days ({MINUS}5.100)" in words
    assert "size 1024 was the quickest (6 s)" in words


@pytest.mark.parametrize("likelihoods", [[-5.0], [-5.0, -5.0]])
def test_of_equal_epochs_the_first_is_best(likelihoods: list[float]) -> None:
    assert best_epoch([record(n, one) for n, one in enumerate(likelihoods, 1)]) == 0
