"""The compact softmax network as it is served: NumPy on saved arrays."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM
from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.certainty import Certainty, signs
from recommender.models.contract import Model, check_pairs
from recommender.models.facts import ItemFacts, demand_bonus, log_returns
from recommender.models.metrics import validation_quality
from recommender.models.partner import Partner
from recommender.models.quantize import dequantize, quantize
from recommender.models.quiet import quiet_start
from recommender.models.ranker import Ranker
from recommender.models.returns import MAX_EARLIER, new_targets
from recommender.models.second_stage import SecondStage, held_out_candidates
from recommender.settings import Settings

_FEW = 10
_SMALL_PRODUCT = 1_000_000
"""BLAS multiplies matrices with so few multiplications without laying them out anew."""
HEADS = ("return_by_age", "return_by_hidden", "return_by_count", "demand_weights")


class Softmax(Model):
    """Next-item probabilities from the cosine of a session vector with every item's vector.

    The session vector is the mean of its last items' rows, weighted by age, plus what a residual
    layer makes of that mean and of the last item. One table serves both sides. A second stage,
    fitted on held-out sessions, ranks the first items again.

    Attributes:
        table_: Item rows, shape (n_items, dim), float32.
        network_: The Keras network after `fit`; None in a loaded model.
        certainty_: None where there was too little to calibrate on.
        second_stage_: None in the variant `plain`, and where held-out sessions saw no gain.
    """

    name = "softmax"
    gives_log_probabilities = True
    starts_from_vectors = True
    uses_seed = True
    settles_on_validation = True
    takes_blend = True
    min_held_out = 5_000

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
    network_: Any = None
    second_stage_: SecondStage | None = None
    certainty_: Certainty | None = None

    @property
    def variant(self) -> str:
        """What answers: the network alone, or a second stage behind it."""
        return self.settings.softmax.variant

    @classmethod
    def load_libraries(cls) -> None:
        """Import TensorFlow."""
        with quiet_start():
            import recommender.models.softmax_training  # noqa: F401

    def fit(
        self,
        train: Sessions,
        validation: Sessions | None = None,
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,
        seed: int = 0,
    ) -> Self:
        """Train by Keras; with validation, settle start and epochs and fit the second stage.

        Raises:
            DataError: If no session has two items.
            ValueError: If the start needs vectors and none of shape (n_items, dim or more) came.
        """
        with quiet_start():
            from recommender.models.softmax_training import train_network

            kind = self._network_kind()
        check_pairs(train)
        quality = None
        if validation is not None and self._is_asked_something(validation):
            quality = partial(self._quality, validation)
        best = None
        for start in self._starts(vectors or {}):
            trained = train_network(
                train,
                quality,
                n_items=self.n_items,
                settings=self.settings,
                start=None if vectors is None else vectors.get(start),
                center=start == "word2vec",
                epochs=self.settled_.get("epochs"),
                seed=seed,
                on_epoch=partial(self._remember, start),
                kind=kind,
            )
            if best is None or trained.validation_gain > best.validation_gain:
                best = trained
                settled = {"start": start, "epochs": trained.epochs}
        if best is None:
            raise ValueError("there is no start to try")
        self.settled_ = {**self.settled_, **settled}
        self._take(_stored(best.arrays, self.settings.softmax.table))
        self.network_ = best.network
        self.network_.table.assign(self.table_)
        held_out = None if quality is None else validation
        if self.variant != "plain":
            self._add_second_stage(train, held_out, seed)
        if held_out is not None:
            self.calibrate(held_out)
        self.certainty_ = Certainty.from_arrays(self.carried_)
        return self

    def _add_second_stage(self, train: Sessions, held_out: Sessions | None, seed: int) -> None:
        """Fit the ranker on held-out sessions, or take over the one that was fitted there."""
        facts, partner = ItemFacts(self.demand_, log_returns(train, self.n_items)), None
        if self.variant == "partner":
            partner = Partner.fitted(train, self.n_items, self.settings)
        if held_out is not None:
            fitted = self._fitted_ranker(held_out, facts, partner, seed)
            self.carried_ = {} if fitted is None else fitted.arrays()
            self.settled_["second_stage"] = fitted is not None
        ranker = Ranker.from_arrays(self.carried_)
        if ranker is not None:
            self.second_stage_ = SecondStage(ranker, facts, partner)

    def calibrate(self, held_out: Sessions) -> None:
        """See `Model.calibrate`: how often lists hold the next item when scores look as they do."""
        from recommender.models.certainty_training import (
            calibration_questions,
            fit_certainty,
            is_in_list,
        )

        found, in_list = [], []
        for sessions, targets in calibration_questions(held_out):
            scores = self.scores(sessions)
            found.append(self._signs(scores, sessions))
            in_list.append(is_in_list(scores, sessions, targets))
        certainty = fit_certainty(found, in_list)
        if certainty is not None:
            self.certainty_ = certainty
            self.carried_ = {**self.carried_, **certainty.arrays()}

    def _signs(self, scores: NDArray[np.float32], sessions: Sessions) -> NDArray[np.float32]:
        return signs(scores, last_items(sessions, 1)[:, 0])

    def certainty(
        self, scores: NDArray[np.float32], sessions: Sessions
    ) -> NDArray[np.float32] | None:
        """See `Model.certainty`; None where there was too little to calibrate on."""
        if self.certainty_ is None:
            return None
        return self.certainty_.of(self._signs(scores, sessions))

    def _fitted_ranker(
        self, held_out: Sessions, facts: ItemFacts, partner: Partner | None, seed: int
    ) -> Ranker | None:
        from recommender.models.ranker_training import fit_ranker

        scored = self._network_scores
        found, targets = held_out_candidates(
            held_out,
            scored,
            self._unit_rows,
            facts,
            partner,
            with_returns=self.settings.softmax.returns,
        )
        return fit_ranker(found, targets, seed=seed, on_epoch=self._tell)

    def _quality(
        self, validation: Sessions, arrays: Mapping[str, NDArray[Any]]
    ) -> dict[str, float]:
        return validation_quality(
            type(self).from_arrays(arrays, self.settings),
            validation,
            with_returns=self.settings.softmax.returns,
        )

    def _is_asked_something(self, validation: Sessions) -> bool:
        """Whether held-out sessions hold a question of those that are learned."""
        if self.settings.softmax.returns:
            return bool((validation.lengths >= 2).any())
        return bool(new_targets(validation).any())

    def _starts(self, vectors: Mapping[str, NDArray[np.float32]]) -> list[str]:
        wanted = self.settled_.get("start", self.settings.model.start)
        starts = ["random", *vectors] if wanted == "auto" else [wanted]
        for start in starts:
            came = vectors[start].shape if start in vectors else None
            if start != "random" and (came is None or came[0] != self.n_items):
                raise ValueError(f"a {start} start needs {self.n_items} vectors, got {came}")
        return starts

    def _remember(self, start: str, record: dict[str, Any]) -> None:
        record = {"start": start, **record}
        self.epochs_.append(record)
        self._tell(record)

    def _tell(self, record: dict[str, Any]) -> None:
        if self.on_epoch is not None:
            self.on_epoch(record)

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

    def _network_kind(self) -> Callable[..., Any]:
        from recommender.models.softmax_network import SoftmaxNetwork

        return SoftmaxNetwork

    def _network_scores(self, sessions: Sessions) -> NDArray[np.float32]:
        vectors, hidden = self._session_vectors(sessions)
        window = last_items(sessions, len(self.age_logits_))
        logits = self._logits(vectors, hidden, window, np.arange(len(window)))
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits

    def _logits(
        self,
        vectors: NDArray[np.float32],
        hidden: NDArray[np.float32],
        window: NDArray[np.int32],
        session: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Logs of every item's chance up to a constant, 0 the highest; one row a vector.

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
        logits -= logits.max(axis=1, keepdims=True)
        return logits

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
        from_end: NDArray[np.int64] = np.argmax(cosines[:, ::-1], axis=1)
        return len(viewed) - 1 - from_end

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

    def save(self, folder: Path) -> None:
        """Write the arrays and, after `fit`, `network.keras` for training on."""
        super().save(folder)
        if self.network_ is not None:
            self.network_.save(folder / "network.keras")


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


def _stored(arrays: Mapping[str, NDArray[Any]], kind: str) -> dict[str, NDArray[Any]]:
    """The arrays as they are kept; what is judged is what is served, rounding included."""
    if kind == "float32":
        return dict(arrays)
    table, scales = quantize(arrays["table"])
    return {**arrays, "table": table, "table_scales": scales}
