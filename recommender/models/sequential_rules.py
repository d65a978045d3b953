"""Sequential rules: what followed the last item, the nearer the heavier."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, last_items
from recommender.models.contract import Model
from recommender.settings import Settings


class SequentialRules(Model):
    """Rules a → b, weighted by 1 / (steps from a to b) and summed over the training sessions.

    A return to the same item makes a rule a → a, as published.

    Source: Kamehkhosh, Jannach, Ludewig (2017), "A Comparison of Frequent Pattern Techniques and a
    Deep Learning Method for Session-Based Recommendation", section 2.2.
    """

    name = "sequential_rules"
    max_distance: ClassVar[int] = 10
    """Steps between a and b; farther pairs make no rule."""
    max_rules: ClassVar[int] = 500
    """Rules kept for one item, the heaviest first."""

    rule_starts_: NDArray[np.int64]
    rule_items_: NDArray[np.int32]
    rule_weights_: NDArray[np.float32]

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,  # noqa: ARG002
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
    ) -> Self:
        """Count the rules of all sessions."""
        session = train.session_of_step
        codes, weights = [], []
        for distance in range(1, self.max_distance + 1):
            before, after = train.items[:-distance], train.items[distance:]
            pairs = session[:-distance] == session[distance:]
            codes.append(before[pairs].astype(np.int64) * self.n_items + after[pairs])
            weights.append(np.full(int(pairs.sum()), 1.0 / distance))
        code, rule = np.unique(np.concatenate(codes), return_inverse=True)
        weight = np.zeros(len(code))
        np.add.at(weight, rule, np.concatenate(weights))
        self._keep_heaviest(code, weight)
        return self

    def _keep_heaviest(self, code: NDArray[np.int64], weight: NDArray[np.float64]) -> None:
        first, second = np.divmod(code, self.n_items)
        order = np.lexsort((second, -weight, first))
        first, second, weight = first[order], second[order], weight[order]
        starts = np.searchsorted(first, np.arange(self.n_items + 1))
        kept = np.arange(len(first)) - starts[first] < self.max_rules
        self.rule_starts_ = np.searchsorted(first[kept], np.arange(self.n_items + 1))
        self.rule_items_ = second[kept].astype(np.int32)
        self.rule_weights_ = weight[kept].astype(np.float32)

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Weights of the last item's rules, -inf without one; shape (n_sessions, n_items)."""
        scores = np.full((sessions.n_sessions, self.n_items), -np.inf, np.float32)
        for row, item in enumerate(last_items(sessions, 1)[:, 0]):
            if item >= 0:
                rules = slice(self.rule_starts_[item], self.rule_starts_[item + 1])
                scores[row, self.rule_items_[rules]] = self.rule_weights_[rules]
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Rules sorted by item, shape (n_rules,), and where each item's rules start."""
        return {
            "rule_starts": self.rule_starts_,
            "rule_items": self.rule_items_,
            "rule_weights": self.rule_weights_,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted model of the three arrays."""
        model = cls(len(arrays["rule_starts"]) - 1, settings)
        model.rule_starts_ = np.asarray(arrays["rule_starts"])
        model.rule_items_ = np.asarray(arrays["rule_items"])
        model.rule_weights_ = np.asarray(arrays["rule_weights"])
        return model
