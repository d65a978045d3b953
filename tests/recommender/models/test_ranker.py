"""The second stage: what it sees, what it learns, and that probabilities stay probabilities."""

import numpy as np
import pytest

from recommender.data.examples import Sessions, sessions_from_lists
from recommender.errors import ArtifactError
from recommender.models.facts import ItemFacts, demand_history, log_returns
from recommender.models.ranker import Candidates, Ranker, _soft_ranks, candidates
from recommender.models.ranker_training import EPOCHS, RankerNetwork, _Fit, fit_ranker
from recommender.models.second_stage import SecondStage, held_out_candidates
from recommender.models.softmax import Softmax
from recommender.settings import ModelSettings, Settings, SoftmaxSettings

N_ITEMS = 12


def facts_of(sessions: Sessions) -> ItemFacts:
    return ItemFacts(demand_history(sessions, N_ITEMS, 1)[-1], log_returns(sessions, N_ITEMS))


def found(sessions: Sessions) -> tuple[np.ndarray, Candidates]:
    random = np.random.default_rng(0)
    logits = random.normal(size=(sessions.n_sessions, N_ITEMS)).astype(np.float32)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    rows = random.normal(size=(N_ITEMS, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return log_p, candidates(log_p, sessions, rows, facts_of(sessions))


def test_candidates_come_best_first_with_what_the_session_saw() -> None:
    sessions = sessions_from_lists([[3, 5, 3], [7], []])
    log_p, chosen = found(sessions)
    np.testing.assert_array_equal(chosen.items, np.argsort(-log_p, axis=1, kind="stable"))
    ages = chosen.features[:, :, 7:12]
    earlier = chosen.features[:, :, 12]
    assert ages[0, chosen.items[0] == 3].tolist() == [[1, 0, 0, 0, 0]]
    assert ages[0, chosen.items[0] == 5].tolist() == [[0, 1, 0, 0, 0]]
    assert earlier[0, chosen.items[0] == 3] == 1
    assert earlier[0, chosen.items[0] == 5] == 0
    assert ages[2].sum() == 0
    assert chosen.features[1, 0, 14] == 0, "a single click goes nowhere back"
    assert chosen.features[0, 0, 14] == pytest.approx(np.log(3 / 2), abs=1e-6)


def test_a_second_stage_of_another_version_is_refused() -> None:
    stage = SecondStage(
        Ranker({"line": np.zeros(26, np.float32)}), facts_of(sessions_from_lists([[0, 1]]))
    )
    assert SecondStage.from_arrays(stage.arrays(), Settings()) is not None
    later = {**stage.arrays(), "features_version": np.array(99)}
    with pytest.raises(ArtifactError, match="train again"):
        SecondStage.from_arrays(later, Settings())


def test_who_never_shows_what_was_seen_learns_from_new_items_only() -> None:
    """Of 3 5 3 7 the third step is a return: two questions of three are left."""
    sessions = sessions_from_lists([[3, 5, 3, 7]])
    facts = facts_of(sessions)
    rows = np.eye(N_ITEMS, dtype=np.float32)

    def scored(asked: Sessions) -> np.ndarray:
        return np.full((asked.n_sessions, N_ITEMS), -np.log(N_ITEMS), np.float32)

    _, targets = held_out_candidates(sessions, scored, rows, facts, None)
    assert targets.tolist() == [5, 3, 7]
    _, targets = held_out_candidates(sessions, scored, rows, facts, None, with_returns=False)
    assert targets.tolist() == [5, 7]
    only_returns = sessions_from_lists([[3, 3]])
    none, targets = held_out_candidates(only_returns, scored, rows, facts, None, with_returns=False)
    assert len(targets) == len(none.items) == 0


def test_a_rounding_error_moves_no_rank_by_more_than_itself() -> None:
    own = np.log(np.array([[0.4, 0.2, 0.2, 0.1]], np.float32))
    swapped = own.copy()
    swapped[0, 1] -= 1e-6
    swapped[0, 2] += 1e-6
    np.testing.assert_allclose(_soft_ranks(own)[0], [0, 1.5, 1.5, 3], atol=1e-5)
    np.testing.assert_allclose(_soft_ranks(swapped), _soft_ranks(own), atol=1e-4)


def test_an_untrained_ranker_keeps_the_order_and_the_probabilities() -> None:
    log_p, chosen = found(sessions_from_lists([[3, 5, 3], [7], []]))
    fit = _Fit(chosen.features, np.zeros(3, np.int64), seed=0)
    again = Ranker(fit.weights()).rerank(log_p.copy(), chosen)
    np.testing.assert_allclose(again, log_p, atol=1e-4)


def test_numpy_equals_keras() -> None:
    """With the standardization folded in: 1e-4 in score."""
    random = np.random.default_rng(1)
    features = (random.normal(size=(200, 10, 6)) * [1, 5, 0.1, 2, 1, 30] + 3).astype(np.float32)
    fit = _Fit(features, random.integers(10, size=200), seed=3)
    for _ in range(3):
        fit.epoch()
    by_keras = fit.network((features - fit.mean) / fit.scale).numpy()
    by_numpy = Ranker(fit.weights()).scores(features)
    # What all candidates of a session share does not count.
    offsets = by_numpy - by_keras
    assert np.abs(offsets - offsets.mean(axis=1, keepdims=True)).max() < 1e-4
    assert isinstance(fit.network, RankerNetwork)


def test_learns_what_the_network_overlooked() -> None:
    """The second feature tells the true candidate two times in three."""
    random = np.random.default_rng(0)
    labels = random.integers(10, size=3000)
    features = random.normal(size=(3000, 10, 3)).astype(np.float32)
    features[np.arange(3000), labels, 1] += 2
    items = np.tile(np.arange(10), (3000, 1))
    told: list[dict[str, object]] = []
    ranker = fit_ranker(
        Candidates(items, features), labels.astype(np.int32), seed=0, on_epoch=told.append
    )
    assert ranker is not None
    assert np.mean(ranker.scores(features).argmax(axis=1) == labels) > 0.6
    assert {record["part"] for record in told} == {"ranker"}
    choosing, learning = told[:EPOCHS], told[EPOCHS:]
    losses = [record["loss"] for record in choosing]
    assert [record["epoch"] for record in choosing] == list(range(1, EPOCHS + 1))
    best = losses.index(min(losses)) + 1
    assert learning == [
        {"part": "ranker", "epoch": epoch, "of": best} for epoch in range(1, best + 1)
    ], "nothing is held out of these: there is no loss to tell"


def test_nothing_is_learned_from_noise_or_from_little() -> None:
    random = np.random.default_rng(0)
    features = np.zeros((4000, 10, 3), np.float32)
    features[:, :, 1:] = random.normal(size=(4000, 10, 2))
    features[:, :, 0] = 3 * random.normal(size=(4000, 10))
    chances = np.exp(features[:, :, 0])
    chances /= chances.sum(axis=1, keepdims=True)
    labels = (chances.cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1).astype(np.int32)
    items = np.tile(np.arange(10), (4000, 1))
    few = slice(100)
    assert fit_ranker(
        Candidates(items[few], features[few]), labels[few], seed=0, on_epoch=lambda _: None
    ) is None  # fmt: skip
    ranker = fit_ranker(Candidates(items, features), labels, seed=0, on_epoch=lambda _: None)
    if ranker is not None:
        kept = ranker.scores(features).argmax(axis=1) == features[:, :, 0].argmax(axis=1)
        assert kept.mean() > 0.9


def test_what_validation_fitted_is_carried_to_the_next_fit(
    ring: tuple[Sessions, Sessions],
) -> None:
    chosen = Settings(
        model=ModelSettings(start="random", deterministic=True),
        softmax=SoftmaxSettings(dim=16, hidden=24, epochs=4),
    )
    first = Softmax(40, chosen).fit(*ring)
    assert first.settled_["second_stage"] is True
    again = Softmax(40, chosen, settled=first.settled_, carried=first.carried_).fit(ring[0], None)
    assert again.second_stage_ is not None
    kept = again.arrays()
    for name, array in first.carried_.items():
        np.testing.assert_array_equal(kept[name], array)
