"""Nearest neighbors by cosine."""

import numpy as np
import pytest

from embeddings.nearest import nearest

VECTORS = np.float32([[1, 0], [2, 0], [1, 1], [0, 3], [-1, 0], [0, 0]])


def test_nearest_first_ties_by_lower_row_length_does_not_matter() -> None:
    rows, cosines = nearest(VECTORS, 0, 5)
    assert rows.tolist() == [1, 2, 3, 5, 4]
    np.testing.assert_allclose(cosines, [1, 2**-0.5, 0, 0, -1], atol=1e-6)


def test_never_more_than_there_are_and_never_the_row_itself() -> None:
    rows, _ = nearest(VECTORS, 2, 100)
    assert sorted(rows.tolist()) == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(("index", "k"), [(6, 1), (-1, 1), (0, 0)])
def test_mistakes(index: int, k: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        nearest(VECTORS, index, k)
