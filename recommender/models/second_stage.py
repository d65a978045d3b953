"""The second stage as the network uses it: facts about items and the ranker fitted on them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import Sessions, prefixes, select_sessions
from recommender.errors import ArtifactError
from recommender.models.facts import ItemFacts
from recommender.models.partner import Partner
from recommender.models.ranker import FEATURES_VERSION, Candidates, Ranker, candidates
from recommender.models.returns import new_targets
from recommender.settings import Settings

MAX_QUERIES = 20_000
"""Held-out queries that a ranker learns from; of more, an evenly spread part."""
_SCORES_AT_ONCE = 8_000_000
_SESSIONS_AT_ONCE = 256
"""Each has a hundred candidates with some dozens of numbers."""

Scored = Callable[[Sessions], NDArray[np.float32]]
"""Log-probabilities of the network, shape (n, n_items), of n sessions."""


class SecondStage(NamedTuple):
    """What ranks the network's first items again.

    Attributes:
        ranker: Fitted on held-out sessions.
        facts: About the items of the sessions that the network learned from.
        partner: Made of the same sessions; None in the variant `ranked`.
    """

    ranker: Ranker
    facts: ItemFacts
    partner: Partner | None = None

    def rerank(
        self,
        log_probabilities: NDArray[np.float32],
        sessions: Sessions,
        unit_rows: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Share the best items' probability among them anew; the other items keep theirs.

        Args:
            log_probabilities: Of the network, shape (n, n_items); changed in place.
            sessions: What was seen so far, n of them.
            unit_rows: Item vectors of length 1, shape (n_items, dim).
        """
        n = sessions.n_sessions
        for start in range(0, n, _SESSIONS_AT_ONCE):
            part, asked = log_probabilities[start : start + _SESSIONS_AT_ONCE], sessions
            if len(part) < n:
                asked = select_sessions(sessions, np.arange(start, start + len(part)))
            found = candidates(part, asked, unit_rows, self.facts, self.partner)
            self.ranker.rerank(part, found)
        return log_probabilities

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads."""
        partner = {} if self.partner is None else self.partner.arrays()
        version = {"features_version": np.array(FEATURES_VERSION)}
        return {**self.ranker.arrays(), **version, **self.facts._asdict(), **partner}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self | None:
        """What `arrays` gave; None if there is no second stage among them.

        Raises:
            ArtifactError: If another version of this package fitted it.
        """
        ranker = Ranker.from_arrays(arrays)
        if ranker is None:
            return None
        partner = Partner.from_arrays(arrays, settings) if "rules_rule_starts" in arrays else None
        if int(arrays.get("features_version", 0)) != FEATURES_VERSION:
            raise ArtifactError(
                "the second stage was fitted on features that this version of the program does not "
                "make: train again, or serve with the version that trained it"
            )
        facts = ItemFacts(*(np.asarray(arrays[name]) for name in ItemFacts._fields))
        return cls(ranker, facts, partner)


def held_out_candidates(
    held_out: Sessions,
    scored: Scored,
    unit_rows: NDArray[np.float32],
    facts: ItemFacts,
    partner: Partner | None,
    *,
    with_returns: bool = True,
) -> tuple[Candidates, NDArray[np.int32]]:
    """Candidates of held-out queries and their true next items, oldest session first.

    Args:
        held_out: Sessions that the network has not learned from.
        scored: The network.
        unit_rows: Item vectors of length 1, shape (n_items, dim).
        facts: About the items of the sessions that the network learned from.
        partner: Made of the same sessions.
        with_returns: Whether queries count whose session has seen the true next item.
    """
    queries, targets, _ = prefixes(held_out)
    places = np.arange(len(targets)) if with_returns else np.flatnonzero(new_targets(held_out))
    spread = places[np.linspace(0, len(places) - 1, min(MAX_QUERIES, len(places))).astype(np.int64)]
    size = max(1, min(_SESSIONS_AT_ONCE, _SCORES_AT_ONCE // len(unit_rows)))
    parts = []
    for start in range(0, max(1, len(spread)), size):
        asked = select_sessions(queries, spread[start : start + size])
        parts.append(candidates(scored(asked), asked, unit_rows, facts, partner))
    found = Candidates(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    return found, targets[spread]
