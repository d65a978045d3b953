"""How sure a model is of its list: the chance that the next product is in it, calibrated.

Source: selective prediction with a calibrated score, El-Yaniv, Wiener (2010), "On the Foundations
of Noise-free Selective Classification"; Platt (1999), "Probabilistic Outputs for SVMs".
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD

LIST_LENGTH = 20
"""Certainty is about the next item being among so many, the page's own product left out."""
_WEIGHTS = "certainty_weights"
_BOUND = 1e-4


class Certainty(NamedTuple):
    """A logistic curve over what a model's distribution looks like.

    Attributes:
        weights: Of each column of `signs`, then the constant, shape (n_signs + 1,), float32.
    """

    weights: NDArray[np.float32]

    def of(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """The chance that the next item is among the first `LIST_LENGTH`, shape (n,).

        Args:
            found: Of `signs`, shape (n, n_signs).
        """
        log_odds = found @ self.weights[:-1] + self.weights[-1]
        chances: NDArray[np.float32] = 1 / (1 + np.exp(-log_odds))
        return chances

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What serving loads."""
        return {_WEIGHTS: self.weights}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """What `arrays` gave; None if there is nothing of it among them."""
        return cls(np.asarray(arrays[_WEIGHTS])) if _WEIGHTS in arrays else None


def signs(
    log_probabilities: NDArray[np.float32],
    pages: NDArray[np.int32],
    spread: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """What tells whether a distribution knows its next item.

    Args:
        log_probabilities: Shape (n, n_items).
        pages: The newest item of each session, `PAD` for an empty one, shape (n,).
        spread: How far a mixture's components lie apart, shape (n,).

    Returns:
        The log-odds of the first `LIST_LENGTH` items together, the entropy in nats, and the spread
        where there is one, shape (n, 2 or 3).
    """
    n_items = log_probabilities.shape[1]
    chances = np.exp(log_probabilities)
    known = np.flatnonzero(pages != PAD)
    chances[known, pages[known]] = 0
    left = np.maximum(chances.sum(axis=1), np.finfo(np.float32).tiny)
    n_first = min(LIST_LENGTH, n_items)
    first = np.partition(chances, n_items - n_first, axis=1)[:, n_items - n_first :]
    share = (first.sum(axis=1) / left).clip(_BOUND, 1 - _BOUND)
    # Of chances p that sum to s, the entropy of p / s.
    entropy = np.log(left) - np.einsum("ni,ni->n", chances, log_probabilities) / left
    columns = [np.log(share / (1 - share)), entropy, *([] if spread is None else [spread])]
    return np.array(columns, np.float32).T
