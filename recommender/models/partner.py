"""What memory adds to the second stage: nearest sessions, and what followed the newest items."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.neighbors import Neighbors
from recommender.models.sequential_rules import SequentialRules
from recommender.models.topk import NOTHING
from recommender.settings import Settings

_N_NEIGHBORS_ITEMS = 120
_N_NEWEST = 2
_SMALL_SHARE = 0.002
"""Shares of this size and more make a difference; smaller ones fade into none."""


class Partner(NamedTuple):
    """Two memories of the training sessions that the ranker is told the scores of.

    Attributes:
        neighbors: Nearest sessions.
        rules: Items that followed an item.
    """

    neighbors: Neighbors
    rules: SequentialRules

    @classmethod
    def fitted(cls, train: Sessions, n_items: int, settings: Settings) -> Self:
        """Lay out training sessions; the ranker makes up for parameters that do not quite fit."""
        return cls(
            Neighbors(n_items, settings).fit(train, None),
            SequentialRules(n_items, settings).fit(train),
        )

    def columns(self, sessions: Sessions, items: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """What neighbors and the rules of the newest items say of candidates.

        Args:
            sessions: What was seen so far, n of them.
            items: Candidates, shape (n, n_candidates).

        Returns:
            Log of 1 + the share of the score in units of .002, three columns of shape
            (n, n_candidates).
        """
        found, shares = self.neighbors.neighbors_scores(sessions, _N_NEIGHBORS_ITEMS)
        dense = np.zeros((len(items), self.neighbors.n_items + 1), np.float32)
        # NOTHING points at the spare last column.
        np.put_along_axis(dense, found, np.where(found == NOTHING, 0, shares), axis=1)
        columns = [np.take_along_axis(dense, items, axis=1)]
        newest = last_items(sessions, _N_NEWEST)
        columns += [self._of_rules(newest[:, -1 - age], items) for age in range(_N_NEWEST)]
        return [np.log1p(column / _SMALL_SHARE) for column in columns]

    def _of_rules(self, seen: NDArray[np.int32], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """The share of each candidate in the rules of one seen item a session."""
        rules = self.rules
        shares = np.zeros(items.shape, np.float32)
        row = np.zeros(rules.n_items, np.float32)
        for place, item in enumerate(seen):
            if item != PAD:
                part = slice(rules.rule_starts_[item], rules.rule_starts_[item + 1])
                follows, weights = rules.rule_items_[part], rules.rule_weights_[part]
                row[follows] = weights / max(weights.sum(), np.float32(1e-9))
                shares[place] = row[items[place]]
                row[follows] = 0
        return shares

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads."""
        parts = {"neighbors": self.neighbors, "rules": self.rules}
        return {
            f"{part}_{name}": array
            for part, model in parts.items()
            for name, array in model.arrays().items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """What `arrays` gave."""
        neighbors, rules = (
            {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
            for prefix in ("neighbors_", "rules_")
        )
        return cls(
            Neighbors.from_arrays(neighbors, settings), SequentialRules.from_arrays(rules, settings)
        )
