"""What the clicks of training tell about single items: how their demand moves, who returns."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions

MEMORIES = np.array([0.01, 0.03, 0.1, 0.3, 10.0])
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


def log_returns(train: Sessions, n_items: int) -> NDArray[np.float16]:
    """How often sessions come back to each item; see `ItemFacts.returns`.

    Args:
        train: Sessions of item indices below `n_items`.
        n_items: Size of the vocabulary.
    """
    seen = np.unique(train.session_of_step * n_items + train.items) % n_items
    n_sessions = np.bincount(seen, minlength=n_items)
    n_returns = np.bincount(train.items, minlength=n_items) - n_sessions
    rates = (n_returns + _PRIOR_RETURNS) / (n_sessions + _PRIOR_SESSIONS)
    return np.log(rates).astype(np.float16)


def demand_history(train: Sessions, n_items: int, n_spans: int) -> NDArray[np.float16]:
    """The demand for every item as it stood when each span of the training period began.

    Args:
        train: Sessions of item indices below `n_items`.
        n_items: Size of the vocabulary.
        n_spans: Equal parts of the period.

    Returns:
        Shape (n_spans + 1, n_items, 5); the last entry is the end of the period. As
        `ItemFacts.demand`, and only of clicks before that time.
    """
    places = train.places_in_period[train.session_of_step]
    span = np.minimum((places * n_spans).astype(np.int64), n_spans - 1)
    order = np.argsort(span, kind="stable")
    borders = np.searchsorted(span[order], np.arange(n_spans + 1))
    counts = np.zeros((n_items, len(MEMORIES)))
    history = np.full((n_spans + 1, n_items, len(MEMORIES)), np.log(_PRIOR_CLICKS), np.float16)
    for place, (start, end) in enumerate(pairwise(borders)):
        steps = order[start:end]
        ages = (place + 1) / n_spans - places[steps]
        counts *= np.exp(-1 / n_spans / MEMORIES)
        for column, memory in enumerate(MEMORIES):
            faded = np.exp(-ages / memory)
            counts[:, column] += np.bincount(train.items[steps], faded, minlength=n_items)
        history[place + 1] = np.log(counts + _PRIOR_CLICKS)
    return history


def spans_of_sessions(train: Sessions, n_spans: int) -> NDArray[np.int64]:
    """The span of the training period that each session lies in, shape (n_sessions,)."""
    return np.minimum((train.places_in_period * n_spans).astype(np.int64), n_spans - 1)


def demand_bonus(demand: NDArray[np.float16], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the demand adds to the score of each item, shape (n_items,).

    By `einsum`, which keeps away from BLAS: OpenBLAS's AVX-512 product with 5 columns reads
    stack memory that it then masks out, so that now and then NumPy warns of an invalid value
    though the result is right.
    """
    bonus: NDArray[np.float32] = np.einsum("im,m->i", demand, weights, dtype=np.float32)
    return bonus
