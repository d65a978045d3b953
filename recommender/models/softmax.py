"""The compact softmax network as it is served: NumPy on saved arrays."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM
from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.contract import Model, check_pairs
from recommender.models.metrics import validation_quality
from recommender.models.quiet import quiet_start
from recommender.settings import Settings


class Softmax(Model):
    """Next-item probabilities from the cosine of a session vector with every item's vector.

    The session vector is the mean of its last items' rows, weighted by age, plus what a residual
    layer makes of that mean and of the last item. One table serves both sides.

    Attributes:
        table_: Item rows, shape (n_items, dim), float32.
        network_: The Keras network after `fit`; None in a loaded model.
    """

    name = "softmax"
    gives_log_probabilities = True
    settles_on_validation = True
    takes_vectors = True

    table_: NDArray[np.float32]
    age_logits_: NDArray[np.float32]
    widen_kernel_: NDArray[np.float32]
    widen_bias_: NDArray[np.float32]
    narrow_kernel_: NDArray[np.float32]
    narrow_bias_: NDArray[np.float32]
    temperature_: float
    network_: Any = None

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,
        *,
        vectors: NDArray[np.float32] | None = None,
        seed: int = 0,
    ) -> Self:
        """Train by Keras; with validation, settle the start and the number of epochs.

        Raises:
            DataError: If no session has two items.
            ValueError: If the start needs vectors and none of shape (n_items, dim) came.
        """
        with quiet_start():
            from recommender.models.softmax_training import train_network

        check_pairs(train)
        quality = None
        if validation is not None and (validation.lengths >= 2).any():
            quality = partial(self._quality, validation)
        best = None
        for start in self._starts(vectors):
            trained = train_network(
                train,
                quality,
                n_items=self.n_items,
                settings=self.settings,
                start=vectors if start == "word2vec" else None,
                epochs=self.settled_.get("epochs"),
                seed=seed,
                on_epoch=partial(self._remember, start),
            )
            if best is None or trained.validation_gain > best.validation_gain:
                best = trained
                settled = {"start": start, "epochs": trained.epochs}
        if best is None:
            raise ValueError("there is no start to try")
        self.settled_ = settled
        self.network_ = best.network
        self._take(best.arrays)
        return self

    def _quality(
        self, validation: Sessions, arrays: Mapping[str, NDArray[Any]]
    ) -> dict[str, float]:
        return validation_quality(Softmax.from_arrays(arrays, self.settings), validation)

    def _starts(self, vectors: NDArray[np.float32] | None) -> list[str]:
        wanted = self.settled_.get("start", self.settings.model.start)
        if wanted == "auto":
            wanted = "random" if vectors is None else "auto"
        if wanted != "random":
            expected = (self.n_items, self.settings.softmax.dim)
            if vectors is None or vectors.shape != expected:
                came = None if vectors is None else vectors.shape
                raise ValueError(f"a word2vec start needs vectors of shape {expected}, got {came}")
        return ["word2vec", "random"] if wanted == "auto" else [wanted]

    def _remember(self, start: str, record: dict[str, Any]) -> None:
        record = {"start": start, **record}
        self.epochs_.append(record)
        if self.on_epoch is not None:
            self.on_epoch(record)

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Log-probabilities in nats, shape (n_sessions, n_items)."""
        logits = self.session_vectors(sessions) @ self.table_.T
        logits *= self._inverse_norms / np.float32(self.temperature_)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def session_vectors(self, sessions: Sessions) -> NDArray[np.float32]:
        """Unit vectors of sessions, shape (n_sessions, dim)."""
        window = last_items(sessions, len(self.age_logits_))
        known = window != PAD
        rows = self.table_[np.where(known, window, 0)] * known[:, :, None]
        weights = np.exp(self.age_logits_[::-1]) * known
        total = np.maximum(weights.sum(axis=1, keepdims=True), SMALLEST_NORM)
        mean = np.einsum("nw,nwd->nd", weights / total, rows)
        inputs = np.concatenate([mean, rows[:, -1]], axis=1)
        hidden = np.maximum(inputs @ self.widen_kernel_ + self.widen_bias_, 0)
        vectors = mean + hidden @ self.narrow_kernel_ + self.narrow_bias_
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(norms, SMALLEST_NORM)
        return unit

    def reasons(
        self,
        viewed: NDArray[np.int64],
        recommended: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The viewed item whose vector is nearest by cosine, of equal ones the newest.

        An item that was viewed itself is no reason for itself.
        """
        seen = viewed[-len(self.age_logits_) :]
        own = self.table_[recommended] * self._inverse_norms[recommended, None]
        others = self.table_[seen] * self._inverse_norms[seen, None]
        cosines = np.where(recommended[:, None] == seen, np.float32(-2), own @ others.T)
        from_end: NDArray[np.int64] = np.argmax(cosines[:, ::-1], axis=1)
        return len(viewed) - 1 - from_end

    def item_vectors(self) -> NDArray[np.float32]:
        """Unit vectors of items, shape (n_items, dim): near products, diversity, maps."""
        return self.table_ * self._inverse_norms[:, None]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The table, the age weights, both layers, the temperature."""
        return {
            "table": self.table_,
            "age_logits": self.age_logits_,
            "widen_kernel": self.widen_kernel_,
            "widen_bias": self.widen_bias_,
            "narrow_kernel": self.narrow_kernel_,
            "narrow_bias": self.narrow_bias_,
            "temperature": np.array(self.temperature_, np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted network of its arrays."""
        model = cls(len(arrays["table"]), settings)
        model._take(arrays)
        return model

    def _take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.table_ = arrays["table"]
        self.age_logits_ = np.asarray(arrays["age_logits"])
        self.widen_kernel_ = np.asarray(arrays["widen_kernel"])
        self.widen_bias_ = np.asarray(arrays["widen_bias"])
        self.narrow_kernel_ = np.asarray(arrays["narrow_kernel"])
        self.narrow_bias_ = np.asarray(arrays["narrow_bias"])
        self.temperature_ = float(arrays["temperature"])
        norms = np.maximum(np.linalg.norm(self.table_, axis=1), SMALLEST_NORM)
        self._inverse_norms: NDArray[np.float32] = (1 / norms).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the arrays and, after `fit`, `network.keras` for training on."""
        super().save(folder)
        if self.network_ is not None:
            self.network_.save(folder / "network.keras")
