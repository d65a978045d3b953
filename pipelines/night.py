"""What one night judges on, and how it judges."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipelines.gate import EXCLUSION, Verdict, decide
from recommender.data.days import Borders, event_days
from recommender.data.examples import Sessions
from recommender.data.split import Split, borders_of, held_out_over, split_for_judging
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary
from recommender.errors import DataError
from recommender.evaluation.compare import Interval, Resampled
from recommender.evaluation.protocol import Judgement, judge, queries_of
from recommender.models.contract import Model
from recommender.serving.artifact import Artifact
from recommender.settings import Settings

MRR_AT = 20


class JudgedDays(NamedTuple):
    """The closed days that judge a candidate.

    Attributes:
        borders: Where validation, the judged days and their end lie.
        n_queries: Questions they hold.
    """

    borders: Borders
    n_queries: int


@dataclass(frozen=True)
class Contestant:
    """A fitted model with the vocabulary it knows."""

    model: Model
    vocabulary: Vocabulary


def judged_days(
    closed: SessionLog, settings: Settings, data_until_us: int | None
) -> JudgedDays | None:
    """Pick the newest closed day that the live model has not seen.

    With `evaluation.test_share` the last share of the sessions takes the place of days, and nothing
    is added to it. Days before it are added, back to `data_until_us`, while there are fewer than
    `gate.min_queries` questions. One day stays for validation and one for training.

    Args:
        closed: Sessions of closed days only.
        settings: `gate.min_queries`, `time_zone` and what sessions are made by.
        data_until_us: Up to where the live model has learned, µs since 1970; None without one.

    Returns:
        The days with enough questions or else with the most; None if there is no such day.

    Raises:
        DataError: If the days before the newest one are too little to train on.
    """
    if settings.evaluation.test_share is not None:
        return _judged_share(closed, settings, data_until_us)
    days = event_days(closed.times_us, settings.time_zone)
    first = 2 if data_until_us is None else max(2, int((days[:, 0] < data_until_us).sum()))
    found = None
    for day in range(len(days) - 1, first - 1, -1):
        borders = Borders(int(days[day - 1, 0]), int(days[day, 0]), int(days[-1, 1]))
        try:
            n_queries = split_for_judging(closed, settings, borders).n_queries
        except DataError:
            # The days before this one teach nothing: the search ends, what was found stands.
            if found is None:
                raise
            break
        # Fewer days to train on know fewer products: going back may lose more than it adds.
        if found is None or n_queries > found.n_queries:
            found = JudgedDays(borders, n_queries)
        if n_queries >= settings.gate.min_queries:
            break
    return found


def _judged_share(
    closed: SessionLog, settings: Settings, data_until_us: int | None
) -> JudgedDays | None:
    """The last share of the sessions, or as much of it as the live model has not learned from."""
    borders = borders_of(closed, settings)
    if data_until_us is not None and data_until_us > borders.test_us:
        if not np.any(closed.times_us >= data_until_us):
            return None
        borders = borders_of(closed, settings, data_until_us)
    borders = borders._replace(until_us=int(closed.times_us.max()) + 1)
    return JudgedDays(borders, split_for_judging(closed, settings, borders).n_queries)


def judge_candidate(
    closed: SessionLog,
    settings: Settings,
    split: Split,
    candidate: Contestant,
    popularity: Contestant,
    live: Artifact | None,
) -> Verdict:
    """Compare the candidate with popularity and with the live model on the same questions.

    A question is asked if any of the three knows its answer; whoever does not know it has missed.

    Args:
        closed: Sessions of closed days only.
        settings: Of the workspace.
        split: Training days | judged days.
        candidate: Trained on the days before the judged ones.
        popularity: Of the same days.
        live: The published model, if there is one.
    """
    contestants = {"candidate": candidate, "popularity": popularity}
    if live is not None:
        contestants["live"] = Contestant(live.model, live.vocabulary)
    known = {item for one in contestants.values() for item in one.vocabulary.item_ids}
    union = Vocabulary(sorted(known))
    held_out = held_out_over(closed, settings, union, split.from_us, split.until_us)
    resampled = _resampled(held_out, union, contestants, settings)
    over_live = None if live is None else _difference(resampled, "live")
    over_popularity = _difference(resampled, "popularity")
    return decide(None if candidate.model.name == "popularity" else over_popularity, over_live)


def _resampled(
    held_out: Sessions,
    vocabulary: Vocabulary,
    contestants: dict[str, Contestant],
    settings: Settings,
) -> Resampled:
    queries = queries_of(held_out)
    judgements: dict[str, Judgement] = {
        name: judge(
            one.model,
            queries,
            [EXCLUSION],
            MRR_AT,
            numbers=one.vocabulary.numbers_of(vocabulary.item_ids),
        )
        for name, one in contestants.items()
    }
    return Resampled(queries, judgements, MRR_AT, settings.evaluation.bootstrap_samples)


def _difference(resampled: Resampled, rival: str) -> Interval:
    return resampled.difference("candidate", rival, EXCLUSION, f"mrr@{MRR_AT}")
