"""How often items stand near each other in sessions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cooccurrences(
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    n_items: int,
    *,
    window: int = 5,
    decay: float = 0.7,
) -> Any:
    """Count pairs of different items, nearer pairs heavier.

    Args:
        items: Item indices of all sessions end to end, shape (n_steps,).
        starts: Where sessions start, with the end behind them, shape (n_sessions + 1,).
        n_items: Size of the vocabulary.
        window: Steps between the two at most.
        decay: A pair at distance d weighs `decay` ** (d - 1).

    Returns:
        Symmetric `scipy.sparse.csr_array` of shape (n_items, n_items), float32.
    """
    from scipy.sparse import coo_array

    session = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    first, second, weights = [], [], []
    for distance in range(1, window + 1):
        before, after = items[:-distance], items[distance:]
        pairs = (session[:-distance] == session[distance:]) & (before != after)
        first += [before[pairs], after[pairs]]
        second += [after[pairs], before[pairs]]
        weights += [np.full(int(pairs.sum()), decay ** (distance - 1), np.float32)] * 2
    places = (np.concatenate(first), np.concatenate(second))
    # Pairs that occur several times are summed on the way to rows.
    return coo_array((np.concatenate(weights), places), shape=(n_items, n_items)).tocsr()
