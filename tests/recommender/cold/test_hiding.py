"""Newest products hidden, and the questions that later visits ask of them, worked by hand."""

import numpy as np
import pytest

from recommender.cold.hiding import cold_questions, first_steps_us, hide_newest
from recommender.data.examples import Sessions
from recommender.data.noise import NEVER
from recommender.data.split import before
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary
from recommender.settings import Settings

SETTINGS = Settings.model_validate({"vocabulary": {"min_count": 1}})
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


LOG = log_of((0, "abc"), (0, "ba"), (1, "cad"), (2, "daea"), (2, "ed"), (2, "xbd"))
KNOWN = before(LOG, 2 * DAY_US)


def test_the_newest_of_what_would_be_learned_is_hidden():
    hidden = hide_newest(LOG, KNOWN, SETTINGS, 0.1)
    assert hidden.item_ids == ["d"]
    assert [LOG.item_ids[item] for item in hidden.log.sessions.items] == list("abcbacaaeaexb")
    assert hide_newest(LOG, KNOWN, SETTINGS, 0.5).item_ids == ["c", "d"]
    first = dict(zip(LOG.item_ids, first_steps_us(KNOWN), strict=True))
    assert first["d"] == DAY_US + 2_000_000
    assert first["e"] == first["x"] == NEVER


def test_questions_see_known_products_only_and_ask_for_both():
    vocabulary = Vocabulary(["a", "b", "c"])
    asked = cold_questions(LOG, SETTINGS, vocabulary, ["e", "d"], 2 * DAY_US, None)
    seen = [asked.sessions.session(row).tolist() for row in range(asked.sessions.n_sessions)]
    # daea: a comes after d alone, where nothing known was seen; x is neither known nor cold.
    assert seen == [[0], [0], [1]]
    assert asked.known.tolist() == [-1, 0, -1]
    assert asked.cold.tolist() == [0, -1, 1]
    assert asked.session_of_query.tolist() == [0, 0, 2]
    assert asked.n_unasked == 1


@pytest.mark.parametrize("until", [1, 2])
def test_questions_are_of_their_days(until):
    vocabulary = Vocabulary(["a", "b", "c"])
    asked = cold_questions(LOG, SETTINGS, vocabulary, ["d"], DAY_US, until * DAY_US)
    assert asked.cold.tolist() == {1: [], 2: [-1, 0]}[until]
