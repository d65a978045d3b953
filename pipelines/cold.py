"""Products without clicks: what a version learns of them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.content import Description
from pipelines.train import Choice, OnTraining, PriceFitOf, Trained, train
from recommender.catalog.opening import existing_catalog
from recommender.catalog.table import ProductTable
from recommender.cold.calibration import MIN_CLICKS, fit_cold_start, refitted
from recommender.cold.hiding import (
    ColdQuestions,
    Hidden,
    cold_questions,
    first_steps_us,
    hide_newest,
)
from recommender.cold.start import ColdStart, description_of
from recommender.data.examples import Sessions
from recommender.data.noise import NEVER
from recommender.data.split import before, everything
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary
from recommender.models.contract import Model
from recommender.models.registry import model_class
from recommender.settings import Settings
from recommender.workspace import Workspace

log = logging.getLogger(__name__)

MIN_DESCRIBED = 50
"""Fewer products that have both clicks and a description teach nothing about others."""


@dataclass(frozen=True)
class Trial:
    """What a model may learn without the newest products, and later pages that ask for them.

    Attributes:
        vocabulary: What is left to learn.
        visits: What it is learned from.
        known: What the feed says of the vocabulary; no title for products that it lacks.
        cold_ids: Products of the feed that may be shown and are not in the vocabulary, the hidden
            ones among them.
        cold: What the feed says of them.
        hidden: Places in `cold_ids` of the hidden ones, shape (n_hidden,).
        asked: Pages of later visits.
    """

    vocabulary: Vocabulary
    visits: Sessions
    known: Sequence[Description]
    cold_ids: Sequence[str]
    cold: Sequence[Description]
    hidden: NDArray[np.int64]
    asked: ColdQuestions

    @property
    def is_enough(self) -> bool:
        """Whether something can be learned of cold products."""
        return bool(
            sum(bool(one.title) for one in self.known) >= MIN_DESCRIBED
            and np.count_nonzero(self.asked.cold >= 0) >= MIN_CLICKS
            and (self.visits.lengths >= 2).any()
        )

    def train(
        self,
        choice: Choice,
        settings: Settings,
        on_training: OnTraining,
        price_fit_of: PriceFitOf = lambda _: None,
    ) -> Model:
        """A model that knows nothing of the hidden products; arguments as of `train`."""
        trained = train(
            choice,
            self.vocabulary,
            self.visits,
            settings,
            on_training,
            with_vectors=False,
            price_fit_of=price_fit_of,
        )
        return trained.model


def read_products(workspace: Workspace, settings: Settings) -> ProductTable:
    """Every product; a shop without a feed has none.

    Raises:
        CatalogError: If there is a catalog that cannot be read.
    """
    with existing_catalog(workspace, settings) as catalog:
        return ProductTable([]) if catalog is None else ProductTable.read(catalog)


def descriptions_of(products: ProductTable, item_ids: Sequence[str]) -> list[Description]:
    """What the feed says of some products, nothing of those it does not name."""
    found = (products.get(item_id) for item_id in item_ids)
    return [Description("") if product is None else description_of(product) for product in found]


def make_trial(
    settings: Settings,
    sessions: SessionLog,
    hidden: Hidden,
    products: ProductTable,
    from_us: int,
    until_us: int | None,
) -> Trial:
    """Part what may be learned without the newest products from what later visits ask.

    Products that the log first names after those visits are left out: they were not there yet.
    So are sold-out ones, with the clicks on them: no list shows them, and counted as products that
    nobody clicks they would make new ones look as dead as they are.

    Args:
        settings: Of the workspace.
        sessions: All of the log.
        hidden: The log without its newest products.
        products: The catalog.
        from_us: Where training ends and the questions begin, µs since 1970.
        until_us: Where they end; None for the end of the log.

    Raises:
        DataError: If no other product is frequent enough to be learned.
    """
    vocabulary, visits = everything(before(hidden.log, from_us), settings)
    first = dict(zip(sessions.item_ids, first_steps_us(sessions).tolist(), strict=True))
    cold_ids = [
        item_id
        for item_id in products.ids
        if item_id not in vocabulary
        and products.sellable(item_id)
        and (until_us is None or not until_us <= first.get(item_id, NEVER) < NEVER)
    ]
    places = Vocabulary(cold_ids).numbers_of(hidden.item_ids).astype(np.int64)
    return Trial(
        vocabulary,
        visits,
        descriptions_of(products, vocabulary.item_ids),
        cold_ids,
        descriptions_of(products, cold_ids),
        places[places >= 0],
        cold_questions(sessions, settings, vocabulary, cold_ids, from_us, until_us),
    )


def train_cold_start(
    workspace: Workspace,
    settings: Settings,
    sessions: SessionLog,
    days: tuple[int, int | None],
    winner: Trained,
    on_training: OnTraining,
    price_fit_of: PriceFitOf,
) -> ColdStart | None:
    """What a new version knows of products without clicks.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        sessions: All of the log.
        days: The validation days, µs since 1970.
        winner: The model of the version, trained on everything.
        on_training: Asked for somebody to tell the epochs to.
        price_fit_of: How prices fit as known when validation begins.

    Returns:
        None where the settings want none, the model has no vectors, the shop gave no feed, or
        too little was clicked.

    Raises:
        CatalogError: If there is a catalog that cannot be read.
    """
    if not settings.cold.enabled or not model_class(winner.choice.name).takes_vectors:
        return None
    products = read_products(workspace, settings)
    described = descriptions_of(products, winner.vocabulary.item_ids)
    if sum(bool(one.title) for one in described) < MIN_DESCRIBED:
        return None
    hidden = hide_newest(sessions, before(sessions, days[0]), settings, settings.cold.hidden_share)
    trial = make_trial(settings, sessions, hidden, products, *days)
    if not trial.is_enough:
        return None
    model = trial.train(winner.choice, settings, on_training, price_fit_of)
    chosen = fit_cold_start(model, trial.known, trial.cold, trial.asked)
    if chosen is None:
        return None
    log.info("cold products: penalty %g, scale %g, level %.2f", *chosen_numbers(chosen).values())
    return refitted(chosen, described, winner.model.item_vectors())


def chosen_numbers(cold: ColdStart) -> Mapping[str, float]:
    """What validation settled, for reports."""
    return {
        "strength": cold.strength,
        "scale": cold.scale,
        "level": round(cold.level, 4),
    }


def cold_entry(
    products: ProductTable, vocabulary: Vocabulary, cold: ColdStart | None
) -> dict[str, Any] | None:
    """How many products a version does not know and how many it places all the same.

    Args:
        products: Of the shop.
        vocabulary: What the version knows.
        cold: What it knows of others.

    Returns:
        Counts of products that may be shown, and what validation settled, for the report; None of
        a shop without a feed.
    """
    if not len(products):
        return None
    in_stock = [item_id for item_id in products.ids if products.sellable(item_id)]
    unknown = [item_id for item_id in in_stock if item_id not in vocabulary]
    counts = {"in_stock": len(in_stock), "unknown": len(unknown)}
    if cold is None:
        return {**counts, "placed": 0, "level": None}
    vectors = cold.vectors(descriptions_of(products, unknown))
    return {**counts, "placed": int(vectors.any(axis=1).sum()), "level": round(cold.level, 4)}


def cold_in_words(cold: ColdStart | None) -> str:
    """Whether a version can recommend products without clicks."""
    if cold is None:
        return "No vectors for products without clicks."
    return (
        f"Products without clicks: {len(cold.content.terms)} terms, penalty {cold.strength:g}, "
        f"scale {cold.scale:g}, level {cold.level:+.2f}."
    )
