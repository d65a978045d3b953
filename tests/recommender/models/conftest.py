"""Sessions with a structure that models can find."""

import numpy as np
import pytest

from recommender.data.examples import Sessions, sessions_from_lists

N_ITEMS = 40


def chains(seed: int, n_sessions: int) -> Sessions:
    """Walks along a ring of items, two steps in three to the next one, else to a popular item."""
    random = np.random.default_rng(seed)
    lists = []
    for _ in range(n_sessions):
        items = [int(random.integers(N_ITEMS))]
        for _ in range(int(random.integers(1, 6))):
            onward = random.random() < 2 / 3
            items.append((items[-1] + 1) % N_ITEMS if onward else int(random.integers(5)))
        lists.append(items)
    return sessions_from_lists(lists)


@pytest.fixture(scope="session")
def ring() -> tuple[Sessions, Sessions]:
    """Training and later sessions on the ring."""
    return chains(1, 2000), chains(2, 400)
