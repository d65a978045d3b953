"""From a session log to fitted densities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary
from recommender.densities.densities import Densities
from recommender.densities.features import Features, features_of, without_times_and_marks
from recommender.densities.network import DensityNetwork
from recommender.densities.pause import PauseDensity, pause_mixture
from recommender.densities.price import PriceDensity, price_mixture, price_offsets, price_start
from recommender.densities.purchase import PURCHASE_MIXTURE, PurchaseChance
from recommender.densities.targets import next_log_prices, pauses_s, purchases
from recommender.densities.visits import Pages, PriceList, Visits, every_page
from recommender.models.mixture import Mixture
from recommender.models.quiet import quiet_start
from recommender.settings import Settings

MAX_PAGES = 300_000
"""The newest are learned from; more cost hours and teach these few numbers nothing new."""
MIN_EXAMPLES = 500
"""Fewer teach nothing that would hold."""
MIN_PURCHASES = 50
"""So do fewer purchases, or fewer visits without one."""
_HIDDEN_SHARE = 1 / 3
"""Of the pages are learned as if nothing but the products were known: many shops' pages ask so."""

OnEpoch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Questions:
    """Pages at which one thing is asked, and what came.

    Attributes:
        pages: Oldest visit first.
        features: What was known.
        targets: What came, shape (n,), float64.
    """

    pages: Pages
    features: Features
    targets: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Questions":
        """Some of them."""
        features = Features(*(array[chosen] for array in self.features))
        return Questions(self.pages.take(chosen), features, self.targets[chosen])


def visits_of_log(log: SessionLog, products: Vocabulary) -> Visits:
    """All sessions of a log; products that are not in the list become `UNKNOWN`."""
    items = products.numbers_of(log.item_ids)[log.sessions.items]
    return Visits(items, log.sessions.starts, log.times_us, log.marks)


def questions_of(log: SessionLog, prices: PriceList, gap_s: float) -> dict[str, Questions]:
    """What is asked at the newest `MAX_PAGES` pages of a log: `price`, `pause`, `purchase`.

    Args:
        log: Sessions; all of them, also those of one step.
        prices: What products cost.
        gap_s: The pause that ends a visit: whether a visit buys that may go on after the log's
            end is not known, and not asked.
    """
    pages = every_page(visits_of_log(log, prices.products))
    pages = pages.take(np.arange(max(0, len(pages.visit) - MAX_PAGES), len(pages.visit)))
    features = features_of(pages, prices)
    price, pause, found = next_log_prices(pages, prices), pauses_s(pages), purchases(pages)
    is_over = log.times_us[log.sessions.starts[1:] - 1] + round(gap_s * 1e6) < log.times_us.max()
    everywhere = {
        "price": (price, np.isfinite(price)),
        "pause": (pause, np.isfinite(pause)),
        "purchase": (found.bought.astype(np.float64), found.is_open & is_over[pages.visit]),
    }
    return {
        name: Questions(pages, features, targets).take(asked)
        for name, (targets, asked) in everywhere.items()
    }


def fit_densities(
    log: SessionLog,
    prices: PriceList,
    settings: Settings,
    *,
    epochs: Mapping[str, int] | None = None,
    on_epoch: OnEpoch = lambda _: None,
) -> Densities:
    """Fit those densities that the log is enough for.

    Args:
        log: All that may be learned from, at least one session.
        prices: What products cost, as known then.
        settings: `densities` and `model.seed`.
        epochs: How long to train each, by name; those not named, as long as they need.
        on_epoch: Called with each epoch's record.
    """
    asked = questions_of(log, prices, settings.sessions.gap_s)
    fit = DensityFit(settings, epochs, on_epoch)
    price = fit.price(asked["price"]) if len(asked["price"]) >= MIN_EXAMPLES else None
    pause = fit.pause(asked["pause"]) if len(asked["pause"]) >= MIN_EXAMPLES else None
    bought = asked["purchase"].targets.sum()
    both = min(bought, len(asked["purchase"]) - bought) >= MIN_PURCHASES
    purchase = fit.purchase(asked["purchase"]) if both else None
    return Densities(prices, price, pause, purchase, fit.epochs)


class DensityFit:
    """Fits each density and remembers how long.

    Args:
        settings: `densities` and `model.seed`.
        given: How long to train each, by name.
        on_epoch: Called with each epoch's record.

    Attributes:
        epochs: How long each was trained.
    """

    def __init__(
        self,
        settings: Settings,
        given: Mapping[str, int] | None = None,
        on_epoch: OnEpoch = lambda _: None,
    ) -> None:
        self.settings, self.given, self.on_epoch = settings, given or {}, on_epoch
        self.epochs: dict[str, int] = {}

    def price(self, asked: Questions) -> PriceDensity:
        """Of log prices."""
        chosen, targets = self.settings.densities, asked.targets
        mixture = price_mixture(chosen.price_family, chosen.price_components, targets)
        typical = float(np.median(targets))
        start = price_start(asked.features, targets, mixture, typical)
        offsets = price_offsets(asked.features, mixture, typical)
        return PriceDensity(
            self._network("price", asked, mixture, start, offsets), mixture, typical
        )

    def pause(self, asked: Questions, mixture: Mixture | None = None) -> PauseDensity:
        """Of seconds; of another mixture than the settings' if one is given."""
        mixture = mixture or pause_mixture(self.settings.densities.pause_components)
        return PauseDensity(self._network("pause", asked, mixture), mixture)

    def purchase(self, asked: Questions) -> PurchaseChance:
        """Of a purchase."""
        return PurchaseChance(self._network("purchase", asked, PURCHASE_MIXTURE))

    def _network(
        self,
        name: str,
        asked: Questions,
        mixture: Mixture,
        start: NDArray[np.float32] | None = None,
        offsets: NDArray[np.float32] | None = None,
    ) -> DensityNetwork:
        with quiet_start():
            from recommender.densities.training import KINDS, Examples, fit_density

        if start is None:
            start = mixture.start_outputs(asked.targets)
        if offsets is None:
            offsets = np.zeros((len(asked), mixture.n_outputs), np.float32)
        seed = self.settings.model.seed
        columns = partly_hidden(asked.features.columns, seed)
        fitted = fit_density(
            Examples(columns, offsets, asked.targets.astype(np.float32)),
            mixture,
            start,
            KINDS[name],
            epochs=self.given.get(name),
            seed=seed,
            on_epoch=lambda record: self.on_epoch({"density": name, **record}),
        )
        self.epochs[name] = fitted.epochs
        return fitted.network


def partly_hidden(columns: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """The columns, of some pages without times and marks; shape (n, n_features)."""
    hidden = np.random.default_rng(seed).random(len(columns)) < _HIDDEN_SHARE
    return np.where(hidden[:, None], without_times_and_marks(columns), columns)
