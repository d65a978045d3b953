"""What a training of the slides' network will take, said and judged before it begins."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from recommender.errors import BudgetError
from recommender.settings import OneHotSettings

FLOAT_BYTES = 4
LIBRARY_BYTES = 700_000_000
"""What a process holds once Keras and TensorFlow are loaded."""
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
_INSTEAD = "train the compact network instead (softmax), or raise vocabulary.min_count"


class Pass(NamedTuple):
    """Epochs with one batch size."""

    batch_size: int
    epochs: int


@dataclass(frozen=True)
class Prediction:
    """Costs of a training, under the names that `evaluate --json` prints.

    Attributes:
        bytes: Of the weights, all that serving loads: 4 (4N² + 3N) for N products.
        file_bytes: Of `network.keras`: the weights, and for each the mean square of its gradient
            that rmsprop keeps.
        memory_bytes: The most that the process holds at a time.
        train_s: Seconds; for the variant `fair` those of every epoch it may ask for.
    """

    bytes: int
    file_bytes: int
    memory_bytes: int
    train_s: float

    def as_dict(self) -> dict[str, float]:
        """By name, seconds rounded."""
        return {**asdict(self), "train_s": round(self.train_s, 1)}


def fair_trials(settings: OneHotSettings) -> list[Pass]:
    """The short trials that choose a batch size."""
    epochs = min(settings.patience, settings.max_epochs)
    return [Pass(size, epochs) for size in settings.fair_batch_sizes]


def all_passes(settings: OneHotSettings, settled: Pass | None = None) -> list[Pass]:
    """Everything that training may do, the last training on all sessions included.

    Args:
        settings: Of the network.
        settled: What validation chose, if it was asked already.
    """
    if settled is not None:
        return [settled]
    if settings.variant == "slides":
        return [Pass(settings.batch_size, settings.epochs)]
    longest = Pass(min(settings.fair_batch_sizes), settings.max_epochs)
    return [*fair_trials(settings), longest, longest]


def predict_bytes(n_items: int, batch_size: int) -> Prediction:
    """What the arrays take, by arithmetic alone; seconds stay 0.

    In memory: weights, mean squares, gradients, the best epoch and this one, and room for two more
    while an update is computed; X and y as NumPy and as tensors, hidden layer and output with
    their gradients.
    """
    weights = FLOAT_BYTES * (4 * n_items**2 + 3 * n_items)
    batch = FLOAT_BYTES * batch_size * n_items
    return Prediction(weights, 2 * weights, LIBRARY_BYTES + 7 * weights + 12 * batch, 0.0)


def predict_seconds(
    n_rows: int, planned: Sequence[Pass], step_seconds: Callable[[int], float]
) -> float:
    """What all passes take.

    Args:
        n_rows: Training rows.
        planned: Of `all_passes`.
        step_seconds: Seconds of a step by its batch size.
    """
    return sum(one.epochs * n_rows / one.batch_size * step_seconds(one.batch_size)
               for one in planned)  # fmt: skip


def refuse_bytes(prediction: Prediction, settings: OneHotSettings, n_items: int) -> None:
    """Check size and memory.

    Raises:
        BudgetError: If the weights are over `onehot.max_bytes`, or training needs more memory than
            this machine has.
    """
    if prediction.bytes > settings.max_bytes:
        raise BudgetError(
            f"onehot: {n_items:,} products need {sized(prediction.bytes)} of weights "
            f"({sized(prediction.file_bytes)} as a file with the optimizer's state), more than "
            f"onehot.max_bytes ({sized(settings.max_bytes)}); {_INSTEAD}, or raise it"
        )
    available = machine_memory()
    if prediction.memory_bytes > available:
        raise BudgetError(
            f"onehot: training on {n_items:,} products holds {sized(prediction.memory_bytes)} in "
            f"memory, this machine has {sized(available)}; {_INSTEAD}, or lower onehot.batch_size"
        )


def refuse_seconds(prediction: Prediction, settings: OneHotSettings, n_items: int) -> None:
    """Check how long it takes.

    Raises:
        BudgetError: If it is longer than `onehot.max_seconds`.
    """
    if prediction.train_s > settings.max_seconds:
        raise BudgetError(
            f"onehot: training the variant {settings.variant} on {n_items:,} products takes about "
            f"{prediction.train_s:,.0f} s on this machine, more than onehot.max_seconds "
            f"({settings.max_seconds:,}); {_INSTEAD}, or raise onehot.max_seconds"
        )


def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's limit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = _MEMORY_LIMIT.read_text("ascii").strip()
    except OSError:
        return memory
    return min(memory, int(limit)) if limit.isdigit() else memory


def sized(n_bytes: float) -> str:
    """A size in the unit that shows it.

    Example:
        >>> sized(1000), sized(2e6), sized(1.2e9), sized(120_000)
        ('1,000 bytes', '2.0 MB', '1,200.0 MB', '120 kB')
    """
    if n_bytes < 10_000:
        return f"{n_bytes:,.0f} bytes"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1000:.0f} kB"
    return f"{n_bytes / 1e6:,.1f} MB"
