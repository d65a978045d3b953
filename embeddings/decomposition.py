"""Item vectors from the spectrum of the co-occurrence graph: seconds where word2vec takes minutes.

Source: Ng, Jordan, Weiss (2001), "On Spectral Clustering"; randomized decomposition after Halko,
Martinsson, Tropp (2011), arXiv:0909.4061.
"""

import numpy as np
from numpy.typing import NDArray

from embeddings.cooccurrence import cooccurrences


def spectral_vectors(
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    n_items: int,
    *,
    dim: int,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Eigenvectors of the normalized co-occurrence graph, scaled by the root of their eigenvalue.

    Args:
        items: Item indices of all sessions end to end, shape (n_steps,).
        starts: Where sessions start, with the end behind them, shape (n_sessions + 1,).
        n_items: Size of the vocabulary.
        dim: Length of a vector; beyond n_items - 1 the rest stays zero.
        seed: Seed of the randomized decomposition.

    Returns:
        Shape (n_items, dim), float32; items without a neighbor have rows near zero.
    """
    from scipy.sparse import diags_array, eye_array
    from sklearn.utils.extmath import randomized_svd

    pairs = cooccurrences(items, starts, n_items)
    scale = diags_array(1 / np.sqrt(np.maximum(pairs.sum(axis=0), 1e-9)).astype(np.float32))
    # With the identity no eigenvalue is negative, so singular vectors are eigenvectors.
    graph = (scale @ pairs @ scale + eye_array(n_items, dtype=np.float32)).tocsr()
    found = min(dim, n_items)
    left, values, _ = randomized_svd(graph, found, n_iter=4, random_state=seed)
    vectors = np.zeros((n_items, dim), np.float32)
    vectors[:, :found] = left * np.sqrt(values)
    return vectors
