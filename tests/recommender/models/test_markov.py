"""First-order Markov chain."""

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.models.markov import Markov
from recommender.models.sequential_rules import SequentialRules

A, B, C, D = range(4)


def test_counts_what_came_directly_after_the_last_item() -> None:
    train = sessions_from_lists([[A, B, C], [A, B], [A, C], [A, A], [B, C, A]])
    scores = Markov(4).fit(train).scores(sessions_from_lists([[A], [C, B], [D], []]))
    never = -np.inf
    assert scores.tolist() == [
        [1, 2, 1, never],
        [never, never, 2, never],
        [never] * 4,
        [never] * 4,
    ]


def test_finds_direct_succession_behind_what_comes_later_more_often() -> None:
    """After A comes always B, then D three times: rules that look farther cannot part the two."""
    train = sessions_from_lists([[A, B, D, D, D, D]] * 5)
    query = sessions_from_lists([[A]])
    markov = Markov(4).fit(train).scores(query)[0]
    assert np.flatnonzero(np.isfinite(markov)).tolist() == [B]
    rules = SequentialRules(4).fit(train).scores(query)[0]
    assert rules[D] == pytest.approx(5 * (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5))
    assert rules[D] > rules[B]
