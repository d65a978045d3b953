"""How widely a model recommends: the whole shop, or the same few products to everyone."""

import numpy as np
from numpy.typing import NDArray

_POPULAR_SHARE = 0.01


def coverage(shown: NDArray[np.int64]) -> float:
    """Share of the items that were recommended at least once.

    Args:
        shown: How often each item was recommended, shape (n_items,).
    """
    return float((shown > 0).mean()) if len(shown) else 0.0


def popularity_share(shown: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Share of all recommended places that the 1 % most clicked items take.

    Args:
        shown: How often each item was recommended, shape (n_items,).
        counts: Steps of each item in training, shape (n_items,).
    """
    n_popular = max(1, round(_POPULAR_SHARE * len(counts)))
    popular = np.argsort(-counts, kind="stable")[:n_popular]
    return float(shown[popular].sum() / max(1, shown.sum()))


def novelty(shown: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Mean self-information of the recommended items, in bits: high where they are rarely clicked.

    An item that makes up the share p of the training steps carries -log2 p bits: 10 bits are one
    click in 1,024.

    Args:
        shown: How often each item was recommended, shape (n_items,).
        counts: Steps of each item in training, shape (n_items,); 0 counts as 1.

    Source: Zhou et al. (2010), "Solving the apparent diversity-accuracy dilemma", surprisal.

    Example:
        >>> novelty(np.array([1, 1, 0]), np.array([4, 2, 2]))
        1.5
    """
    bits = -np.log2(np.maximum(counts, 1) / max(1, counts.sum()))
    return float((bits * shown).sum() / max(1, shown.sum()))
