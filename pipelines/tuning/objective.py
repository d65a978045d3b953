"""What tuning maximizes: the mean of Recall@k and MRR@k on validation, as a page lives.

As a page lives, its own product is never recommended; so does the gate judge. That way the two
metrics mostly agree about which settings are better, and their mean chooses better ones than
either alone or than the likelihood, which a temperature moves without moving a rank (README).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.gate import EXCLUSION
from pipelines.train import fitted
from pipelines.tuning.space import changed
from recommender.data.examples import hold_out, select_sessions
from recommender.data.split import Split
from recommender.evaluation.protocol import (
    Queries,
    is_excluded,
    judge,
    nothing_asked,
    queries_of,
)
from recommender.models.contract import OnEpoch
from recommender.models.metrics import EXCLUDED, hits, reciprocal_ranks
from recommender.models.registry import model_class
from recommender.settings import Exclusion, Settings

MIN_QUERIES = 5_000
"""Where validation asks fewer, the newest training sessions are held out too, up to 8 %."""
MAX_QUERIES = 20_000
"""Of more questions an evenly spread part is asked."""


class Outcome(NamedTuple):
    """What a training came to.

    Attributes:
        value: What is maximized.
        metrics: What it is the mean of, and `epochs` where validation settles them.
        n_bytes: Of the arrays that serving loads.
        gains: Each question's part in `value`, shape (n_queries,); NaN where the next item may
            not be recommended.
    """

    value: float
    metrics: dict[str, float]
    n_bytes: int
    gains: NDArray[np.float32]


class Objective:
    """Trains with some values and judges on held-out sessions.

    Args:
        model: Its name.
        split: Training days | validation days; nothing later is looked at.
        settings: Of the trials, but for the tuned ones.

    Raises:
        DataError: If they hold no question whose next item may be recommended.
    """

    def __init__(self, model: str, split: Split, settings: Settings) -> None:
        self.model, self.split, self.settings = model, split, settings
        self.train, self.held_out = hold_out(split.train, split.held_out, MIN_QUERIES)
        self.queries = _spread(queries_of(self.held_out), MAX_QUERIES)
        self.exclusion = judged_exclusion(settings)
        if is_excluded(self.queries, self.exclusion).all():
            raise nothing_asked([self.exclusion])

    def __call__(self, values: Mapping[str, Any], on_epoch: OnEpoch) -> Outcome:
        """Train once.

        Raises:
            SettingsError: If training diverges.
        """
        k = self.settings.evaluation.k
        chosen = changed(self.settings, values)
        kind, n_items = model_class(self.model), len(self.split.vocabulary)
        model = fitted(kind(n_items, chosen, on_epoch=on_epoch), self.train, self.held_out)
        ties = self.settings.evaluation.ties
        judgement = judge(model, self.queries, [self.exclusion], k, ties=ties)
        ranks = judgement.ranks[self.exclusion]
        asked = ranks != EXCLUDED
        recall, mrr = hits(ranks, k), reciprocal_ranks(ranks, k)
        metrics = {
            f"recall@{k}": float(recall[asked].mean()),
            f"mrr@{k}": float(mrr[asked].mean()),
        }
        if "epochs" in model.settled_:
            metrics["epochs"] = model.settled_["epochs"]
        gains = np.where(asked, (recall + mrr) / 2, np.nan).astype(np.float32)
        return Outcome(float(np.nanmean(gains)), metrics, model.n_bytes, gains)


def judged_exclusion(settings: Settings) -> Exclusion:
    """That of the gate; the first one where the shop does not judge by that."""
    wanted = settings.evaluation.exclude
    return EXCLUSION if EXCLUSION in wanted else wanted[0]


def _spread(queries: Queries, n: int) -> Queries:
    if len(queries) <= n:
        return queries
    chosen = np.linspace(0, len(queries) - 1, n).astype(np.int64)
    return Queries(
        select_sessions(queries.sessions, chosen),
        queries.targets[chosen],
        queries.session_of_query[chosen],
        queries.n_sessions,
    )
