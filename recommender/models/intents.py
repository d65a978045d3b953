"""The intents of a session: items that stand for what a visitor is after, and what belongs to each.

Source: the anchors are chosen as in farthest-point clustering, Gonzalez (1985), "Clustering to
Minimize the Maximum Intercluster Distance".
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD

ATTENTION = 2.0
"""What the cosine with the anchor counts at the start of training, beside the age."""
AGE_PENALTY = 1e-3
"""Of items equally unlike the anchors the newest becomes one."""
SAME = 0.999
"""An item with a higher cosine to an anchor is no further one."""
NEVER = -1e9


class Intents(NamedTuple):
    """The components of n sessions, C of each.

    Attributes:
        places: Of the anchors in the window, shape (n, C), int64.
        is_further: False where the session has no further intent, shape (n, C).
        means: The session's rows pooled around each anchor, shape (n, C, dim).
        anchors: The anchors' rows, shape (n, C, dim).
    """

    places: NDArray[np.int64]
    is_further: NDArray[np.bool_]
    means: NDArray[np.float32]
    anchors: NDArray[np.float32]


def intents(
    window: NDArray[np.int32],
    table: NDArray[np.float32],
    unit_rows: NDArray[np.float32],
    age_logits: NDArray[np.float32],
    attention: float,
    n_components: int,
) -> Intents:
    """Find anchors in windows and pool the rows around them.

    Args:
        window: Item indices, shape (n, length), the newest in the last column, `PAD` in front.
        table: Item rows, shape (n_items, dim).
        unit_rows: The same of length 1.
        age_logits: Logs of the weights of ages, shape (length,).
        attention: What a cosine of 1 with the anchor adds to them.
        n_components: C.
    """
    n, length = window.shape
    known, items = window != PAD, np.maximum(window, 0)
    directions = unit_rows[items]
    cosines = directions @ directions.transpose(0, 2, 1)
    ages = np.arange(length - 1, -1, -1)
    every = np.arange(n)
    places = np.full((n, n_components), length - 1)
    likeness = np.full((n, n_components), -1, np.float32)
    penalty = np.where(known, np.float32(AGE_PENALTY) * ages, -NEVER).astype(np.float32)
    nearest = cosines[:, -1]
    for component in range(1, n_components):
        chosen = (nearest + penalty).argmin(axis=1)
        places[:, component] = chosen
        likeness[:, component] = nearest[every, chosen]
        nearest = np.maximum(nearest, cosines[every, chosen])
    own = cosines[every[:, None], places]
    is_further = (likeness < SAME) & known[every[:, None], places]
    is_further[:, 0] = True
    logits = np.where(known[:, None], age_logits[ages] + attention * own, NEVER)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    rows = table[items] * known[:, :, None]
    return Intents(places, is_further, weights @ rows, rows[every[:, None], places])
