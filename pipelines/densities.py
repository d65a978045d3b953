"""Densities of the next price, the pause and the purchase: trained, and judged on later days."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.inquiry import Inquiry
from pipelines.train import OnTraining
from recommender.catalog.opening import existing_catalog
from recommender.data.days import rfc3339
from recommender.data.prices import logged_prices
from recommender.data.split import before, between
from recommender.data.steps import SessionLog
from recommender.densities.densities import Densities
from recommender.densities.features import Features, without_times_and_marks
from recommender.densities.fit import DensityFit, Questions, fit_densities, questions_of
from recommender.densities.pause import SMALLEST_SCALE as SMALLEST_PAUSE_SCALE
from recommender.densities.pause import PauseDensity
from recommender.densities.price import SMALLEST_SCALE as SMALLEST_PRICE_SCALE
from recommender.densities.price import PriceDensity
from recommender.densities.purchase import PurchaseChance
from recommender.densities.visits import PriceList
from recommender.errors import DataError
from recommender.evaluation.densities import chance_entry, density_entry, mixture_scores
from recommender.settings import Settings
from recommender.workspace import Workspace

OURS, PRODUCTS_ONLY = "mixture", "mixture, products only"
_CONSTANT_EPOCHS = 12


def catalog_prices(workspace: Workspace, settings: Settings, currency: str) -> dict[str, float]:
    """What products cost by the catalog, a sale price before the other; empty without a catalog.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        currency: Products in another one are left out; empty for the catalog's most frequent.

    Raises:
        CatalogError: If there is a catalog that cannot be read.
    """
    told: dict[str, dict[str, float]] = {}
    with existing_catalog(workspace, settings) as catalog:
        for product in () if catalog is None else catalog.scan():
            if price := product.sale_price or product.price:
                told.setdefault((product.currency or currency).upper(), {})[product.id] = price
    most = max(told, key=lambda name: (len(told[name]), name), default="")
    return told.get(currency or most, {})


def price_list(
    workspace: Workspace, settings: Settings, log: SessionLog, until_us: int | None = None
) -> PriceList:
    """What products cost: by the log up to a time, those it does not say by the catalog.

    A catalog knows only what products cost today: where the log names no prices, densities of
    earlier days are learned and judged with these.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        log: What is known by then; its products are listed, and those of the catalog.
        until_us: The time, µs since 1970; None for all of the log.

    Raises:
        DataError: If the log cannot be read.
        CatalogError: If there is a catalog that cannot be read.
    """
    logged = logged_prices(workspace.events_dir, until_us)
    listed = catalog_prices(workspace, settings, logged.currency)
    seen = {log.item_ids[item] for item in np.unique(log.sessions.items)}
    return PriceList.of(sorted(seen | set(listed)), logged.prices, listed)


def train_densities(
    workspace: Workspace,
    settings: Settings,
    log: SessionLog,
    until_us: int | None,
    on_training: OnTraining,
) -> Densities | None:
    """Fit densities on what was known at a time.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        log: What was known then, noise left out.
        until_us: The time, µs since 1970; None for all of the log.
        on_training: Asked for somebody to tell the epochs to.

    Returns:
        None where the settings want none, or the log is too small for any.
    """
    if not settings.densities.enabled:
        return None
    prices = price_list(workspace, settings, log, until_us)
    told = on_training("densities")
    fitted = fit_densities(log, prices, settings, on_epoch=told or (lambda _: None))
    return fitted if fitted.epochs else None


class VisitSplit(NamedTuple):
    """Visits that are known at a time, and those that come.

    Attributes:
        known: Before it.
        later: After it.
        prices: What is known of them at that time.
        learned: What is asked at the known visits, by name.
        asked: What is asked at the later ones.
    """

    known: SessionLog
    later: SessionLog
    prices: PriceList
    learned: dict[str, Questions]
    asked: dict[str, Questions]


def split_visits(inquiry: Inquiry, at_us: int, until_us: int | None) -> VisitSplit:
    """Cut a log in two, µs since 1970; what comes after `until_us`, if any, is left out."""
    known, later = before(inquiry.log, at_us), between(inquiry.log, at_us, until_us)
    prices = price_list(inquiry.workspace, inquiry.settings, known, at_us)
    gap_s = inquiry.settings.sessions.gap_s
    learned, asked = (questions_of(part, prices, gap_s) for part in (known, later))
    return VisitSplit(known, later, prices, learned, asked)


class _Asked(NamedTuple):
    """Pages as resampling needs to know them."""

    session_of_query: NDArray[np.int64]
    n_sessions: int


def evaluate_densities(inquiry: Inquiry) -> dict[str, Any]:
    """Train on earlier days and judge on later ones; the report of `recommender densities`.

    Raises:
        DataError: If the log is too small for any density.
        CatalogError: If there is a catalog that cannot be read.
    """
    settings, borders, say = inquiry.settings, inquiry.borders, inquiry.say
    visits = split_visits(inquiry, borders.test_us, borders.until_us)
    known = visits.known
    say(f"Training densities on {known.sessions.n_sessions} visits…")
    told = inquiry.on_training("densities") or (lambda _: None)
    densities = fit_densities(known, visits.prices, settings, on_epoch=told)
    if not densities.epochs:
        raise DataError(
            f"too little for any density: {len(known.times_us)} steps before "
            f"{rfc3339(borders.test_us)}; import more events"
        )
    contest = _Contest(visits.learned, visits.asked, settings, say)
    return {
        "test": {"from": rfc3339(borders.test_us), "visits": visits.later.sessions.n_sessions},
        "train": {"visits": known.sessions.n_sessions, "epochs": dict(densities.epochs)},
        "bytes": densities.n_bytes,
        **contest.entries(densities),
    }


class _Contest:
    """The densities and their rivals on the same pages."""

    def __init__(
        self,
        learned: Mapping[str, Questions],
        asked: Mapping[str, Questions],
        settings: Settings,
        say: Callable[[str], None],
    ) -> None:
        self.learned, self.asked, self.say = learned, asked, say
        self.n_samples = settings.evaluation.bootstrap_samples
        self.told_nothing = DensityFit(settings, dict.fromkeys(learned, _CONSTANT_EPOCHS))

    def entries(self, densities: Densities) -> dict[str, Any]:
        """`price`, `pause` and `purchase`: None for what there is no density of.

        A density that nothing is asked of has no pages and no scores.
        """
        there = {
            "price": densities.price,
            "pause": densities.pause,
            "purchase": densities.purchase,
        }
        entries: dict[str, Any] = {
            name: None if density is None else {"pages": 0, "scores": {}}
            for name, density in there.items()
        }
        if densities.price is not None and len(self.asked["price"]):
            price = self.told_nothing.price(_blank(self.learned["price"]))
            entries["price"] = self._density(
                "price", densities.price, price, np.asarray, SMALLEST_PRICE_SCALE
            )
        if densities.pause is not None and len(self.asked["pause"]):
            pause = self.told_nothing.pause(_blank(self.learned["pause"]))
            entries["pause"] = self._density(
                "pause", densities.pause, pause, np.log, SMALLEST_PAUSE_SCALE
            )
        if densities.purchase is not None and len(self.asked["purchase"]):
            entries["purchase"] = self._chance(densities.purchase)
        return entries

    def _density(
        self,
        name: str,
        density: PriceDensity | PauseDensity,
        constant: PriceDensity | PauseDensity,
        transformed: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        smallest_scale: float,
    ) -> dict[str, Any]:
        from pipelines.density_rivals import rivals_of_density

        learned, asked = self.learned[name], self.asked[name]
        came = transformed(asked.targets)
        tried = {way: (density, features) for way, features in both_ways(asked.features).items()}
        tried["constant"] = (constant, _blank(asked).features)
        scores = {
            way: mixture_scores(one.of_log, one.outputs(features), came)
            for way, (one, features) in tried.items()
        }
        self.say(f"Training what the {name} is measured against…")
        rivals = rivals_of_density(
            (learned.features.columns, transformed(learned.targets)),
            (asked.features.columns, came),
            smallest_scale,
        )
        return density_entry(_asked(asked), {**scores, **rivals}, self.n_samples)

    def _chance(self, purchase: PurchaseChance) -> dict[str, Any]:
        from pipelines.density_rivals import rivals_of_chance

        learned, asked = self.learned["purchase"], self.asked["purchase"]
        self.say("Training what the chance to buy is measured against…")
        chances = {
            way: purchase.probability(features)
            for way, features in both_ways(asked.features).items()
        }
        rivals = rivals_of_chance(
            (learned.features.columns, learned.targets > 0), asked.features.columns
        )
        came = asked.targets > 0
        return chance_entry(_asked(asked), {**chances, **rivals}, came, self.n_samples)


def _blank(questions: Questions) -> Questions:
    """The same, but nothing is known of the visit: what is learned then is a constant."""
    columns, anchors = questions.features
    nothing = Features(np.zeros_like(columns), np.full_like(anchors, np.nan))
    return replace(questions, features=nothing)


def both_ways(features: Features) -> dict[str, Features]:
    """With all that is known, and as a page asks that sends products only."""
    bare = features._replace(columns=without_times_and_marks(features.columns))
    return {OURS: features, PRODUCTS_ONLY: bare}


def _asked(questions: Questions) -> _Asked:
    _, visit = np.unique(questions.pages.visit, return_inverse=True)
    return _Asked(visit, int(visit.max(initial=-1)) + 1)
