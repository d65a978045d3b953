"""A log of few visits, a letter an item, for tests that are worked by hand."""

import numpy as np

from recommender.data.examples import Sessions
from recommender.data.noise import NEVER
from recommender.data.steps import SessionLog

DAY_US = 86_400_000_000


def log_of(*visits: tuple[int, str]) -> SessionLog:
    """Visits as (day, items), a letter an item and a second a step."""
    ids = sorted({item for _, items in visits for item in items})
    items = [ids.index(item) for _, row in visits for item in row]
    starts = np.concatenate([[0], np.cumsum([len(row) for _, row in visits])])
    times = [day * DAY_US + step * 1_000_000 for day, row in visits for step in range(len(row))]
    times_us = np.array(times, np.int64)
    sessions = Sessions(np.array(items, np.int32), starts.astype(np.int64), times_us[starts[:-1]])
    n = len(visits)
    return SessionLog(
        ids, sessions, times_us, np.full(n, NEVER), len(items), {}, np.zeros(len(items), np.uint8)
    )
