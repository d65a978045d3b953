"""Some models on one split: each is chosen, trained and judged as the others are, then refitted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipelines.cold import cold_entry, read_products, train_cold_start
from pipelines.densities import train_densities
from pipelines.pricing import Pricing
from pipelines.report import data_entry, page_of, product_lookup
from pipelines.train import OnTraining, PriceFitOf, Trained, choose, judged, train
from recommender.cold.start import ColdStart
from recommender.data.days import Borders
from recommender.data.split import (
    Split,
    everything,
    split_for_choosing,
    split_for_judging,
    without_noise,
)
from recommender.data.steps import SessionLog
from recommender.densities.densities import Densities
from recommender.densities.price_fit import Powers
from recommender.evaluation.price_curves import price_curves
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.summary import JudgedModel, examine, summarize
from recommender.models.contract import OnEpoch
from recommender.models.registry import chosen_model, model_class
from recommender.settings import Settings
from recommender.workspace import Workspace


class Contest:
    """The questions of the judged days, and who is asked.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        log: All sessions that may be learned from or judged on.
        borders: Where validation and the judged days lie.
        on_training: Asked for somebody to tell the epochs to.

    Attributes:
        workspace: Of the shop.
        settings: Of the workspace.
        choosing: Training days | validation days.
        judging: Training and validation days | judged days.
        examination: The questions of the judged days.

    Raises:
        DataError: If there is too little to train or nothing to judge on.
        CatalogError: If there is a catalog that cannot be read.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        log: SessionLog,
        borders: Borders,
        on_training: OnTraining,
    ) -> None:
        self.choosing = split_for_choosing(log, settings, borders)
        self.judging = split_for_judging(log, settings, borders)
        self.workspace, self.settings, self._log = workspace, settings, log
        self._on_training, self._pricing = on_training, Pricing(workspace, settings, log)
        self._lookup = product_lookup(workspace, settings)
        self.examination = examine(self.judging, queries_of(self.judging.held_out), self._lookup)

    def train(self, name: str, seed: int | None = None) -> Trained:
        """Let validation choose, then train on all days before the judged ones.

        Args:
            name: A model, `NAME` or `NAME:VARIANT`.
            seed: Instead of `model.seed`.
        """
        model, settings = chosen_model(name, self.settings)
        if seed is not None:
            seeded = settings.model.model_copy(update={"seed": seed})
            settings = settings.model_copy(update={"model": seeded})
        told = name if seed is None else f"{name}, seed {seed}"

        def on_training(stage: str) -> OnEpoch | None:
            return self._on_training(f"{told}: {stage}")

        choice = choose(model, self.choosing, settings, on_training, self._fits(self.choosing))
        return train(
            choice,
            self.judging.vocabulary,
            self.judging.train,
            settings,
            on_training,
            with_vectors=False,
            price_fit_of=self._fits(self.judging),
        )

    def _fits(self, split: Split) -> PriceFitOf:
        """How prices fit as known when the held-out part of a split begins."""
        return lambda vocabulary: self._pricing.fit_of(vocabulary, split.from_us)

    def judge(self, trained: Trained) -> JudgedModel:
        """Ask a model the questions."""
        return judged(trained, self.examination, trained.model.settings)

    def report(self, rows: Sequence[JudgedModel]) -> dict[str, Any]:
        """The table: differences are those of the first model against the others."""
        report = summarize(self.examination, rows, self.settings.evaluation)
        return {
            **report,
            "price_curves": self._price_curves(rows),
            "data": data_entry(self.workspace, self._log),
        }

    def _price_curves(self, rows: Sequence[JudgedModel]) -> list[dict[str, Any]] | None:
        """What the typical visits' next products are expected to cost; None without a density.

        A density is learned by a network: where only models were judged that need none, as rules
        do, nobody waits for it.
        """
        kinds = (model_class(chosen_model(row.name, self.settings)[0]) for row in rows)
        if not any(kind.takes_blend for kind in kinds):
            return None
        found = self._pricing.density_at(self.judging.from_us)
        if found is None:
            return None
        asked = self.examination
        return price_curves(asked.queries, asked.typical, self.judging.vocabulary, *found)

    def page(self, report: Mapping[str, Any]) -> str:
        """The report as `report.html`."""
        return page_of(report, self.workspace, self._lookup)

    def densities(self, powers: Powers) -> Densities | None:
        """Densities learned from everything; None where the settings want none.

        Args:
            powers: That validation gave the model and prices in ranking.
        """
        known = without_noise(self._log)
        until_us = int(known.times_us.max()) + 1
        found = train_densities(self.workspace, self.settings, known, until_us, self._on_training)
        return None if found is None else replace(found, powers=powers)

    def cold_start(self, refitted: Trained) -> ColdStart | None:
        """What a version knows of products without clicks, chosen on the validation days.

        Args:
            refitted: Its model, trained on everything.
        """
        return train_cold_start(
            self.workspace,
            refitted.model.settings,
            self._log,
            (self.choosing.from_us, self.judging.from_us),
            refitted,
            lambda stage: self._on_training(f"cold products: {stage}"),
            self._fits(self.choosing),
        )

    def cold_entry(self, refitted: Trained, cold: ColdStart | None) -> dict[str, Any] | None:
        """What the report says of products without clicks; None of a shop without a feed."""
        products = read_products(self.workspace, self.settings)
        return cold_entry(products, refitted.vocabulary, cold)

    def refit(self, trained: Trained) -> Trained:
        """Train once more, on everything; with the vectors that an artifact ships.

        Args:
            trained: The model as it was judged: variant, seed and choices stay.
        """
        vocabulary, sessions = everything(self._log, self.settings)
        return train(
            trained.choice,
            vocabulary,
            sessions,
            trained.model.settings,
            lambda stage: self._on_training(f"{trained.model.name}: {stage}"),
            with_vectors=True,
        )
