"""The published variants as tables of weights, and what each of them leaves open.

Two things differ from the papers' programs, neither changes an order on their data: ages of
sessions are shares of the training period instead of days, so that made-up times serve too, and
idf is never below 0.

Sources:
    `s_knn`: Jannach, Ludewig (2017), "When Recurrent Neural Networks meet the Neighborhood for
    Session-Based Recommendation", section 3.1.
    `vs_knn`: Ludewig, Jannach (2018), "Evaluation of Session-based Recommendation Algorithms",
    section 3.3; idf and its decays: Ludewig, Mauro, Latifi, Jannach (2021), "Empirical Analysis of
    Session-Based Recommendation Algorithms".
    `vstan`: Garg, Gupta, Malhotra, Vig, Shroff (2019), "Sequence and Time Aware Neighborhood for
    Session-based Recommendations", Eq. 1-4, with what Ludewig et al. (2021) added.
    `last_item`: Kersbergen, Sprangers, Schelter (2022), "Serenade - Low-Latency Session-Based
    Recommendation in e-Commerce at Scale", leaves the last item out; the others do not.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from recommender.models.neighbors_index import SessionIndex
from recommender.models.neighbors_search import Weights
from recommender.settings import NeighborsVariant

Parameters = Mapping[str, float | int | str]

NO_DECAY = 1000.0
"""A decay so slow that it makes no difference."""

_LAST_ITEM = (True, False)
_K = (200, 100, 500, 1000)
_SAMPLE_SIZE = (1000, 500, 5000)
_WINDOW = (20, 3, 5, 10)
_LAMBDA_IDF = (5.0, 0.0, 1.0, 2.0, 10.0)

CHOICES: dict[NeighborsVariant, dict[str, tuple[float | int | str, ...]]] = {
    "s_knn": {"last_item": _LAST_ITEM, "sample_size": _SAMPLE_SIZE, "k": _K, "window": _WINDOW},
    "vs_knn": {
        "last_item": _LAST_ITEM,
        "weighting": ("linear", "same", "div", "quadratic", "log"),
        "weighting_score": ("div", "same", "linear", "quadratic", "log"),
        "lambda_idf": _LAMBDA_IDF,
        "sample_size": _SAMPLE_SIZE,
        "k": _K,
        "window": _WINDOW,
    },
    "vstan": {
        "last_item": _LAST_ITEM,
        "lambda_snh": (0.7, 0.1, 0.2, 0.4, 1.0, 2.0, NO_DECAY),
        "lambda_spw": (4.0, 0.5, 1.0, 2.0, 8.0, NO_DECAY),
        "lambda_ipw": (2.0, 0.5, 1.0, 4.0, 8.0, NO_DECAY),
        "lambda_inh": (4.0, 1.0, 2.0, 8.0, NO_DECAY),
        "lambda_idf": _LAMBDA_IDF,
        "query_idf": (0.0,),
        "similarity": ("cosine", "vec"),
        "sample_size": _SAMPLE_SIZE,
        "k": _K,
        "window": _WINDOW,
    },
}
"""Parameters of each variant with the values that are tried, the default first.

The defaults did well on validation of both RSC15 1/64 and Diginetica. `query_idf` is no published
part of VSTAN: it is 0 unless a setting says otherwise.
"""


def default_parameters(variant: NeighborsVariant) -> dict[str, float | int | str]:
    """What a variant does where neither settings nor validation say otherwise."""
    return {name: values[0] for name, values in CHOICES[variant].items()}


def weights_of(index: SessionIndex, variant: NeighborsVariant, chosen: Parameters) -> Weights:
    """Make the tables of a variant.

    Args:
        index: Of the training sessions.
        variant: Which one.
        chosen: A value for each of its parameters.
    """
    plain = _plain(index, chosen)
    if variant == "s_knn":
        return plain._replace(sessions=_by_length(index))
    idf = (1 + float(chosen["lambda_idf"]) * index.rarities).astype(np.float32)
    if variant == "vs_knn":
        decay, decay_of_match = _WEIGHTINGS[chosen["weighting"]], _DECAYS[chosen["weighting_score"]]
        return plain._replace(
            query=_by_age(decay, plain.window),
            norm="count",
            matches=decay_of_match(np.arange(1, plain.window + 1)),
            items=idf,
        )
    sessions = _by_length(index) if chosen["similarity"] == "cosine" else plain.sessions
    return plain._replace(
        query=_by_age(partial(_exponential, float(chosen["lambda_spw"])), plain.window),
        query_items=index.rarities ** np.float32(chosen["query_idf"]),
        norm="root" if chosen["similarity"] == "cosine" else "count",
        sessions=sessions * np.exp(-index.ages / np.float32(chosen["lambda_snh"])),
        matches=np.exp(-np.arange(plain.window) / float(chosen["lambda_ipw"])),
        distances=np.exp(-np.arange(len(plain.distances)) / float(chosen["lambda_inh"])),
        items=idf,
    )


def _plain(index: SessionIndex, chosen: Parameters) -> Weights:
    """Every session and every item counts the same."""
    window = int(chosen["window"])
    return Weights(
        query=np.ones((window + 1, window)),
        query_items=np.ones(index.n_items, np.float32),
        norm="root",
        sessions=np.ones(index.n_sessions, np.float32),
        matches=np.ones(window),
        distances=np.ones(int(index.places.max(initial=0)) + 1),
        items=np.ones(index.n_items, np.float32),
        sample_size=int(chosen["sample_size"]),
        k=int(chosen["k"]),
        last_item=bool(chosen["last_item"]),
    )


def _by_length(index: SessionIndex) -> NDArray[np.float32]:
    """The cosine's part on the side of the sessions."""
    return (1 / np.sqrt(np.diff(index.starts))).astype(np.float32)


_Decay = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]


def _by_age(decay: _Decay, window: int) -> NDArray[np.float64]:
    """A decay over the position in the query as a table by [steps in the query, age]."""
    steps, ages = np.mgrid[0 : window + 1, 0:window]
    positions = np.maximum(steps - ages, 1)
    return decay(positions, np.maximum(steps, 1))


def _exponential(
    scale: float, position: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp((position - length) / scale)
    return weights


_WEIGHTINGS: Mapping[float | int | str, _Decay] = {
    "same": lambda position, length: np.ones(np.broadcast(position, length).shape),
    "div": lambda position, length: position / length,
    "linear": lambda position, length: np.maximum(1 - 0.1 * (length - position), 0),
    "quadratic": lambda position, length: (position / length) ** 2,
    "log": lambda position, length: 1 / np.log10(length - position + 1.7),
}
"""Weight of the query's item at a position, from 1 (oldest)."""

_DECAYS: Mapping[float | int | str, Callable[[NDArray[np.int64]], NDArray[np.float64]]] = {
    "same": lambda step: np.ones(len(step)),
    "div": lambda step: 1 / step,
    "linear": lambda step: np.maximum(1 - 0.1 * step, 0),
    "quadratic": lambda step: 1 / step**2,
    "log": lambda step: 1 / np.log10(step + 1.7),
}
"""Factor of a neighbor whose newest shared item is the step-th from the query's end."""
