"""What people see while something is trained."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

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


class _TimeLeft(ProgressColumn):
    """Minutes and seconds until a task's total, which is a time limit in seconds."""

    def render(self, task: Task) -> Text:
        left = max(0, round((task.total or 0) - (task.elapsed or 0)))
        return Text(f"{left // 60}:{left % 60:02} left")


@contextmanager
def timed_progress(shop: Shop, limit_s: float) -> Iterator[Callable[[str], OnEpoch | None]]:
    """A bar that fills with time, beside it the present training; silent without a terminal.

    After each epoch a lost Ctrl-C is raised.
    """
    if not shop.shows_progress:
        yield lambda _: lambda _: check_interrupt()
        return
    columns = (SpinnerColumn(), BarColumn(20), _TimeLeft(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=limit_s)

        def on_training(stage: str) -> OnEpoch:
            progress.update(task, description=stage)

            def on_epoch(record: Mapping[str, Any]) -> None:
                check_interrupt()
                elapsed = progress.tasks[task].elapsed or 0.0
                words = f"{stage}, {describe_epoch(record)}"
                progress.update(task, completed=min(elapsed, limit_s), description=words)

            return on_epoch

        yield on_training


def describe_epoch(record: Mapping[str, Any]) -> str:
    """An epoch in words.

    Example:
        >>> describe_epoch({"epoch": 2, "of": 8, "loss": 4.5, "validation": {"recall@20": 0.61}})
        'epoch 2 of 8, loss 4.500, recall@20 0.610'
        >>> describe_epoch({"part": "ranker", "epoch": 3, "of": 5})
        'ranker, epoch 3 of 5'
    """
    step = "epoch" if "epoch" in record else "trial"
    of = f" of {record['of']}" if "of" in record else ""
    words = [f"{step} {record[step]}{of}"]
    if "loss" in record:
        words.append(f"loss {record['loss']:.3f}")
    if start := record.get("start"):
        words.insert(0, f"{start} start")
    if part := record.get("part"):
        words.insert(0, part)
    for metric, value in record.get("validation", {}).items():
        words.append(f"{metric} {value:.3f}")
    return ", ".join(words)
