"""Nearest neighbors: what visitors did whose sessions were like the present one."""

import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, sessions_from_lists
from recommender.models.contract import Model, check_pairs
from recommender.models.neighbors_choice import choose_parameters
from recommender.models.neighbors_index import SessionIndex, build_index
from recommender.models.neighbors_search import (
    Weights,
    ask,
    best_items,
    chosen_scores,
    search,
    similar_sessions,
    weighted_items,
)
from recommender.models.neighbors_variants import default_parameters, weights_of
from recommender.models.topk import NOTHING
from recommender.settings import Settings


class Neighbors(Model):
    """S-KNN, VS-KNN and VSTAN: the setting `neighbors.variant` says which.

    Attributes:
        index_: The training sessions.
        parameters_: `variant` and a value for each of its parameters.
        weights_: The tables made of them.
    """

    name = "neighbors"
    settles_on_validation = True

    index_: SessionIndex
    parameters_: dict[str, Any]
    weights_: Weights

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
    ) -> Self:
        """Lay the sessions out; with validation, settle the parameters that no setting names.

        Raises:
            DataError: If no session has two items.
        """
        check_pairs(train)
        index = build_index(train, self.n_items)
        variant = self.settings.neighbors.variant
        named = self.settings.neighbors.model_dump(exclude={"variant"}, exclude_none=True)
        parameters = {**default_parameters(variant), **self.settled_}
        parameters |= {name: value for name, value in named.items() if name in parameters}
        if validation is not None and (validation.lengths >= 2).any():
            parameters = choose_parameters(
                index, variant, parameters, named, validation, self.on_epoch
            )
            self.settled_ = parameters
        return self._take(index, {"variant": variant, **parameters})

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Sums over the neighbors that hold an item, -inf for the others."""
        scores = np.full((sessions.n_sessions, self.n_items), -np.inf, np.float32)
        for piece, scored in search(self.index_, self.weights_, sessions):
            scores[piece.start + scored.query, scored.items] = scored.scores
        return scores

    def recommend(
        self, sessions: Sessions, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `top_k` of `scores`, without a column for each item."""
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        items, scores = best_candidates(
            self.index_, self.weights_, sessions, min(k, self.n_items), allowed
        )
        return items, np.where(items == NOTHING, np.float32(-np.inf), scores)

    def neighbors_scores(
        self, sessions: Sessions, k: int = 120
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best items of every session, without a column for each item.

        Returns:
            Items, best first, ties by lower index, `NOTHING` behind; their scores as shares of the
            sum over the row, 0 behind; both of shape (n_sessions, k).
        """
        items, scores = best_candidates(self.index_, self.weights_, sessions, k)
        return items, scores / np.maximum(scores.sum(axis=1, keepdims=True), np.float32(1e-30))

    def reasons(
        self, viewed: NDArray[np.int64], recommended: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The viewed item that brings most of a score, of equal ones the newest.

        A neighbor's similarity is a sum over the items it shares; what it adds to a score is parted
        in the same way. No item is a reason for itself.
        """
        asked = ask(self.weights_, sessions_from_lists([viewed.tolist()]))
        neighbors = similar_sessions(self.index_, self.weights_, asked)
        of_neighbor, item, score = weighted_items(self.index_, self.weights_, neighbors)
        # Which viewed items a neighbor holds, and which recommended ones.
        shares = np.zeros((len(neighbors.sessions), len(asked.items)))
        row, column = np.nonzero(item[:, None] == asked.items)
        shares[of_neighbor[row], column] = asked.weights[column]
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        added = np.zeros((len(neighbors.sessions), len(recommended)))
        row, column = np.nonzero(item[:, None] == recommended)
        added[of_neighbor[row], column] = score[row]
        spoken = np.where(recommended[:, None] == asked.items, 0, added.T @ shares)
        speaks = spoken.max(axis=1, initial=0) > 0
        best = np.argmax(spoken, axis=1) if len(asked.items) else np.zeros(len(speaks), np.int64)
        positions = len(viewed) - 1 - asked.ages
        return np.where(speaks, positions[best] if len(positions) else -1, -1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The index, and the parameters as the bytes of JSON."""
        text = json.dumps(self.parameters_, sort_keys=True).encode()
        return {**self.index_._asdict(), "parameters": np.frombuffer(text, np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted model of its arrays."""
        index = SessionIndex(*(np.asarray(arrays[name]) for name in SessionIndex._fields))
        model = cls(index.n_items, settings)
        return model._take(index, json.loads(arrays["parameters"].tobytes()))

    def _take(self, index: SessionIndex, parameters: dict[str, Any]) -> Self:
        self.index_, self.parameters_ = index, parameters
        self.weights_ = weights_of(index, parameters["variant"], parameters)
        return self


def best_candidates(
    index: SessionIndex,
    weights: Weights,
    sessions: Sessions,
    k: int,
    allowed: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k best items of every session; see `best_items` for shapes, `top_k` for `allowed`."""
    items = np.full((sessions.n_sessions, k), NOTHING)
    scores = np.zeros((sessions.n_sessions, k), np.float32)
    for piece, scored in search(index, weights, sessions):
        if allowed is not None:
            table = np.broadcast_to(allowed, (sessions.n_sessions, index.n_items))
            scored = chosen_scores(scored, table[piece.start + scored.query, scored.items])
        items[piece], scores[piece] = best_items(scored, piece.stop - piece.start, k)
    return items, scores
