"""What every model does, so that evaluation, artifact and service treat all of them alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.arrays import read_arrays, write_arrays
from recommender.data.examples import Sessions
from recommender.errors import DataError
from recommender.models.topk import top_k
from recommender.settings import Settings


class Intent(NamedTuple):
    """One thing that a visitor seems to be after.

    Attributes:
        weight: The chance that the next item belongs to it.
        place: The viewed item that stands for it, a position in the session.
        items: What it would show, best first, shape (at most k,), int64.
    """

    weight: float
    place: int
    items: NDArray[np.int64]


class Blend(Protocol):
    """Joins what is known of products from beside the clicks."""

    def __call__(
        self, log_probabilities: NDArray[np.float32], sessions: Sessions
    ) -> NDArray[np.float32]:
        """Both together as log-probabilities, shape (n_sessions, n_items)."""

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that serving loads for it."""


OnEpoch = Callable[[Mapping[str, Any]], None]


def check_pairs(train: Sessions) -> None:
    """Check that something follows something in the sessions a model is to learn from.

    Raises:
        DataError: If no session has two items.
    """
    if not (train.lengths >= 2).any():
        raise DataError(
            "too little to train on: no session has two known products; "
            "import more events or lower vocabulary.min_count"
        )


class Model(ABC):
    """A recommender over a fixed vocabulary.

    Only `fit` may use Keras or gensim; everything else is NumPy on saved arrays, so that what is
    judged is what is served.

    Attributes:
        name: The model's name in settings, tables and manifests.
        gives_log_probabilities: Whether `scores` are log-probabilities in nats, so that `exp` of
            one is the chance that the item is next.
        settles_on_validation: Whether `fit` may leave choices to validation.
        uses_seed: Whether another seed gives another model.
        starts_from_vectors: Whether `fit` can start from pretrained vectors.
        takes_blend: Whether `scores` go through `blend`.
        takes_vectors: Whether items have vectors, and `log_odds_beyond` scores others by theirs.
        min_held_out: Held-out queries that `fit` should have for its choices; where validation
            holds fewer, the newest training sessions are held out too.
        n_items: Size of the vocabulary.
        settled_: What `fit` chose on validation (epochs, start); given back to the constructor,
            it makes a later `fit` without validation take the same choice.
        carried_: Arrays that `fit` learned on validation; given back to the constructor, a later
            `fit` without validation takes them over.
        blend: What the log-probabilities of a fitted model go through; no part of what it saves.
        epochs_: One record per epoch: `epoch`, `loss`, `validation` and more.
    """

    name: ClassVar[str]
    gives_log_probabilities: ClassVar[bool] = False
    settles_on_validation: ClassVar[bool] = False
    takes_blend: ClassVar[bool] = False
    takes_vectors: ClassVar[bool] = False
    min_held_out: ClassVar[int] = 0
    starts_from_vectors: ClassVar[bool] = False
    uses_seed: ClassVar[bool] = False
    blend: Blend | None = None

    def __init__(
        self,
        n_items: int,
        settings: Settings | None = None,
        *,
        settled: Mapping[str, Any] | None = None,
        carried: Mapping[str, NDArray[Any]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        self.n_items = n_items
        self.settings = settings or Settings()
        self.settled_: dict[str, Any] = dict(settled or {})
        self.carried_: dict[str, NDArray[Any]] = dict(carried or {})
        self.epochs_: list[dict[str, Any]] = []
        self.on_epoch = on_epoch

    @property
    def leaves_choices(self) -> bool:
        """Whether `fit` leaves choices to validation under the settings of this model."""
        return self.settles_on_validation

    @classmethod  # noqa: B027 - most models need none
    def load_libraries(cls) -> None:
        """Import what only `fit` needs, so that a clock around `fit` measures the training."""

    def predicted_costs(self, train: Sessions) -> dict[str, float]:  # noqa: ARG002
        """What `fit` will take, for models that can be too large: nothing is predicted here.

        Returns:
            Bytes and seconds by name.

        Raises:
            BudgetError: If it is more than the settings or the machine allow.
        """
        return {}

    @abstractmethod
    def fit(
        self,
        train: Sessions,
        validation: Sessions | None,
        *,
        vectors: Mapping[str, NDArray[np.float32]] | None = None,
        seed: int = 0,
    ) -> Self:
        """Learn from sessions.

        Args:
            train: Sessions of item indices below `n_items`.
            validation: Later sessions that choose epochs and start; None after that choice.
            vectors: Pretrained item vectors by the name of the start that they make, shape
                (n_items, dim), for models that take a start.
            seed: Seed of every random choice.
        """

    def calibrate(self, held_out: Sessions) -> None:  # noqa: B027 - for those who can
        """Learn `certainty` anew, as a `blend` makes it necessary; into `carried_` too.

        Args:
            held_out: Sessions that the network has not learned from; too few change nothing. A
                second stage may have been fitted on them: on REES46 that promises .003 too much.
        """

    @abstractmethod
    def scores(self, sessions: Sessions) -> NDArray[np.float32]:
        """Score every item as the next one of every session, higher is better.

        Returns:
            Shape (n_sessions, n_items), float32; finite, or -inf for "never". The softmax network
            returns log-probabilities in nats. An empty session is no error.
        """

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads, by name."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Settings) -> Self:
        """Make a fitted model of what `arrays` gave."""

    def recommend(
        self, sessions: Sessions, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the k best items of every session; see `top_k` for shapes and ties."""
        return top_k(self.scores(sessions), k, allowed)

    def certainty(
        self,
        scores: NDArray[np.float32],  # noqa: ARG002
        sessions: Sessions,  # noqa: ARG002
    ) -> NDArray[np.float32] | None:
        """How sure the model is that the next product is in its list, page's own product left out.

        Args:
            scores: Of these sessions, shape (n_sessions, n_items).
            sessions: Any sessions.

        Returns:
            Chances, calibrated on held-out sessions, shape (n_sessions,); None from a model that
            cannot tell.
        """
        return None

    def item_vectors(self) -> NDArray[np.float32]:
        """Vectors of length 1 of all items, shape (n_items, dim).

        Raises:
            NotImplementedError: If the model has none; see `takes_vectors`.
        """
        raise NotImplementedError(f"{self.name} has no item vectors")

    def log_odds_beyond(
        self, sessions: Sessions, vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """How the chances of items that are not known compare with all known ones together.

        Args:
            sessions: Of known items. Right after `scores` of the same object it costs least.
            vectors: Of the other items, in the space of `item_vectors`, shape (m, dim); the longer
                one is, the more its direction counts.

        Returns:
            Log of each one's chance by that of all known items together, shape (n_sessions, m):
            as if it stood in the table with this vector and nothing else were known of it.

        Raises:
            NotImplementedError: If the model has no vectors; see `takes_vectors`.
        """
        raise NotImplementedError(f"{self.name} has no item vectors")

    def intents(
        self,
        viewed: NDArray[np.integer],  # noqa: ARG002
        k: int,  # noqa: ARG002
        allowed: NDArray[np.bool_] | None = None,  # noqa: ARG002
    ) -> list[Intent]:
        """What the visitor of one session seems to be after, the likeliest first.

        Args:
            viewed: The session's items, shape (n_viewed,), oldest first.
            k: Items wanted of each intent.
            allowed: True where an item may be recommended, shape (n_items,).

        Returns:
            None of them from a model that knows no intents.
        """
        return []

    def reasons(
        self,
        viewed: NDArray[np.int64],
        recommended: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Which viewed item speaks most for each recommended one: here always the last.

        Args:
            viewed: The session's items, shape (n_viewed,), oldest first, at least one.
            recommended: Items of its list, shape (n,).

        Returns:
            Positions in `viewed`, shape (n,); -1 where the session has no part in it.
        """
        return np.full(len(recommended), len(viewed) - 1)

    def reasons_beyond(
        self, viewed: NDArray[np.int64], vectors: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """As `reasons`, of items that are not known: here always the last viewed one.

        Args:
            viewed: The session's items, shape (n_viewed,), oldest first, at least one.
            vectors: Of the others, as of `log_odds_beyond`, shape (n, dim).
        """
        return np.full(len(vectors), len(viewed) - 1)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that serving loads, those of a blend among them."""
        own = sum(array.nbytes for array in self.arrays().values())
        return own if self.blend is None else own + self.blend.n_bytes

    def save(self, folder: Path) -> None:
        """Write the arrays as `.npy`, one file each."""
        write_arrays(folder, self.arrays())

    @classmethod
    def load(cls, folder: Path, settings: Settings | None = None) -> Self:
        """Read what `save` wrote; the arrays stay on disk until they are used."""
        return cls.from_arrays(read_arrays(folder), settings or Settings())
