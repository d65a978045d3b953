"""The compact softmax network: how its arrays are learned."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions
from recommender.models.certainty import Certainty
from recommender.models.contract import check_pairs
from recommender.models.facts import ItemFacts, log_returns
from recommender.models.metrics import validation_quality
from recommender.models.partner import Partner
from recommender.models.quantize import quantize
from recommender.models.quiet import quiet_start
from recommender.models.ranker import Ranker
from recommender.models.returns import new_targets
from recommender.models.second_stage import SecondStage, held_out_candidates
from recommender.models.softmax_serving import SoftmaxServing


class Softmax(SoftmaxServing):
    """Next-item probabilities from the cosine of a session vector with every item's vector.

    The session vector is the mean of its last items' rows, weighted by age, plus what a residual
    layer makes of that mean and of the last item. One table serves both sides. A second stage,
    fitted on held-out sessions, ranks the first items again.

    Attributes:
        network_: The Keras network after `fit`; None in a loaded model.
    """

    name = "softmax"
    starts_from_vectors = True
    uses_seed = True
    settles_on_validation = True
    min_held_out = 5_000

    network_: Any = None

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

    def _network_kind(self) -> Callable[..., Any]:
        from recommender.models.softmax_network import SoftmaxNetwork

        return SoftmaxNetwork

    def save(self, folder: Path) -> None:
        """Write the arrays and, after `fit`, `network.keras` for training on."""
        super().save(folder)
        if self.network_ is not None:
            self.network_.save(folder / "network.keras")


def _stored(arrays: Mapping[str, NDArray[Any]], kind: str) -> dict[str, NDArray[Any]]:
    """The arrays as they are kept; what is judged is what is served, rounding included."""
    if kind == "float32":
        return dict(arrays)
    table, scales = quantize(arrays["table"])
    return {**arrays, "table": table, "table_scales": scales}
