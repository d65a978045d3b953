"""The compact softmax network as it is served: NumPy on saved arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM
from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.certainty import Certainty, signs
from recommender.models.contract import Model
from recommender.models.facts import demand_bonus
from recommender.models.quantize import dequantize
from recommender.models.returns import MAX_EARLIER
from recommender.models.second_stage import SecondStage
from recommender.settings import Settings

_FEW = 10
_SMALL_PRODUCT = 1_000_000
"""BLAS multiplies matrices with so few multiplications without laying them out anew."""
HEADS = ("return_by_age", "return_by_hidden", "return_by_count", "demand_weights")


class Asked(NamedTuple):
    """The queries into the table that n sessions made, C of each.

    Attributes:
        vectors: Of length 1, shape (n, C, dim).
        log_totals: Log of the sum over all items of exp(logit), shape (n, C).
        log_weights: Of the queries of a session, shape (n, C).
    """

    vectors: NDArray[np.float32]
    log_totals: NDArray[np.float32]
    log_weights: NDArray[np.float32]


class SoftmaxServing(Model):
    """What answers, once arrays are there; `Softmax` adds how they are learned.

    Attributes:
        table_: Item rows, shape (n_items, dim), float32.
        second_stage_: None in the variant `plain`, and where held-out sessions saw no gain.
        certainty_: None where there was too little to calibrate on.
    """

    gives_log_probabilities = True
    takes_blend = True
    takes_vectors = True

    table_: NDArray[np.float32]
    age_logits_: NDArray[np.float32]
    widen_kernel_: NDArray[np.float32]
    widen_bias_: NDArray[np.float32]
    narrow_kernel_: NDArray[np.float32]
    narrow_bias_: NDArray[np.float32]
    gate_: NDArray[np.float32]
    temperature_: float
    demand_: NDArray[np.float16]
    heads_: dict[str, NDArray[np.float32]]
    second_stage_: SecondStage | None = None
    certainty_: Certainty | None = None
    _asked_for: tuple[Sessions, Asked] | None = None

    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Log-probabilities in nats, shape (n_sessions, n_items)."""
        log_probabilities = self._network_scores(sessions)
        if self.second_stage_ is not None:
            log_probabilities = self.second_stage_.rerank(
                log_probabilities, sessions, self._unit_rows
            )
        return self._blended(log_probabilities, sessions)

    def _blended(
        self, log_probabilities: NDArray[np.float32], sessions: Sessions
    ) -> NDArray[np.float32]:
        if self.blend is None:
            return log_probabilities
        return self.blend(log_probabilities, sessions)

    def _signs(self, scores: NDArray[np.float32], sessions: Sessions) -> NDArray[np.float32]:
        return signs(scores, last_items(sessions, 1)[:, 0])

    def certainty(
        self, scores: NDArray[np.float32], sessions: Sessions
    ) -> NDArray[np.float32] | None:
        """See `Model.certainty`; None where there was too little to calibrate on."""
        if self.certainty_ is None:
            return None
        return self.certainty_.of(self._signs(scores, sessions))

    def _network_scores(self, sessions: Sessions) -> NDArray[np.float32]:
        scores, asked = self._scored(sessions)
        self._asked_for = sessions, asked
        return scores

    def _scored(self, sessions: Sessions) -> tuple[NDArray[np.float32], Asked]:
        """Log-probabilities of the network, and what they were made with."""
        vectors, hidden = self._session_vectors(sessions)
        window = last_items(sessions, len(self.age_logits_))
        logits, tops = self._logits(vectors, hidden, window, np.arange(len(window)))
        totals = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        logits -= totals
        return logits, Asked(vectors[:, None], tops + totals, np.zeros_like(tops))

    def log_odds_beyond(
        self, sessions: Sessions, vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Model.log_odds_beyond`: the cosine over τ, against the sum over all known items."""
        # Another thread may ask about its own session meanwhile.
        last = self._asked_for
        asked = last[1] if last is not None and last[0] is sessions else self._scored(sessions)[1]
        return _log_odds(asked, vectors, self.temperature_)

    def _logits(
        self,
        vectors: NDArray[np.float32],
        hidden: NDArray[np.float32],
        window: NDArray[np.int32],
        session: NDArray[np.intp],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logs of every item's chance up to a constant, 0 the highest; one row a vector.

        That constant too, shape (n, 1).

        Args:
            vectors: Of length 1, shape (n, dim).
            hidden: Hidden units behind them, shape (n, hidden).
            window: Of sessions, shape (n_sessions, length).
            session: The session of each vector, shape (n,).
        """
        queries: NDArray[np.float32] = vectors / np.float32(self.temperature_)
        if 1 < len(queries) < _FEW:
            logits = _few_products(queries, self._unit_rows)
        else:
            logits = queries @ self._unit_rows.T
        logits += self._item_bonus
        self._add_return_bonus(logits, hidden, window, session)
        tops = logits.max(axis=1, keepdims=True)
        logits -= tops
        return logits, tops

    def _add_return_bonus(
        self,
        logits: NDArray[np.float32],
        hidden: NDArray[np.float32],
        window: NDArray[np.int32],
        session: NDArray[np.intp],
    ) -> None:
        seen = window[:, ::-1]
        same = seen[:, :, None] == seen[:, None, :]
        is_newest = (seen != PAD) & (same.argmax(axis=2) == np.arange(seen.shape[1]))
        row, age = np.nonzero(is_newest[session])
        of = session[row]
        earlier = np.minimum(same.sum(axis=2)[of, age] - 1, MAX_EARLIER)
        logits[row, seen[of, age]] += (
            self.heads_["return_by_age"][age]
            + (hidden @ self.heads_["return_by_hidden"])[row, age]
            + self.heads_["return_by_count"][earlier]
        )

    def session_vectors(self, sessions: Sessions) -> NDArray[np.float32]:
        """Unit vectors of sessions, shape (n_sessions, dim)."""
        return self._session_vectors(sessions)[0]

    def _session_vectors(
        self, sessions: Sessions
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors, and the hidden units behind them."""
        window = last_items(sessions, len(self.age_logits_))
        known = window != PAD
        rows = self.table_[np.where(known, window, 0)] * known[:, :, None]
        weights = np.exp(self.age_logits_[::-1]) * known
        total = np.maximum(weights.sum(axis=1, keepdims=True), SMALLEST_NORM)
        mean = np.einsum("nw,nwd->nd", weights / total, rows)
        return self._refined(mean, rows[:, -1])

    def _refined(
        self, mean: NDArray[np.float32], last: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        inputs = np.concatenate([mean, last], axis=1)
        hidden = np.maximum(inputs @ self.widen_kernel_ + self.widen_bias_, 0)
        vectors = mean + self.gate_ * (hidden @ self.narrow_kernel_ + self.narrow_bias_)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(norms, SMALLEST_NORM), hidden

    def reasons(
        self,
        viewed: NDArray[np.int64],
        recommended: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The viewed item whose vector is nearest by cosine, of equal ones the newest.

        An item that was viewed itself is no reason for itself.
        """
        seen = viewed[-len(self.age_logits_) :]
        own, others = self._unit_rows[recommended], self._unit_rows[seen]
        cosines = np.where(recommended[:, None] == seen, np.float32(-2), own @ others.T)
        return _newest_nearest(cosines, len(viewed))

    def reasons_beyond(
        self, viewed: NDArray[np.int64], vectors: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """As `reasons`: the nearest by cosine."""
        seen = viewed[-len(self.age_logits_) :]
        return _newest_nearest(vectors @ self._unit_rows[seen].T, len(viewed))

    def item_vectors(self) -> NDArray[np.float32]:
        """Unit vectors of items, shape (n_items, dim): near products, diversity, maps."""
        return self._unit_rows

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The table, the age weights, both layers, the temperature; the second stage."""
        return {
            **({} if self.second_stage_ is None else self.second_stage_.arrays()),
            **({} if self.certainty_ is None else self.certainty_.arrays()),
            **self._table_arrays,
            "age_logits": self.age_logits_,
            "widen_kernel": self.widen_kernel_,
            "widen_bias": self.widen_bias_,
            "narrow_kernel": self.narrow_kernel_,
            "narrow_bias": self.narrow_bias_,
            "gate": self.gate_,
            "temperature": np.array(self.temperature_, np.float32),
            "demand": self.demand_,
            **self.heads_,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted network of its arrays."""
        model = cls(len(arrays["table"]), settings)
        model._take(arrays)
        return model

    def _take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._asked_for = None
        self._table_arrays = {
            name: arrays[name] for name in ("table", "table_scales") if name in arrays
        }
        self.table_ = arrays["table"]
        if "table_scales" in arrays:
            self.table_ = dequantize(arrays["table"], arrays["table_scales"])
        self.age_logits_ = np.asarray(arrays["age_logits"])
        self.widen_kernel_ = np.asarray(arrays["widen_kernel"])
        self.widen_bias_ = np.asarray(arrays["widen_bias"])
        self.narrow_kernel_ = np.asarray(arrays["narrow_kernel"])
        self.narrow_bias_ = np.asarray(arrays["narrow_bias"])
        self.gate_ = np.asarray(arrays["gate"])
        self.temperature_ = float(arrays["temperature"])
        self.demand_ = np.asarray(arrays["demand"])
        self.heads_ = {name: np.asarray(arrays[name]) for name in HEADS}
        self._item_bonus = demand_bonus(self.demand_, self.heads_["demand_weights"])
        self.second_stage_ = SecondStage.from_arrays(arrays, self.settings)
        self.certainty_ = Certainty.from_arrays(arrays)
        norms = np.maximum(np.linalg.norm(self.table_, axis=1, keepdims=True), SMALLEST_NORM)
        self._unit_rows: NDArray[np.float32] = self.table_ / norms


def _newest_nearest(cosines: NDArray[np.float32], n_viewed: int) -> NDArray[np.int64]:
    """Of each row, the place of the largest, of equal ones the newest."""
    from_end: NDArray[np.int64] = np.argmax(cosines[:, ::-1], axis=1)
    return n_viewed - 1 - from_end


def _log_odds(
    asked: Asked, vectors: NDArray[np.float32], temperature: float
) -> NDArray[np.float32]:
    n, n_queries, dim = asked.vectors.shape
    queries: NDArray[np.float32] = asked.vectors.reshape(-1, dim) / np.float32(temperature)
    log_odds: NDArray[np.float32] = (queries @ vectors.T).reshape(n, n_queries, -1)
    log_odds += (asked.log_weights - asked.log_totals)[:, :, None]
    if n_queries == 1:
        return log_odds[:, 0]
    # `logaddexp.reduce` takes ten times as long.
    tops = log_odds.max(axis=1)
    log_odds -= tops[:, None]
    np.exp(log_odds, out=log_odds)
    joined: NDArray[np.float32] = tops + np.log(log_odds.sum(axis=1))
    return joined


def _few_products(vectors: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Products of a few vectors with every row, shape (n_vectors, n_rows).

    In pieces that are small for BLAS: half the time of the whole table by four vectors.
    """
    columns = np.ascontiguousarray(vectors.T)
    products = np.empty((len(rows), len(vectors)), np.float32)
    size = max(1, _SMALL_PRODUCT // vectors.size)
    for start in range(0, len(rows), size):
        piece = slice(start, start + size)
        np.matmul(rows[piece], columns, out=products[piece])
    return np.ascontiguousarray(products.T)
