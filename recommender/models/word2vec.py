"""word2vec as a model of its own: input vectors of the session times output vectors of items."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.contract import Model, check_pairs
from recommender.settings import Settings


class Word2Vec(Model):
    """Items by the inner product of their output vector with the mean of the last input vectors.

    It is the probability that word2vec was trained to tell, asked about the next step.
    """

    name = "word2vec"
    uses_seed = True
    inputs_: NDArray[np.float32]
    outputs_: NDArray[np.float32]

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,  # noqa: ARG002
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,  # noqa: ARG002
        seed: int = 0,
    ) -> Self:
        """Learn both tables.

        Raises:
            DataError: If no session has two items.
        """
        from embeddings.word2vec import train_word2vec

        check_pairs(train)
        chosen = self.settings.word2vec
        self.inputs_, self.outputs_ = train_word2vec(
            train.items,
            train.starts,
            self.n_items,
            dim=chosen.dim,
            algorithm=chosen.algorithm,
            window=chosen.window,
            epochs=chosen.epochs,
            negatives=chosen.negatives,
            ns_exponent=chosen.ns_exponent,
            sample=chosen.sample,
            learning_rate=chosen.learning_rate,
            seed=seed,
            workers=1 if self.settings.model.deterministic else 2,
        )
        return self

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Inner products of the session's mean vector with every output vector."""
        window = last_items(sessions, self.settings.word2vec.window)
        known = window != PAD
        total = (self.inputs_[np.where(known, window, 0)] * known[:, :, None]).sum(axis=1)
        mean = total / np.maximum(known.sum(axis=1, keepdims=True), 1)
        scores: NDArray[np.float32] = (mean @ self.outputs_.T).astype(np.float32)
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`inputs` and `outputs`, shape (n_items, dim)."""
        return {"inputs": self.inputs_, "outputs": self.outputs_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted model of both tables."""
        model = cls(len(arrays["inputs"]), settings)
        model.inputs_, model.outputs_ = arrays["inputs"], arrays["outputs"]
        return model
