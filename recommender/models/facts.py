"""What the clicks of training tell about single items: how their demand moves, who returns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions

MEMORIES = (0.01, 0.03, 0.1, 0.3, 10.0)
"""Time constants of the decayed click counts, in shares of the training period."""
_PRIOR_CLICKS = 0.3
_PRIOR_RETURNS, _PRIOR_SESSIONS = 0.5, 5.0


class ItemFacts(NamedTuple):
    """Numbers about every item at the end of training.

    Attributes:
        demand: Log of decayed click counts, one column per time constant of `MEMORIES`, shape
            (n_items, 5), float16: old clicks fade, so the columns tell what rises and what goes.
        returns: Log of how often a session comes back to the item it has seen, shape (n_items,),
            float16.
    """

    demand: NDArray[np.float16]
    returns: NDArray[np.float16]


def item_facts(train: Sessions, n_items: int) -> ItemFacts:
    """Count what training sessions tell about single items.

    Args:
        train: Sessions of item indices below `n_items`.
        n_items: Size of the vocabulary.
    """
    ages = (1 - train.places_in_period)[train.session_of_step]
    demand = [
        np.bincount(train.items, np.exp(-ages / memory), minlength=n_items) for memory in MEMORIES
    ]
    seen = np.unique(train.session_of_step * n_items + train.items) % n_items
    n_sessions = np.bincount(seen, minlength=n_items)
    n_returns = np.bincount(train.items, minlength=n_items) - n_sessions
    returns = (n_returns + _PRIOR_RETURNS) / (n_sessions + _PRIOR_SESSIONS)
    return ItemFacts(
        np.log(np.stack(demand, axis=1) + _PRIOR_CLICKS).astype(np.float16),
        np.log(returns).astype(np.float16),
    )
