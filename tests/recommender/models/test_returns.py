"""Items that occur again in a row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.data.examples import PAD, prefixes, sessions_from_lists
from recommender.models.returns import MAX_EARLIER, first_views, new_targets, occurrences


@given(st.lists(st.integers(0, 3), max_size=8))
def test_against_a_slow_oracle(items: list[int]) -> None:
    row = [*items, *[PAD] * (9 - len(items))]
    found = occurrences(np.array([row], np.int32))
    for place, item in enumerate(items):
        later = [other for other in range(place + 1, len(items)) if items[other] == item]
        assert found.next_seen[0, place] == (later[0] if later else 9)
        assert found.earlier[0, place] == min(items[:place].count(item), MAX_EARLIER)


@given(st.lists(st.lists(st.integers(0, 3), max_size=8), max_size=5))
def test_first_views_and_new_targets_against_a_slow_oracle(lists: list[list[int]]) -> None:
    sessions = sessions_from_lists(lists)
    expected = [item not in row[:place] for row in lists for place, item in enumerate(row)]
    assert first_views(sessions).tolist() == expected
    queries, targets, _ = prefixes(sessions)
    seen = [target in queries.session(at) for at, target in enumerate(targets)]
    assert (~new_targets(sessions)).tolist() == seen
