"""Batches for the compact network, made as they are used."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.data.examples import PAD, Sessions, TrainingWindows
from recommender.models.facts import MEMORIES, demand_history, spans_of_sessions
from recommender.models.returns import first_views, occurrences
from recommender.settings import SoftmaxSettings

MAX_SPANS = 128
MAX_LAG = 0.04
"""A model in use is this share of the training period old at most: training imitates it."""
_HISTORY_BYTES = 256 * 2**20


class Batch(NamedTuple):
    """What one step of training sees; items are places in `used`.

    Attributes:
        used: The items whose rows are needed, each once, ascending, shape (n_used,), int32.
        demand: Their demand as known before the batch, shape (n_used, 5), float32.
        windows: Places of the windows' items, 0 in the padding, shape (n, window + 1), int32.
        is_target: Where the next item is to be told, shape (n, window), bool.
        next_seen: See `Occurrences`, of the inputs, shape (n, window), int32.
        earlier: Likewise.
        sampled: Places of the sampled items, each once, shape (n_sampled,), int32; none in the
            full softmax.
        log_noise: Log of the expected number of draws of each, shape (n_sampled,), float32.
    """

    used: NDArray[np.int32]
    demand: NDArray[np.float32]
    windows: NDArray[np.int32]
    is_target: NDArray[np.bool_]
    next_seen: NDArray[np.int32]
    earlier: NDArray[np.int32]
    sampled: NDArray[np.int32]
    log_noise: NDArray[np.float32]


class Batches:
    """The batches of an epoch, in random order, each from one span of the training period.

    What a batch knows of demand ends before its span, by a random lag: as in use, where a model is
    some days old. The spans are cut into equal batches, since small rests would cost quality.

    Args:
        train: Sessions of item indices below `n_items`, oldest first.
        n_items: Size of the vocabulary.
        settings: Of the network.
        seed: Seed of order, lag and sampling.
    """

    def __init__(self, train: Sessions, n_items: int, settings: SoftmaxSettings, seed: int) -> None:
        self.n_items, self.settings = n_items, settings
        self.windows = TrainingWindows(train, settings.window)
        self._first_views = None if settings.returns else _first_views(train, settings.window)
        self.random = np.random.default_rng(seed)
        self.full = n_items <= settings.full_below
        self.weights = window_weights(self.windows, settings.half_life)
        n_batches = math.ceil(len(self.windows) / settings.batch_size)
        room = _HISTORY_BYTES // (2 * n_items * len(MEMORIES))
        self.n_spans = int(np.clip(room, 1, min(MAX_SPANS, max(1, n_batches))))
        self.history = demand_history(train, n_items, self.n_spans)
        self.span = spans_of_sessions(train, self.n_spans)[self.windows.session]
        shares = np.sqrt(np.bincount(train.items, minlength=n_items) + 1e-9)
        self._sampling = np.cumsum(shares / shares.sum())
        self._log_noise = np.log(settings.negatives * shares / shares.sum()).astype(np.float32)
        weights = np.bincount(self.span, self.weights, minlength=self.n_spans)
        self._n_of_span = np.round(weights / settings.batch_size).astype(np.int64)
        self._n_of_span[weights > 0] = np.maximum(self._n_of_span[weights > 0], 1)

    @property
    def n_steps(self) -> int:
        """Batches of an epoch."""
        return int(self._n_of_span.sum())

    @property
    def tells_demand(self) -> bool:
        """Whether a batch knows of any click: those of the first span know of none."""
        return bool(self.span.any())

    def epoch(self) -> Iterator[Batch]:
        """Make the batches of one epoch."""
        chosen = self.random.permutation(len(self.windows))
        chosen = chosen[self.random.random(len(chosen)) < self.weights[chosen]]
        chosen = chosen[np.argsort(self.span[chosen], kind="stable")]
        borders = np.searchsorted(self.span[chosen], np.arange(self.n_spans + 1))
        parts = [
            (span, rows)
            for span, n_batches in enumerate(self._n_of_span)
            if n_batches
            for rows in np.array_split(chosen[borders[span] : borders[span + 1]], n_batches)
        ]
        for place in self.random.permutation(len(parts)):
            span, rows = parts[place]
            yield self._batch(rows, span)

    def _batch(self, rows: NDArray[np.int64], span: int) -> Batch:
        windows = self.windows.take(rows)
        inputs = windows[:, :-1]
        is_target = windows[:, 1:] != PAD
        if self._first_views is not None:
            is_target &= self._first_views.take(rows)[:, 1:] == 1
        lag = self.random.integers(round(MAX_LAG * self.n_spans) + 1)
        known = self.history[max(0, span - int(lag))]
        sampled, n_draws = self._sampled()
        if self.full:
            used = np.arange(self.n_items, dtype=np.int32)
        else:
            used = np.unique(np.concatenate([windows[windows != PAD], sampled]))
        places = np.searchsorted(used, np.maximum(windows, used[0])).astype(np.int32)
        return Batch(
            used,
            known[used].astype(np.float32),
            places,
            is_target,
            *occurrences(inputs),
            np.searchsorted(used, sampled).astype(np.int32),
            # Draws of the same item count as one of a smaller correction.
            self._log_noise[sampled] - np.log(n_draws, dtype=np.float32),
        )

    def _sampled(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        draws = self.random.random(0 if self.full else self.settings.negatives)
        items = np.searchsorted(self._sampling, draws).clip(max=self.n_items - 1)
        return np.unique(items.astype(np.int32), return_counts=True)


def _first_views(train: Sessions, length: int) -> TrainingWindows:
    """The windows with marks instead of items, 1 where an item is new to its session.

    A window alone does not tell: a return may lie in a later one than what it returns to.
    """
    return TrainingWindows(Sessions(first_views(train).astype(np.int32), train.starts), length)


def window_weights(windows: TrainingWindows, half_life: float | None) -> NDArray[np.float64]:
    """The chance of each window to be seen in an epoch, shape (n_windows,)."""
    if half_life is None:
        return np.ones(len(windows))
    ages = 1 - windows.sessions.places_in_period[windows.session]
    weights: NDArray[np.float64] = 0.5 ** (ages / half_life)
    return weights
