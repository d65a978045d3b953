"""The table of an evaluation."""

import numpy as np

from recommender.evaluation.protocol import Judgement
from recommender.evaluation.summary import seed_entry
from recommender.models.metrics import EXCLUDED


def test_a_seed_without_a_question_is_no_missing_number() -> None:
    """JSON has no NaN; a mean over nothing is 0, as in the intervals."""
    ranks = {"none": np.array([1, 2, 40]), "session": np.full(3, EXCLUDED)}
    entry = seed_entry(7, Judgement(ranks, np.zeros(3, np.int64)), 1.234, 20)
    assert entry["metrics"]["none"] == {"recall@20": 0.6667, "mrr@20": 0.5}
    assert entry["metrics"]["session"] == {"recall@20": 0.0, "mrr@20": 0.0}
