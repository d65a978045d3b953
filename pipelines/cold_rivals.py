"""What vectors from a ridge regression are measured against.

Each of them has as many settings to choose from as the ridge has penalties.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.neural_network import MLPRegressor

from embeddings.content import Description, TermWeights
from embeddings.nearest import SMALLEST_NORM
from pipelines.cold import Trial
from recommender.cold.calibration import likeliest
from recommender.models.contract import Model

_ROWS_AT_ONCE = 500

Vectors = NDArray[np.float32]
Setting = Mapping[str, float]


class Told(NamedTuple):
    """What a rival learns from, and what it is asked for.

    Attributes:
        known: What the feed says of products that have vectors.
        vectors: Theirs, shape (n_known, dim).
        cold: What it says of the others.
        seed: Of whatever is drawn.
    """

    known: Sequence[Description]
    vectors: Vectors
    cold: Sequence[Description]
    seed: int

    @classmethod
    def of(cls, trial: Trial, vectors: Vectors, seed: int) -> "Told":
        """Of the products in a trial that have both; a vector each for the vocabulary."""
        told = np.flatnonzero([bool(one.title) for one in trial.known])
        return cls([trial.known[row] for row in told.tolist()], vectors[told], trial.cold, seed)


class _MakeVectors(Protocol):
    def __call__(self, told: Told, setting: Setting) -> Vectors: ...


def network_vectors(told: Told, setting: Setting) -> Vectors:
    """By one hidden layer on the same terms; the tenth of the products that is kept aside stops it.

    Args:
        told: What it learns from.
        setting: `hidden` units and the `penalty` of their weights.
    """
    weights = TermWeights.learned(told.known)
    network = MLPRegressor(
        hidden_layer_sizes=(int(setting["hidden"]),),
        alpha=setting["penalty"],
        early_stopping=True,
        max_iter=1_000,
        random_state=told.seed,
    )
    network.fit(_matrix(weights, told.known), told.vectors)
    return _unit(network.predict(_matrix(weights, told.cold)))


def neighbor_vectors(told: Told, setting: Setting) -> Vectors:
    """The mean of the nearest in text, the nearer the more.

    Args:
        told: What it learns from.
        setting: How many `neighbors`.
    """
    weights = TermWeights.learned(told.known)
    own, others = _matrix(weights, told.cold), _matrix(weights, told.known)
    made = np.zeros((len(told.cold), told.vectors.shape[1]))
    for start in range(0, len(told.cold), _ROWS_AT_ONCE):
        piece = slice(start, start + _ROWS_AT_ONCE)
        likeness = (own[piece] @ others.T).toarray()
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, : int(setting["neighbors"])]
        shares = np.take_along_axis(likeness, nearest, axis=1) ** 2
        made[piece] = np.einsum("nk,nkd->nd", shares, told.vectors[nearest])
    return _unit(made)


RIVALS: Mapping[str, tuple[_MakeVectors, Sequence[Setting]]] = {
    "network": (
        network_vectors,
        [{"hidden": units, "penalty": penalty} for units in (64, 256) for penalty in (1e-3, 1e-1)],
    ),
    "neighbors in text": (neighbor_vectors, [{"neighbors": n} for n in (5, 10, 20, 50)]),
}
"""How each makes vectors, and the settings that it may choose from."""


def chosen_settings(trial: Trial, model: Model, seed: int) -> dict[str, Setting]:
    """The setting of each rival under which the trial's clicks were likeliest, as for the ridge."""
    told = Told.of(trial, model.item_vectors(), seed)
    return {
        name: likeliest(model, trial.asked, ((one, make(told, one)) for one in settings))[0]
        for name, (make, settings) in RIVALS.items()
    }


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
