"""Newest products hidden, and the questions that later visits ask of them, worked by hand."""

import pytest

from recommender.cold.hiding import cold_questions, first_steps_us, hide_newest
from recommender.data.noise import NEVER
from recommender.data.split import before
from recommender.data.vocabulary import Vocabulary
from recommender.settings import Settings
from tests.small_log import DAY_US, log_of

SETTINGS = Settings.model_validate({"vocabulary": {"min_count": 1}})

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
