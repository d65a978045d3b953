"""word2vec on sessions: products that stand in the same sessions get near vectors (gensim).

Source: Mikolov et al. (2013), arXiv:1301.3781 and arXiv:1310.4546; settings for sessions after
Caselles-Dupré, Lesaint, Royo-Letelier (2018), arXiv:1804.04212.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Word2VecVectors(NamedTuple):
    """Both tables of word2vec.

    Attributes:
        inputs: What gensim calls word vectors, shape (n_items, dim), float32.
        outputs: The rows of the output layer, shape (n_items, dim), float32.
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]


def train_word2vec(
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    n_items: int,
    *,
    dim: int = 100,
    algorithm: Literal["cbow", "skip_gram"] = "skip_gram",
    window: int = 3,
    epochs: int = 50,
    negatives: int = 10,
    ns_exponent: float = 0.25,
    sample: float = 0.0,
    learning_rate: float = 0.05,
    seed: int = 0,
    workers: int = 2,
) -> Word2VecVectors:
    """Learn vectors of items from sessions.

    Args:
        items: Item indices of all sessions end to end, shape (n_steps,).
        starts: Where sessions start, with the end behind them, shape (n_sessions + 1,).
        n_items: Size of the vocabulary; items without a step get zero vectors.
        dim: Length of a vector.
        algorithm: CBOW or skip-gram.
        window: Steps to either side.
        epochs: Passes over the sessions.
        negatives: Noise items a positive one.
        ns_exponent: Noise items are drawn proportional to count to this power.
        sample: Threshold above which frequent items are thinned out; 0 keeps all.
        learning_rate: At the start; it falls linearly.
        seed: Seed of start and sampling.
        workers: Threads; with 1 the same input gives the same vectors.

    Raises:
        ValueError: If no session has two items.
    """
    from gensim.models import Word2Vec

    words = [str(index) for index in range(n_items)]
    corpus = [
        [words[index] for index in items[start:end]]
        for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        if end - start >= 2
    ]
    if not corpus:
        raise ValueError("word2vec needs a session with two items, there is none")
    model = Word2Vec(
        corpus,
        vector_size=dim,
        sg=int(algorithm == "skip_gram"),
        window=window,
        epochs=epochs,
        negative=negatives,
        ns_exponent=ns_exponent,
        sample=sample,
        alpha=learning_rate,
        min_count=1,
        seed=seed + 1,
        workers=workers,
    )
    known = np.array([int(word) for word in model.wv.index_to_key])
    vectors = Word2VecVectors(
        np.zeros((n_items, dim), np.float32), np.zeros((n_items, dim), np.float32)
    )
    vectors.inputs[known] = model.wv.vectors
    vectors.outputs[known] = model.syn1neg
    return vectors
