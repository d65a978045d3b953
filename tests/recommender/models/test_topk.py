"""The k best of a row, against a plain sort."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.models.topk import NOTHING, top_k


@given(
    arrays(np.float32, (5, 9), elements=st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.5])),
    arrays(np.bool_, 9),
    st.integers(1, 12),
)
def test_as_a_stable_sort(scores: np.ndarray, allowed: np.ndarray, k: int) -> None:
    items, values = top_k(scores, k, allowed)
    assert items.shape == values.shape == (5, min(k, 9))
    for row, listed, found in zip(scores, items, values, strict=True):
        may = [item for item in range(9) if allowed[item] and row[item] > -np.inf]
        best = sorted(may, key=lambda item: -row[item])[:k]
        assert listed.tolist() == best + [NOTHING] * (min(k, 9) - len(best))
        assert found[: len(best)].tolist() == [row[item] for item in best]
        assert np.isneginf(found[len(best) :]).all()
