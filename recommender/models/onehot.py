"""The slides' network as it is served: NumPy on saved arrays."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.contract import Model, check_pairs
from recommender.models.metrics import validation_quality
from recommender.models.onehot_budget import (
    Pass,
    Prediction,
    all_passes,
    fair_trials,
    predict_bytes,
    predict_seconds,
    refuse_bytes,
    refuse_seconds,
)
from recommender.models.onehot_rows import session_products
from recommender.models.quiet import quiet_start
from recommender.settings import Settings

if TYPE_CHECKING:
    from recommender.models.onehot_training import TrainedOneHot

WEIGHT_NAMES = ("hidden_kernel", "hidden_bias", "output_kernel", "output_bias")
"""The arrays, in the order in which Keras lists the weights."""


class OneHot(Model):
    """One product one-hot in, the products browsed in the same session out: 4N² + 3N weights.

    A session is asked about by its last item; the input of an empty one is all zeros, so that the
    biases answer. `onehot.variant` says how it is trained: `slides` as published, `fair` with the
    number of epochs and the batch size that validation likes best.

    Attributes:
        hidden_kernel_: Shape (n_items, 2 n_items), float32.
        hidden_bias_: Shape (2 n_items,).
        output_kernel_: Shape (2 n_items, n_items), float32.
        output_bias_: Shape (n_items,).
        network_: The Keras network after `fit`; None in a loaded model.
    """

    name = "onehot"
    uses_seed = True
    gives_log_probabilities = True
    settles_on_validation = True

    hidden_kernel_: NDArray[np.float32]
    hidden_bias_: NDArray[np.float32]
    output_kernel_: NDArray[np.float32]
    output_bias_: NDArray[np.float32]
    network_: Any = None

    @property
    def leaves_choices(self) -> bool:
        """Whether `fit` asks validation: the variant `fair` does."""
        return self.settings.onehot.variant == "fair"

    def predicted_costs(self, train: Sessions) -> dict[str, float]:
        """Bytes, memory and seconds of the training, last passes included, known before it.

        Raises:
            BudgetError: If they are over `onehot.max_bytes`, `onehot.max_seconds` or the memory of
                this machine.
        """
        return self._predict(session_products(train)).as_dict()

    @classmethod
    def load_libraries(cls) -> None:
        """Import TensorFlow."""
        with quiet_start():
            import recommender.models.onehot_training  # noqa: F401

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,  # noqa: ARG002
        seed: int = 0,
    ) -> Self:
        """Train by Keras; with validation, the variant `fair` settles batch size and epochs.

        Raises:
            BudgetError: If it would take more than the settings or the machine allow.
            DataError: If no session has two products.
        """
        products = session_products(train)
        check_pairs(products)
        self._predict(products)
        with quiet_start():
            from recommender.models.onehot_training import train_network

        train_once = partial(
            train_network,
            products,
            n_items=self.n_items,
            settings=self.settings,
            seed=seed,
            on_epoch=self._remember,
        )
        quality, planned = None, self._settled
        if planned is None:
            if self.leaves_choices and validation is not None and (validation.lengths > 1).any():
                quality = partial(self._quality, validation)
            planned = self._planned(partial(train_once, quality))
        trained = train_once(quality, planned)
        if self.leaves_choices:
            self.settled_ = {"batch_size": planned.batch_size, "epochs": trained.epochs}
        self.network_ = trained.network
        self._take(trained.arrays)
        return self

    @property
    def _settled(self) -> Pass | None:
        """What an earlier fit chose on validation."""
        return Pass(**self.settled_) if self.leaves_choices and self.settled_ else None

    def _planned(self, train_once: Callable[[Pass], "TrainedOneHot"]) -> Pass:
        """How to train; the variant `fair` tries its batch sizes for a few epochs."""
        chosen = self.settings.onehot
        if chosen.variant == "slides":
            return Pass(chosen.batch_size, chosen.epochs)
        gains = {
            trial.batch_size: train_once(trial).validation_gain for trial in fair_trials(chosen)
        }
        best = max(gains, key=gains.__getitem__)
        # Its training begins anew and tells these epochs again.
        self.epochs_ = [record for record in self.epochs_ if record["batch_size"] != best]
        return Pass(best, chosen.max_epochs)

    def _predict(self, products: Sessions) -> Prediction:
        chosen = self.settings.onehot
        planned = all_passes(chosen, self._settled)
        prediction = predict_bytes(self.n_items, max(one.batch_size for one in planned))
        refuse_bytes(prediction, chosen, self.n_items)
        with quiet_start():
            from recommender.models.onehot_training import step_seconds

        seconds = predict_seconds(len(products.items), planned, partial(step_seconds, self.n_items))
        prediction = replace(prediction, train_s=seconds)
        refuse_seconds(prediction, chosen, self.n_items)
        return prediction

    def _quality(
        self, validation: Sessions, arrays: Mapping[str, NDArray[Any]]
    ) -> dict[str, float]:
        return validation_quality(OneHot.from_arrays(arrays, self.settings), validation)

    def _remember(self, record: dict[str, Any]) -> None:
        self.epochs_.append(record)
        if self.on_epoch is not None:
            self.on_epoch(record)

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Log-probabilities in nats, shape (n_sessions, n_items)."""
        items, session = np.unique(last_items(sessions, 1)[:, 0], return_inverse=True)
        known = (items != PAD)[:, None]
        inputs = np.where(known, self.hidden_kernel_[np.where(items != PAD, items, 0)], 0)
        hidden = np.maximum(inputs + self.hidden_bias_, 0)
        logits = hidden @ self.output_kernel_ + self.output_bias_
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        log_probabilities: NDArray[np.float32] = logits[session]
        return log_probabilities

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Kernels and biases of both layers."""
        return {name: getattr(self, f"{name}_") for name in WEIGHT_NAMES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted network of its arrays."""
        model = cls(len(arrays["output_bias"]), settings)
        model._take(arrays)
        return model

    def _take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        for name in WEIGHT_NAMES:
            setattr(self, f"{name}_", arrays[name])

    def save(self, folder: Path) -> None:
        """Write the arrays and, after `fit`, `network.keras` with the optimizer's state."""
        super().save(folder)
        if self.network_ is not None:
            self.network_.save(folder / "network.keras")
