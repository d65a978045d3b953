"""Price densities of one log as they were known at several times, each learned once."""

import logging
import time

from pipelines.densities import price_list
from pipelines.train import LearnedFit
from recommender.data.split import before
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary
from recommender.densities.fit import MIN_EXAMPLES, DensityFit, questions_of
from recommender.densities.price import PriceDensity
from recommender.densities.price_fit import PriceFit
from recommender.densities.visits import PriceList
from recommender.settings import Settings
from recommender.workspace import Workspace

log = logging.getLogger(__name__)


class Pricing:
    """What prices tell at the borders of a contest.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        sessions: All that may be learned from.
    """

    def __init__(self, workspace: Workspace, settings: Settings, sessions: SessionLog) -> None:
        self._workspace, self._settings, self._sessions = workspace, settings, sessions
        self._known: dict[int, tuple[PriceDensity, PriceList] | None] = {}
        self._took_s: dict[int, float] = {}

    def fit_of(self, vocabulary: Vocabulary, time_us: int) -> LearnedFit | None:
        """How prices fit, as known at a time; None where they are no part of ranking.

        Raises:
            CatalogError: If there is a catalog that cannot be read.
        """
        if self._settings.densities.price_fit == 0:
            return None
        found = self.density_at(time_us)
        if found is None:
            return None
        return LearnedFit(PriceFit(*found, vocabulary), self._took_s[time_us])

    def density_at(self, time_us: int) -> tuple[PriceDensity, PriceList] | None:
        """The density of the next price as known at a time, with the prices it knew."""
        if not self._settings.densities.enabled:
            return None
        if time_us not in self._known:
            began = time.perf_counter()
            self._known[time_us] = self._learned(time_us)
            self._took_s[time_us] = time.perf_counter() - began
        return self._known[time_us]

    def _learned(self, time_us: int) -> tuple[PriceDensity, PriceList] | None:
        known = before(self._sessions, time_us)
        prices = price_list(self._workspace, self._settings, known, time_us)
        asked = questions_of(known, prices, self._settings.sessions.gap_s)["price"]
        if len(asked) < MIN_EXAMPLES:
            return None
        density = DensityFit(self._settings).price(asked)
        log.info("price density of %d pages", len(asked))
        return density, prices
