"""The mixture density network over the catalog as it is served: NumPy on saved arrays."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, last_items, sessions_from_lists
from recommender.models.certainty import signs
from recommender.models.contract import Intent
from recommender.models.intents import NEVER, intents
from recommender.models.softmax import Softmax
from recommender.models.softmax_serving import Asked
from recommender.models.topk import NOTHING, top_k

MIN_WEIGHT = 0.05
"""An intent less likely than this is not told."""
_LEAST_CHANCE = np.finfo(np.float32).tiny
_COMPARED = 10
"""Components are one intent if they share half of so many first items."""
_WEIGHTS = ("attention", "weight_by_age", "weight_by_hidden")


class Components(NamedTuple):
    """What the mixture is made of for n sessions.

    Attributes:
        weights: Shape (n, C), each row sums to 1; 0 where the session has no further intent.
        vectors: Unit vectors, shape (n, C, dim): the queries into the table.
        hidden: Hidden units behind them, shape (n, C, hidden).
        places: Anchors' places in the window, shape (n, C).
    """

    weights: NDArray[np.float32]
    vectors: NDArray[np.float32]
    hidden: NDArray[np.float32]
    places: NDArray[np.int64]

    def only(self, chosen: NDArray[np.intp]) -> "Components":
        """Some of the components, their weights as they are."""
        return Components(
            self.weights[:, chosen],
            self.vectors[:, chosen],
            self.hidden[:, chosen],
            self.places[:, chosen],
        )


class Mdn(Softmax):
    """p(item | session) = Σ_c w_c(session) D(item | λ_c(session)), D categorical.

    Each of the C components is an intent: a query into the one table of item vectors, around one
    item of the session, with a weight from the session. In everything else it is `Softmax`.

    Source: Bishop (1994), "Mixture Density Networks", NCRG/94/004.
    """

    name = "mdn"
    _asked: tuple[Sessions, Components] | None = None

    @property
    def variant(self) -> str:
        """What answers: the mixture alone, or a second stage behind it."""
        return self.settings.mdn.variant

    @property
    def n_components(self) -> int:
        """C."""
        return self.settings.mdn.components

    def _network_kind(self) -> Callable[..., Any]:
        from recommender.models.mdn_network import MixtureNetwork

        return partial(MixtureNetwork, components=self.n_components)

    def components(self, sessions: Sessions) -> Components:
        """Weights and queries of the intents.

        Those of one session are kept until the next one asks: an answer needs them for the scores
        and for how sure they are.
        """
        asked = self._asked
        if asked is not None and asked[0] is sessions:
            return asked[1]
        found = self._components(last_items(sessions, len(self.age_logits_)))
        if sessions.n_sessions == 1:
            self._asked = (sessions, found)
        return found

    def _components(self, window: NDArray[np.int32]) -> Components:
        found = intents(
            window,
            self.table_,
            self._unit_rows,
            self.age_logits_,
            float(self._weights["attention"][0]),
            self.n_components,
        )
        n, n_components, dim = found.means.shape
        vectors, hidden = self._refined(
            found.means.reshape(-1, dim), found.anchors.reshape(-1, dim)
        )
        hidden = hidden.reshape(n, n_components, hidden.shape[-1])
        ages = window.shape[1] - 1 - found.places
        logits = hidden @ self._weights["weight_by_hidden"] + self._weights["weight_by_age"][ages]
        logits = np.where(found.is_further, logits, np.float32(NEVER))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return Components(weights, vectors.reshape(n, n_components, dim), hidden, found.places)

    def _scored(self, sessions: Sessions) -> tuple[NDArray[np.float32], Asked]:
        window = last_items(sessions, len(self.age_logits_))
        found = self.components(sessions)
        chances, log_totals = self._chances(found, window)
        np.log(np.maximum(chances, _LEAST_CHANCE, out=chances), out=chances)
        log_weights = np.log(np.maximum(found.weights, _LEAST_CHANCE))
        return chances, Asked(found.vectors, log_totals, log_weights)

    def _chances(
        self, found: Components, window: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Σ_c weight_c p_c of every item, shape (n, n_items), and the log totals of `Asked`."""
        session, component = np.nonzero(found.weights)
        each, tops = self._logits(
            found.vectors[session, component], found.hidden[session, component], window, session
        )
        np.exp(each, out=each)
        totals = each.sum(axis=1)
        # A component without weight adds nothing, whatever its total.
        log_totals = np.zeros_like(found.weights)
        log_totals[session, component] = tops[:, 0] + np.log(totals)
        shares = found.weights[session, component] / totals
        if len(window) == 1:
            # `reduceat` takes fifteen times as long.
            chances: NDArray[np.float32] = shares[None] @ each
        else:
            each *= shares[:, None]
            starts = np.searchsorted(session, np.arange(len(window)))
            chances = np.add.reduceat(each, starts, axis=0)
        return chances, log_totals

    def session_vectors(self, sessions: Sessions) -> NDArray[np.float32]:
        """Unit vectors of the weightiest intents, shape (n_sessions, dim)."""
        found = self.components(sessions)
        weightiest: NDArray[np.float32] = found.vectors[
            np.arange(sessions.n_sessions), found.weights.argmax(axis=1)
        ]
        return weightiest

    def intents(
        self, viewed: NDArray[np.integer], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[Intent]:
        """See `Model.intents`: components that would show much the same are one intent."""
        sessions = sessions_from_lists([viewed.tolist()])
        window = last_items(sessions, len(self.age_logits_))
        found = self.components(sessions)
        weights, places = found.weights[0], found.places[0]
        order = [one for one in np.argsort(-weights, kind="stable") if weights[one]]
        chances = [self._chances(found.only(np.array([one])), window)[0][0] for one in order]
        # Of a small catalog every list would be much the same.
        n_compared = min(_COMPARED, max(1, self.n_items // 4))
        lists = [top_k(one[None], n_compared, allowed)[0][0] for one in chances]
        told = []
        for group in alike(lists):
            weight = float(sum(weights[order[one]] for one in group))
            if weight >= MIN_WEIGHT:
                together = np.maximum(sum(chances[one] for one in group), _LEAST_CHANCE)
                items, _ = top_k(self._blended(np.log(together)[None], sessions), k, allowed)
                place = len(viewed) - window.shape[1] + int(places[order[group[0]]])
                told.append(Intent(weight, place, items[0][items[0] != NOTHING]))
        return sorted(told, key=lambda intent: -intent.weight)

    def _signs(self, scores: NDArray[np.float32], sessions: Sessions) -> NDArray[np.float32]:
        found = self.components(sessions)
        middle = found.weights[:, None] @ found.vectors
        spread = 1 - np.linalg.norm(middle[:, 0], axis=1)
        return signs(scores, last_items(sessions, 1)[:, 0], spread)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As of `Softmax`, and what weighs the components."""
        return {**super().arrays(), **self._weights}

    def _take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super()._take(arrays)
        self._asked = None
        self._weights = {name: np.asarray(arrays[name]) for name in _WEIGHTS}


def alike(lists: Sequence[NDArray[np.int64]]) -> list[list[int]]:
    """Group lists of products: one that shares half of its items with a group's first joins it.

    Args:
        lists: Item indices, best first, `NOTHING` behind short ones.

    Example:
        >>> alike([np.array([1, 2, 3, 4]), np.array([7, 8, 9, 1]), np.array([4, 3, 5, 6])])
        [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    for number, items in enumerate(lists):
        shown = items[items != NOTHING]
        for group in groups:
            if 2 * np.isin(shown, lists[group[0]]).sum() >= len(shown):
                group.append(number)
                break
        else:
            groups.append([number])
    return groups
