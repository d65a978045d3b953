"""The second stage: the network's best items, ranked again by what held-out sessions taught.

A network knows its training sessions better than those to come: on later sessions it is too sure of
new items, too unsure of returns, and blind to what became popular since. A small layer, fitted on
sessions that the network has not seen, puts this right for the first `N_CANDIDATES` items.

Source: stacking, Wolpert (1992), "Stacked Generalization"; two stages as in Covington, Adams,
Sargin (2016), "Deep Neural Networks for YouTube Recommendations", section 4.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions, last_items
from recommender.models.facts import ItemFacts
from recommender.models.partner import Partner

N_CANDIDATES = 100
FEATURES_VERSION = 1
"""Another number for other columns of a candidate: a ranker answers to those it was fitted on."""
_PREFIX = "ranker_"
_N_AGES = 5
_N_COSINES = 3
_WINDOW = 20
"""Newest items of a session that the ranker looks at, whatever the network sees."""
_SAME_WITHIN = 0.2
"""Nats between candidates that count as about as likely."""


class Candidates(NamedTuple):
    """The items that are ranked again, and what is known of them.

    Attributes:
        items: Best first by the network, shape (n, n_candidates), int64.
        features: Shape (n, n_candidates, n_features), float32.
    """

    items: NDArray[np.int64]
    features: NDArray[np.float32]


def candidates(
    log_probabilities: NDArray[np.float32],
    sessions: Sessions,
    unit_rows: NDArray[np.float32],
    facts: ItemFacts,
    partner: Partner | None = None,
) -> Candidates:
    """Pick the network's best items of every session and describe them.

    Args:
        log_probabilities: Of the network, shape (n, n_items).
        sessions: What was seen so far, n of them.
        unit_rows: Item vectors of length 1, shape (n_items, dim).
        facts: About every item.
        partner: Whose scores are told too.
    """
    items = _best(log_probabilities)
    own = log_probabilities[_rows(items), items]
    window = last_items(sessions, _WINDOW)
    columns = [
        *_network_columns(own),
        *_session_columns(items, window),
        *_visitor_columns(window, sessions.lengths, facts),
        *_cosines(items, window, unit_rows).transpose(2, 0, 1),
        facts.returns[items],
        *facts.demand[items].transpose(2, 0, 1),
        *([] if partner is None else partner.columns(sessions, items)),
    ]
    features = np.empty((*items.shape, len(columns)), np.float32)
    for place, column in enumerate(columns):
        features[:, :, place] = column
    return Candidates(items, features)


def _best(log_probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    # `top_k` would settle ties too, but takes 45 instead of 31 µs for one session of 10,000 items,
    # and the ranker sets the order anew anyway.
    n_items = log_probabilities.shape[1]
    n_best = min(N_CANDIDATES, n_items)
    best = np.argpartition(log_probabilities, n_items - n_best, axis=1)[:, n_items - n_best :]
    every = _rows(best)
    order = np.argsort(-log_probabilities[every, best], axis=1, kind="stable")
    in_order: NDArray[np.int64] = best[every, order]
    return in_order


def _rows(items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of each row, to take items by: `take_along_axis` takes three times as long."""
    return np.arange(len(items))[:, None]


def _network_columns(own: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """How likely the network finds an item, and how sure it is of this session."""
    chances = np.exp(own)
    second = own[:, min(1, own.shape[1] - 1), None]
    return [
        own,
        own - own[:, :1],
        np.log1p(_soft_ranks(own)),
        own[:, :1],
        own[:, :1] - second,
        -(chances * own).sum(axis=1, keepdims=True),
        np.log(chances.sum(axis=1, keepdims=True)),
    ]


def _soft_ranks(own: NDArray[np.float32]) -> NDArray[np.float32]:
    """How many candidates stand before each; those about as likely count in part.

    A hard rank would jump where two scores change places by a rounding error.
    """
    scaled = own / np.float32(_SAME_WITHIN)
    ahead = scaled[:, None, :] - scaled[:, :, None]
    # From -1/2, well behind, to 1/2, well before; an item and itself are 0 apart.
    ranks: NDArray[np.float32] = ahead.clip(-0.5, 0.5, out=ahead).sum(axis=2)
    return ranks + np.float32((own.shape[1] - 1) / 2)


def _session_columns(items: NDArray[np.int64], window: NDArray[np.int32]) -> list[NDArray[Any]]:
    """How long ago the session saw an item (0 is the page it is on), and how often before."""
    same = items[:, :, None] == window[:, None, ::-1]
    times_seen = same.sum(axis=2)
    age = np.where(times_seen > 0, np.minimum(same.argmax(axis=2), _N_AGES - 1), -1)
    return [*(age == one for one in range(_N_AGES)), np.maximum(times_seen - 1, 0)]


def _visitor_columns(
    window: NDArray[np.int32], lengths: NDArray[np.int64], facts: ItemFacts
) -> list[NDArray[Any]]:
    """Length of the session, how much it goes back and forth, where it stands; shapes (n, 1)."""
    in_order = np.sort(window, axis=1)
    # The first of the distinct ones is no change; `PAD` in front makes one more.
    n_changes = (in_order[:, 1:] != in_order[:, :-1]).sum(axis=1)
    n_distinct = np.maximum(n_changes + (in_order[:, 0] != PAD), 1)
    n_steps = np.minimum(np.maximum(lengths, 1), _WINDOW)
    page = window[:, -1]
    returns = np.where(page == PAD, np.float16(0), facts.returns[np.maximum(page, 0)])
    columns = [
        np.log(n_steps),
        np.log(n_steps / n_distinct),
        (page != PAD) & (page == window[:, -2]),
        returns,
    ]
    return [column[:, None] for column in columns]


def _cosines(
    items: NDArray[np.int64], window: NDArray[np.int32], unit_rows: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Cosine with each of the newest items of the session; 0 where there is none.

    Returns:
        Shape (n, n_candidates, 3).
    """
    newest = window[:, : -1 - _N_COSINES : -1]
    seen = unit_rows[np.maximum(newest, 0)] * (newest != PAD)[:, :, None]
    cosines: NDArray[np.float32] = unit_rows[items] @ seen.transpose(0, 2, 1)
    return cosines


class Ranker:
    """Two small layers over the features of a candidate, beside a straight line.

    Args:
        weights: `widen_kernel` (n_features, hidden), `widen_bias`, `mix_kernel` (hidden, hidden),
            `mix_bias`, `narrow_kernel` (hidden,), `line` (n_features,); float32.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self.weights = {name: np.asarray(array) for name, array in weights.items()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights as they lie among a model's arrays."""
        return {_PREFIX + name: array for name, array in self.weights.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """What `arrays` gave; None if there is nothing of it among them."""
        weights = {
            name.removeprefix(_PREFIX): array
            for name, array in arrays.items()
            if name.startswith(_PREFIX)
        }
        return cls(weights) if weights else None

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score candidates; shape (n, n_candidates, n_features) in, (n, n_candidates) out."""
        w = self.weights
        n, n_candidates, n_features = features.shape
        flat = features.reshape(-1, n_features)
        hidden = np.maximum(flat @ w["widen_kernel"] + w["widen_bias"], 0)
        hidden = np.maximum(hidden @ w["mix_kernel"] + w["mix_bias"], 0)
        scores: NDArray[np.float32] = hidden @ w["narrow_kernel"] + flat @ w["line"]
        return scores.reshape(n, n_candidates)

    def rerank(
        self, log_probabilities: NDArray[np.float32], found: Candidates
    ) -> NDArray[np.float32]:
        """Share the candidates' probability among them anew; the other items keep theirs.

        Args:
            log_probabilities: Of the network, shape (n, n_items); changed in place.
            found: Of `candidates`.
        """
        scores = self.scores(found.features)
        chosen = (_rows(found.items), found.items)
        scores += _log_sum(log_probabilities[chosen]) - _log_sum(scores)
        log_probabilities[chosen] = scores
        return log_probabilities


def _log_sum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    top = values.max(axis=1, keepdims=True)
    total: NDArray[np.float32] = top + np.log(np.exp(values - top).sum(axis=1, keepdims=True))
    return total
