"""What people see while something is trained."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from recommender.cli import Shop
from recommender.interrupt import check_interrupt
from recommender.models.contract import OnEpoch


@contextmanager
def training_progress(shop: Shop) -> Iterator[Callable[[str], OnEpoch | None]]:
    """A line per training with its newest epoch; silent where no terminal listens.

    After each epoch a lost Ctrl-C is raised.
    """
    if not shop.shows_progress:
        yield lambda _: lambda _: check_interrupt()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def on_training(stage: str) -> OnEpoch:
            task = progress.add_task(stage, total=None)

            def on_epoch(record: Mapping[str, Any]) -> None:
                check_interrupt()
                progress.update(task, description=f"{stage}, {describe_epoch(record)}")

            return on_epoch

        yield on_training


def describe_epoch(record: Mapping[str, Any]) -> str:
    """An epoch in words.

    Example:
        >>> describe_epoch({"epoch": 2, "loss": 4.5, "validation": {"recall@20": 0.61}})
        'epoch 2, loss 4.500, recall@20 0.610'
    """
    step = "epoch" if "epoch" in record else "trial"
    words = [f"{step} {record[step]}"]
    if "loss" in record:
        words.append(f"loss {record['loss']:.3f}")
    if start := record.get("start"):
        words.insert(0, f"{start} start")
    for metric, value in record.get("validation", {}).items():
        words.append(f"{metric} {value:.3f}")
    return ", ".join(words)
