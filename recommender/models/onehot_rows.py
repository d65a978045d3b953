"""The slides' training rows: a product one-hot, the other products of its session multi-hot."""

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, select_sessions


def session_products(sessions: Sessions) -> Sessions:
    """The products of every session, each once, of the sessions with two or more.

    Each of them is one training row. A product alone in its session has no others to point to and
    makes none.

    Returns:
        Sessions whose items are distinct and ascending.

    Example:
        >>> from recommender.data.examples import sessions_from_lists
        >>> session_products(sessions_from_lists([[3, 1, 3], [2, 2], [0]])).items
        array([1, 3], dtype=int32)
    """
    n_items = int(sessions.items.max(initial=0)) + 1
    codes = np.unique(sessions.session_of_step * n_items + sessions.items)
    session, items = np.divmod(codes, n_items)
    starts = np.searchsorted(session, np.arange(sessions.n_sessions + 1))
    products = Sessions(items.astype(np.int32), starts)
    return select_sessions(products, np.flatnonzero(products.lengths >= 2))


def one_hot_batch(
    products: Sessions, rows: NDArray[np.int64], n_items: int, *, own_product_in_target: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make some training rows.

    Args:
        products: Of `session_products`.
        rows: Which of its items, shape (n,).
        n_items: Size of the vocabulary.
        own_product_in_target: Whether a product belongs to the products of its session.

    Returns:
        X, one 1 a row, and y, a 1 for every product browsed in the same session, unnormalized; both
        of shape (n, n_items), float32.
    """
    inputs = np.zeros((len(rows), n_items), np.float32)
    targets = np.zeros((len(rows), n_items), np.float32)
    row, own = np.arange(len(rows)), products.items[rows]
    inputs[row, own] = 1
    session = np.searchsorted(products.starts, rows, "right") - 1
    browsed = select_sessions(products, session)
    targets[browsed.session_of_step, browsed.items] = 1
    if not own_product_in_target:
        targets[row, own] = 0
    return inputs, targets
