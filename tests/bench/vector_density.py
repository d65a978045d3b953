"""A continuous density over the vector space against the softmax over the same vectors.

A mixture of Gaussians tells where the next product's vector lies, and products are ranked by the
density at their vectors. It spends itself on telling distances where only an order is asked.
"""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipelines.contest import Contest
from recommender.data.examples import PAD, Sessions, last_items, prefixes
from recommender.data.split import borders_of
from recommender.data.steps import load_session_log
from recommender.models.families.gaussian import Gaussian
from recommender.models.metrics import hits, target_ranks
from recommender.models.mixture_density import mixture_network
from tests.bench.intents import SETTINGS, simulated_shop

N_COMPONENTS, EPOCHS, NEWEST = 4, 15, 5


def bench_vector_density() -> list[dict[str, Any]]:
    """Recall@20 of both on later visits of the simulated shop."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = simulated_shop(Path(folder) / "shop")
        log = load_session_log(workspace.events_dir, SETTINGS)
        contest = Contest(workspace, SETTINGS, log, borders_of(log, SETTINGS), lambda _: None)
        softmax = contest.train("softmax:plain").model
        vectors = softmax.item_vectors()
        queries = contest.examination.queries
        scores = _density(vectors, contest.judging.train, queries.sessions)
        ours, peer = (
            float(hits(target_ranks(found, queries.targets), 20).mean())
            for found in (scores, softmax.scores(queries.sessions))
        )
    return [
        {
            "name": f"Recall@20 by a density over vectors, {len(queries)} questions",
            "value": round(100 * ours, 1),
            "unit": "%",
            "peer": "softmax:plain",
            "peer_value": round(100 * peer, 1),
            "ratio": ours / peer,
        }
    ]


def _density(vectors: NDArray[np.float32], train: Sessions, asked: Sessions) -> NDArray[np.float32]:
    """Log density at every item's vector, shape (n_sessions, n_items)."""
    seen, targets, _ = prefixes(train)
    keras.utils.set_random_seed(0)
    x, y = _inputs(vectors, seen), vectors[targets]
    network = mixture_network(
        Gaussian(), N_COMPONENTS, x, y, hidden=(256,), activation="relu", learning_rate=2e-3
    )
    network.fit(x, y, epochs=EPOCHS, batch_size=256, verbose=0)
    mixture = network.layers[-1].mixture
    outputs = np.asarray(network.predict(_inputs(vectors, asked), verbose=0))
    found = mixture.parameters(outputs)
    mean, precision = np.asarray(found["mean"]), 1 / np.asarray(found["scale"]) ** 2
    # The square is multiplied out, so that all items are two products of matrices.
    constant = (np.log(precision) - precision * mean**2).sum(axis=2) / 2
    logs = (
        (np.asarray(mixture.log_weights(outputs)) + constant)[:, :, None]
        - precision @ (vectors.T**2) / 2
        + (precision * mean) @ vectors.T
    )
    top = logs.max(axis=1, keepdims=True)
    return (top[:, 0] + np.log(np.exp(logs - top).sum(axis=1))).astype(np.float32)


def _inputs(vectors: NDArray[np.float32], sessions: Sessions) -> NDArray[np.float32]:
    """The newest item's vector and the mean of the newest five."""
    window = last_items(sessions, NEWEST)
    known = window != PAD
    rows = vectors[np.maximum(window, 0)] * known[:, :, None]
    mean = rows.sum(axis=1) / np.maximum(known.sum(axis=1), 1)[:, None]
    return np.concatenate([rows[:, -1], mean], axis=1).astype(np.float32)
