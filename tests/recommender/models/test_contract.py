"""What every model must do, whatever it is."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.train import start_vectors
from recommender.data.examples import Sessions, sessions_from_lists
from recommender.models.contract import Model
from recommender.models.metrics import validation_quality
from recommender.models.registry import MODEL_NAMES, chosen_model, model_class
from recommender.models.topk import NOTHING
from recommender.settings import (
    ModelSettings,
    NeighborsSettings,
    OneHotSettings,
    Settings,
    SoftmaxSettings,
    Word2VecSettings,
)

N_ITEMS = 40
SETTINGS = Settings(
    model=ModelSettings(deterministic=True),
    softmax=SoftmaxSettings(dim=16, hidden=24, epochs=6),
    word2vec=Word2VecSettings(dim=16, epochs=20, window=2),
    neighbors=NeighborsSettings(k=100, sample_size=300, window=10),
    onehot=OneHotSettings(epochs=8, batch_size=100, fair_batch_sizes=[500, 100], max_epochs=8),
)
VARIANTS = {
    "neighbors": ["neighbors:s_knn", "neighbors:vs_knn", "neighbors:vstan"],
    "onehot": ["onehot:slides", "onehot:fair"],
    "mdn": ["mdn:plain", "mdn:ranked"],
    "softmax": ["softmax:plain", "softmax:ranked", "softmax:partner"],
}
MODELS = [model for name in MODEL_NAMES for model in VARIANTS.get(name, [name])]
LEARNING = [name for name in MODELS if name != "popularity"]


def fitted(name: str, train: Sessions, later: Sessions, seed: int = 0) -> Model:
    name, settings = chosen_model(name, SETTINGS)
    model = model_class(name)(N_ITEMS, settings)
    vectors = start_vectors(settings.model.start, train, N_ITEMS, settings)
    return model.fit(train, later, vectors=vectors, seed=seed)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, ring: tuple[Sessions, Sessions]) -> Model:
    return fitted(request.param, *ring)


QUERIES = sessions_from_lists([[3], [3, 4, 5], [], list(range(30)), [7, 7, 7]])


def test_scores_have_a_row_a_session_and_a_column_an_item(model: Model) -> None:
    scores = model.scores(QUERIES)
    assert scores.shape == (5, N_ITEMS)
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    assert not np.isposinf(scores).any()


def test_nobody_asks_and_nothing_is_answered(model: Model) -> None:
    nobody = sessions_from_lists([])
    assert model.scores(nobody).shape == (0, N_ITEMS)
    items, _ = model.recommend(nobody, 5)
    assert items.shape == (0, 5)


def test_log_probabilities_sum_to_one(model: Model) -> None:
    if model.gives_log_probabilities:
        np.testing.assert_allclose(np.exp(model.scores(QUERIES)).sum(axis=1), 1, atol=1e-5)


def test_batches_do_not_change_the_answer(model: Model) -> None:
    together = model.scores(QUERIES)
    for row in range(QUERIES.n_sessions):
        alone = model.scores(sessions_from_lists([QUERIES.session(row)]))
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5, atol=1e-5)


def test_recommends_the_best_scores_first(model: Model) -> None:
    items, scores = model.recommend(QUERIES, 10)
    assert items.shape == scores.shape == (5, 10)
    assert (scores[:, 1:] <= scores[:, :-1]).all()
    best = model.scores(QUERIES).max(axis=1)
    np.testing.assert_array_equal(scores[:, 0], best)


def test_only_allowed_items_are_recommended(model: Model) -> None:
    allowed = np.zeros(N_ITEMS, np.bool_)
    allowed[[2, 11, 30]] = True
    items, scores = model.recommend(QUERIES, 10, allowed)
    assert set(items.ravel()) <= {2, 11, 30, NOTHING}
    assert np.isneginf(scores[items == NOTHING]).all()
    nothing, _ = model.recommend(QUERIES, 3, np.zeros(N_ITEMS, np.bool_))
    assert (nothing == NOTHING).all()


def test_never_more_items_than_there_are(model: Model) -> None:
    items, _ = model.recommend(QUERIES, 1000)
    assert items.shape == (5, N_ITEMS)
    for row in items:
        known = row[row != NOTHING]
        assert len(set(known)) == len(known)


def test_ties_go_to_the_lower_index(model: Model) -> None:
    scores = model.scores(QUERIES)
    items, _ = model.recommend(QUERIES, N_ITEMS)
    for row, listed in zip(scores, items, strict=True):
        expected = sorted(np.flatnonzero(np.isfinite(row)), key=lambda item: (-row[item], item))
        assert [item for item in listed if item != NOTHING] == expected


def test_k_below_one_is_a_mistake(model: Model) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        model.recommend(QUERIES, 0)


def test_same_seed_same_model(model: Model, ring: tuple[Sessions, Sessions]) -> None:
    again = type(model)(N_ITEMS, model.settings)
    vectors = start_vectors(model.settings.model.start, ring[0], N_ITEMS, model.settings)
    again.fit(*ring, vectors=vectors)
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name], err_msg=name)


def test_a_fresh_process_gives_the_same_answers(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    assert model.n_bytes == sum(array.nbytes for array in model.arrays().values())
    script = """
import json, sys
from pathlib import Path
from recommender.data.examples import sessions_from_lists
from recommender.models.registry import model_class
from recommender.settings import Settings
name, folder, settings = sys.argv[1:]
model = model_class(name).load(Path(folder), Settings.model_validate_json(settings))
items, scores = model.recommend(sessions_from_lists([[3], [3, 4, 5], []]), 5)
heavy = [name for name in ("tensorflow", "keras", "gensim", "scipy") if name in sys.modules]
print(json.dumps([items.tolist(), scores.tolist(), heavy]))
"""
    settings = model.settings.model_dump_json(by_alias=True)
    done = subprocess.run(
        [sys.executable, "-c", script, model.name, str(tmp_path), settings],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    items, scores, heavy = json.loads(done.stdout)
    expected, expected_scores = model.recommend(sessions_from_lists([[3], [3, 4, 5], []]), 5)
    assert items == expected.tolist()
    np.testing.assert_allclose(np.array(scores, np.float32), expected_scores, rtol=1e-5, atol=1e-5)
    assert heavy == []


def test_vectors_of_unknown_items_score_as_if_they_stood_in_the_table(model: Model) -> None:
    """With a known item's own vector, only the bonuses of known items are missing."""
    if not model.takes_vectors:
        with pytest.raises(NotImplementedError, match=f"{model.name} has no item vectors"):
            model.log_odds_beyond(QUERIES, np.zeros((1, 16), np.float32))
        return
    vectors = model.item_vectors()
    found = model.log_odds_beyond(QUERIES, vectors)
    alone = model._network_scores(QUERIES) - model._item_bonus
    for row in range(QUERIES.n_sessions):
        new = np.setdiff1d(np.arange(N_ITEMS), QUERIES.session(row))
        np.testing.assert_allclose(found[row, new], alone[row, new], atol=1e-4)
    for row, items in enumerate([[3], [3, 4, 5], []]):
        asked = sessions_from_lists([items])
        model.scores(asked)
        for _ in range(2):
            np.testing.assert_allclose(
                model.log_odds_beyond(asked, vectors[:7])[0], found[row, :7], atol=1e-4
            )


@pytest.mark.parametrize("name", LEARNING)
def test_finds_what_follows_what(name: str, ring: tuple[Sessions, Sessions]) -> None:
    """Two steps in three go to the next item on the ring: rank 1 for a model that sees it."""
    train, later = ring
    model = fitted(name, train, later)
    starts = sessions_from_lists([[item] for item in range(5, N_ITEMS)])
    items, _ = model.recommend(starts, 5)
    found = [
        (item + 1) % N_ITEMS in row for item, row in zip(range(5, N_ITEMS), items, strict=True)
    ]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("name", LEARNING)
def test_without_structure_nothing_beats_popularity(
    name: str, ring: tuple[Sessions, Sessions]
) -> None:
    """On shuffled sessions what is left is how often each item is clicked.

    What a model settles is settled on other sessions than it is judged on.
    """
    random = np.random.default_rng(5)
    train, validation, later = (
        sessions._replace(items=random.permutation(sessions.items))
        for sessions in (ring[0], ring[1], ring[1])
    )
    popular = validation_quality(model_class("popularity")(N_ITEMS).fit(train, None), later)
    quality = validation_quality(fitted(name, train, validation), later)
    n_queries = len(later.items) - later.n_sessions
    noise = 2 * np.sqrt(0.25 / n_queries)
    assert quality["mrr@20"] < popular["mrr@20"] + noise
    assert quality["recall@20"] < popular["recall@20"] + noise
