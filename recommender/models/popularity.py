"""The same list for everyone: what was clicked most."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions
from recommender.models.contract import Model
from recommender.settings import Settings


class Popularity(Model):
    """Items by their number of steps in the training sessions."""

    name = "popularity"
    gives_log_probabilities = True
    counts_: NDArray[np.int64]

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,  # noqa: ARG002
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
    ) -> Self:
        """Count the steps of every item."""
        self.counts_ = np.bincount(train.items, minlength=self.n_items)
        return self

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Log of each item's share, one added to every count; shape (n_sessions, n_items)."""
        smoothed = self.counts_ + 1.0
        row = np.log(smoothed / smoothed.sum()).astype(np.float32)
        return np.broadcast_to(row, (sessions.n_sessions, self.n_items))

    def reasons(
        self,
        viewed: NDArray[np.int64],  # noqa: ARG002
        recommended: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The session has no part in it: -1 everywhere."""
        return np.full(len(recommended), -1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`counts`, shape (n_items,)."""
        return {"counts": self.counts_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted model of `counts`."""
        model = cls(len(arrays["counts"]), settings)
        model.counts_ = np.asarray(arrays["counts"])
        return model
