"""The second stage over many sessions: the same as one by one, in bounded memory."""

import tracemalloc

import numpy as np

from recommender.data.examples import PAD, last_items, select_sessions, sessions_from_lists
from recommender.models.facts import ItemFacts, demand_history, log_returns
from recommender.models.ranker import Ranker, candidates
from recommender.models.second_stage import SecondStage

N_ITEMS = 12
N_FEATURES = 26
RANDOM = np.random.default_rng(0)
SESSIONS = sessions_from_lists(
    [RANDOM.integers(N_ITEMS, size=length % 5).tolist() for length in range(8000)]
)
ROWS = RANDOM.normal(size=(N_ITEMS, 4)).astype(np.float32)
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)
STAGE = SecondStage(
    Ranker(
        {
            "widen_kernel": RANDOM.normal(size=(N_FEATURES, 8)).astype(np.float32),
            "widen_bias": np.zeros(8, np.float32),
            "mix_kernel": RANDOM.normal(size=(8, 8)).astype(np.float32),
            "mix_bias": np.zeros(8, np.float32),
            "narrow_kernel": RANDOM.normal(size=8).astype(np.float32) / 10,
            "line": np.zeros(N_FEATURES, np.float32),
        }
    ),
    ItemFacts(demand_history(SESSIONS, N_ITEMS, 1)[-1], log_returns(SESSIONS, N_ITEMS)),
)


def log_probabilities() -> np.ndarray:
    logits = np.random.default_rng(1).normal(size=(SESSIONS.n_sessions, N_ITEMS))
    log_p: np.ndarray = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_p.astype(np.float32)


def test_many_sessions_are_ranked_as_each_alone_in_bounded_memory() -> None:
    log_p = log_probabilities()
    tracemalloc.start()
    try:
        together = STAGE.rerank(log_p.copy(), SESSIONS, ROWS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The features of all candidates at once would be 10 MB, the columns they are made of as much.
    assert peak < 6e6
    assert (together != log_p).any()
    for row in (0, 1, 255, 256, 7999):
        asked = select_sessions(SESSIONS, np.array([row]))
        alone = STAGE.rerank(log_p[[row]], asked, ROWS)
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4)


def test_no_session_is_no_error() -> None:
    nothing = np.zeros((0, N_ITEMS), np.float32)
    assert STAGE.rerank(nothing, sessions_from_lists([]), ROWS).shape == (0, N_ITEMS)


def test_cosines_and_distinct_items_by_hand() -> None:
    """The three newest items, newest first; 0 where the session is shorter."""
    some = select_sessions(SESSIONS, np.arange(40))
    found = candidates(log_probabilities()[:40], some, ROWS, STAGE.facts)
    window = last_items(some, 20)
    for row in range(40):
        n_distinct = max(1, len({item for item in window[row] if item != PAD}))
        steps = max(1, int(some.lengths[row]))
        np.testing.assert_allclose(
            found.features[row, :, 14], np.log(steps / n_distinct), atol=1e-6
        )
        for age in range(3):
            item = window[row, -1 - age]
            cosines = ROWS[found.items[row]] @ ROWS[item] if item != PAD else np.zeros(N_ITEMS)
            np.testing.assert_allclose(found.features[row, :, 17 + age], cosines, atol=1e-5)
