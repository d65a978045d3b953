"""What vectors from a ridge regression are measured against."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.neural_network import MLPRegressor

from embeddings.content import Description, TermWeights
from embeddings.nearest import SMALLEST_NORM

_HIDDEN = 128
_NEIGHBORS = 20
_ROWS_AT_ONCE = 500

Vectors = NDArray[np.float32]


def network_vectors(
    known: Sequence[Description], vectors: Vectors, cold: Sequence[Description], seed: int
) -> Vectors:
    """By one hidden layer on the same terms; the tenth of the products that is kept aside stops it.

    Args:
        known: What the feed says of products that have vectors.
        vectors: Theirs, shape (n_known, dim).
        cold: What it says of the others.
        seed: Of start and order.
    """
    weights = TermWeights.learned(known)
    network = MLPRegressor(
        hidden_layer_sizes=(_HIDDEN,),
        alpha=1e-3,
        early_stopping=True,
        max_iter=200,
        random_state=seed,
    )
    network.fit(_matrix(weights, known), vectors)
    return _unit(network.predict(_matrix(weights, cold)))


def neighbor_vectors(
    known: Sequence[Description], vectors: Vectors, cold: Sequence[Description]
) -> Vectors:
    """The mean of the nearest in text, the nearer the more; arguments as above."""
    weights = TermWeights.learned(known)
    own, others = _matrix(weights, cold), _matrix(weights, known)
    made = np.zeros((len(cold), vectors.shape[1]))
    for start in range(0, len(cold), _ROWS_AT_ONCE):
        piece = slice(start, start + _ROWS_AT_ONCE)
        likeness = (own[piece] @ others.T).toarray()
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :_NEIGHBORS]
        shares = np.take_along_axis(likeness, nearest, axis=1) ** 2
        made[piece] = np.einsum("nk,nkd->nd", shares, vectors[nearest])
    return _unit(made)


class TextLikeness:
    """Cosines of terms.

    Args:
        known: What the feed says of the vocabulary.
        cold: What it says of the others.
    """

    def __init__(self, known: Sequence[Description], cold: Sequence[Description]) -> None:
        weights = TermWeights.learned(known)
        self._known, self._cold = _matrix(weights, known), _matrix(weights, cold)

    def of(self, rows: NDArray[np.integer], places: NDArray[np.integer]) -> Vectors:
        """Of some of the vocabulary with some of the others, shape (n_rows, n_places)."""
        found = self._known[rows] @ self._cold[places].T
        return np.asarray(found.toarray(), np.float32)


def _matrix(weights: TermWeights, descriptions: Sequence[Description]) -> Any:
    terms = weights.of(descriptions)
    shape = (len(descriptions), len(weights))
    return csr_array((terms.weights, terms.columns, terms.starts), shape=shape)


def _unit(vectors: NDArray[Any]) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, SMALLEST_NORM), np.float32)
