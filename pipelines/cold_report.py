"""`recommender cold`: how well products without clicks are ranked, on later days."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.cold import Trial, chosen_numbers, make_trial, read_products
from pipelines.cold_rivals import RIVALS, TextLikeness, Told, chosen_settings
from pipelines.inquiry import Inquiry
from pipelines.pricing import Pricing
from pipelines.train import OnTraining, PriceFitOf, choose
from recommender.catalog.table import ProductTable
from recommender.cold.calibration import fit_cold_start, learned_content
from recommender.cold.hiding import ColdQuestions, Hidden, hide_newest
from recommender.cold.start import ColdStart
from recommender.data.days import rfc3339
from recommender.data.examples import last_items
from recommender.data.split import before, split_for_choosing
from recommender.errors import DataError
from recommender.evaluation.cold import Scored, rank_entries, ranks_among, ranks_among_all
from recommender.models.contract import Model
from recommender.models.registry import chosen_model, model_class
from recommender.settings import Settings
from recommender.workspace import Workspace

OURS = "ridge"
LIMITS = (0, 1, 2, 3, 5, 100)
"""Cold products that a list may hold, as compared; the last one is no limit."""
_MAX_QUESTIONS = 3_000
_TOO_LITTLE = (
    "too little to learn from: on the validation days hardly any product was clicked that the "
    "model does not know and the catalog describes; validate on more days "
    "(evaluation.validation_days) or import a product feed that names them"
)
_SCORES_AT_ONCE = 8_000_000


def evaluate_cold(inquiry: Inquiry) -> dict[str, Any]:
    """Hide the newest products from training and judge on later days how they are ranked.

    Whatever is chosen, is chosen on the validation days with other products hidden.

    Raises:
        DataError: If the model has no vectors, the shop no products, or too little was clicked.
        CatalogError: If there is a catalog that cannot be read.
    """
    workspace, log, borders, say = inquiry.workspace, inquiry.log, inquiry.borders, inquiry.say
    name, settings = _model_with_vectors(inquiry.settings)
    products = _described_products(workspace, settings)
    share = settings.cold.hidden_share
    hidden = hide_newest(log, before(log, borders.test_us), settings, share)
    inner = hide_newest(hidden.log, before(hidden.log, borders.validation_us), settings, share)
    validation = make_trial(
        settings, hidden.log, inner, _without(products, hidden.item_ids), *borders[:2]
    )
    if not validation.is_enough:
        raise DataError(_TOO_LITTLE)
    say("Choosing on the validation days…")

    def told(trial: str) -> OnTraining:
        return lambda stage: inquiry.on_training(f"{trial}: {stage}")

    def fits(without: Hidden, time_us: int) -> PriceFitOf:
        pricing = Pricing(workspace, settings, without.log)
        return lambda vocabulary: pricing.fit_of(vocabulary, time_us)

    priced = fits(inner, borders.validation_us)
    split = split_for_choosing(inner.log, settings, borders)
    choice = choose(name, split, settings, told("validation"), priced)
    model = validation.train(choice, settings, told("validation"), priced)
    chosen = fit_cold_start(model, validation.known, validation.cold, validation.asked)
    if chosen is None:
        raise DataError(_TOO_LITTLE)
    say("Choosing the rivals' settings on the same days…")
    rivals = chosen_settings(validation, model, settings.model.seed)
    judged = {"validation": _entry(validation, model, chosen, rivals, settings)}
    say("Training without the newest products, then judging…")
    test = make_trial(settings, log, hidden, products, borders.test_us, borders.until_us)
    model = test.train(choice, settings, told("test"), fits(hidden, borders.test_us))
    return {
        "model": name,
        "test": {"from": rfc3339(borders.test_us)},
        "chosen": {**chosen_numbers(chosen), **rivals},
        **judged,
        **_entry(test, model, chosen, rivals, settings),
    }


def _model_with_vectors(settings: Settings) -> tuple[str, Settings]:
    name, settings = chosen_model(settings.model.name, settings)
    if not model_class(name).takes_vectors:
        raise DataError(
            f"{name} has no vectors, so it has no cold products; use a model that has: "
            "--set model.name=softmax or mdn"
        )
    return name, settings


def _described_products(workspace: Workspace, settings: Settings) -> ProductTable:
    products = read_products(workspace, settings)
    if not len(products):
        raise DataError(
            "there are no products to describe; bring them in with: recommender import items FILE"
        )
    return products


def _entry(
    trial: Trial,
    model: Model,
    chosen: ColdStart,
    rivals: Mapping[str, Mapping[str, float]],
    settings: Settings,
) -> dict[str, Any]:
    """Ranks among the hidden products, among all unknown ones, and in whole lists."""
    contest = _Contest(trial, model, chosen, rivals, settings)
    every = np.arange(len(trial.cold_ids))
    return {
        "products": {
            "known": len(trial.known),
            "hidden": len(trial.hidden),
            "unknown": len(trial.cold_ids),
        },
        "unasked": trial.asked.n_unasked,
        "newest": contest.among(trial.hidden),
        "unknown": contest.among(every),
        "lists": contest.lists(),
    }


class _Contest:
    """Ways to rank cold products, on one trial."""

    def __init__(
        self,
        trial: Trial,
        model: Model,
        chosen: ColdStart,
        rivals: Mapping[str, Mapping[str, float]],
        settings: Settings,
    ) -> None:
        self.trial, self.model, self.evaluation = trial, model, settings.evaluation
        own = model.item_vectors()
        content = learned_content(trial.known, own, chosen.strength)
        self.cold = ColdStart(content, chosen.strength, chosen.scale, chosen.level)
        self.text = TextLikeness(trial.known, trial.cold)
        told = Told.of(trial, own, settings.model.seed)
        self.vectors = {OURS: content.of(trial.cold)} | {
            name: make(told, rivals[name]) for name, (make, _) in RIVALS.items()
        }
        self.codes = _category_codes([*trial.known, *trial.cold])
        self.random = np.random.default_rng(settings.model.seed)

    def among(self, candidates: NDArray[np.int64]) -> dict[str, Any]:
        """Every method, cold products among cold products."""
        place = np.full(len(self.trial.cold_ids) + 1, -1)
        place[candidates] = np.arange(len(candidates))
        asked = self.trial.asked
        asked = asked.take(np.flatnonzero((asked.cold >= 0) & (place[asked.cold] >= 0)))
        asked = asked._replace(cold=place[asked.cold])
        methods: dict[str, Scored] = {
            name: self._by_vectors(vectors[candidates]) for name, vectors in self.vectors.items()
        }
        methods["text of the page"] = lambda some: self.text.of(_pages(some), candidates)
        methods["random in category"] = lambda some: self._same_category(some, candidates)
        methods["popularity of category"] = lambda some: self._popular(some, candidates)
        ranks = {
            name: ranks_among(asked, scored, len(candidates)) for name, scored in methods.items()
        }
        named = np.array([bool(one.categories) for one in self.trial.cold], np.bool_)[candidates]
        has_category = named[asked.cold]
        parts = {
            "all": np.ones(len(asked.cold), np.bool_),
            "with category": has_category,
            "without category": ~has_category,
        }
        evaluation = self.evaluation
        return rank_entries(asked, ranks, parts, evaluation.k, evaluation.bootstrap_samples)

    def lists(self) -> dict[str, Any]:
        """Whole lists, with more and more cold products in them."""
        asked = _spread(self.trial.asked, _MAX_QUESTIONS)
        vectors = self.cold.vectors(self.trial.cold)
        size = max(1, _SCORES_AT_ONCE // (len(vectors) + self.model.n_items))
        pieces: list[Mapping[int, NDArray[np.int64]]] = []
        for start in range(0, len(asked.cold), size):
            some = asked.take(np.arange(start, min(start + size, len(asked.cold))))
            known_scores = self.model.scores(some.sessions)
            cold_scores = self.cold.scores(self.model, some.sessions, vectors)
            pieces.append(ranks_among_all(some, known_scores, cold_scores, LIMITS))
        ranks = {str(limit): np.concatenate([piece[limit] for piece in pieces]) for limit in LIMITS}
        parts = {
            "all": np.ones(len(asked.cold), np.bool_),
            "known": asked.cold < 0,
            "unknown": asked.cold >= 0,
            "newest": np.isin(asked.cold, self.trial.hidden),
        }
        evaluation = self.evaluation
        return rank_entries(asked, ranks, parts, evaluation.k, evaluation.bootstrap_samples)

    def _by_vectors(self, vectors: NDArray[np.float32]) -> Scored:
        return lambda some: self.model.log_odds_beyond(some.sessions, vectors)

    def _same_category(
        self, asked: ColdQuestions, candidates: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """How much of its category a product shares with the page's; by chance inside of it."""
        n_known = len(self.trial.known)
        own, others = self.codes[_pages(asked)], self.codes[n_known + candidates]
        shared = ((own[:, None] == others[None]) & (others[None] >= 0)).sum(axis=2)
        return np.asarray(shared + self.random.random(shared.shape) / 2, np.float32)

    def _popular(self, asked: ColdQuestions, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
        """How often the products of its category were clicked; by chance inside of it."""
        n_known = len(self.trial.known)
        counts = np.bincount(self.trial.visits.items, minlength=n_known)
        narrowest = self.codes.max(axis=1)
        clicks = np.bincount(narrowest[:n_known] + 1, counts, minlength=narrowest.max() + 2)
        own = clicks[narrowest[n_known + candidates] + 1]
        return np.asarray(own + self.random.random((len(asked.cold), len(own))) / 2, np.float32)


def _without(products: ProductTable, item_ids: Sequence[str]) -> ProductTable:
    left_out = set(item_ids)
    return ProductTable(
        product
        for item_id in products.ids
        if item_id not in left_out and (product := products.get(item_id)) is not None
    )


def _pages(asked: ColdQuestions) -> NDArray[np.int32]:
    return last_items(asked.sessions, 1)[:, 0]


def _spread(asked: ColdQuestions, most: int) -> ColdQuestions:
    n = len(asked.cold)
    return asked.take(np.linspace(0, n - 1, most).astype(np.intp)) if n > most else asked


def _category_codes(descriptions: Any) -> NDArray[np.int64]:
    """A number a category and depth, -1 where there is none, shape (n, deepest).

    A deeper category has a higher number, so that the largest of a row is its narrowest.
    """
    deepest = max((len(one.categories) for one in descriptions), default=0)
    paths = {
        one.categories[:depth]
        for one in descriptions
        for depth in range(1, len(one.categories) + 1)
    }
    number = {path: code for code, path in enumerate(sorted(paths, key=lambda p: (len(p), p)))}
    codes = np.full((len(descriptions), max(1, deepest)), -1, np.int64)
    for row, one in enumerate(descriptions):
        for depth in range(len(one.categories)):
            codes[row, depth] = number[one.categories[: depth + 1]]
    return codes
