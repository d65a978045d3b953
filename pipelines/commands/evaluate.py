"""`recommender evaluate`: one honest table of all named models."""

import difflib
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from recommender.cli import Shop, common_options
from recommender.models.registry import MODEL_NAMES

DEFAULT_MODELS = "softmax,word2vec,sequential_rules,popularity"


class ModelList(click.ParamType):
    """Comma-separated model names."""

    name = "models"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        """Split and check the names."""
        if isinstance(value, list):
            return value
        names = [name.strip() for name in value.split(",") if name.strip()]
        for name in names:
            if name not in MODEL_NAMES:
                nearest = difflib.get_close_matches(name, MODEL_NAMES, n=1, cutoff=0)[0]
                self.fail(f"{name!r} is no model; the nearest is {nearest}", param, ctx)
        if not names:
            self.fail(f"name at least one of {', '.join(MODEL_NAMES)}", param, ctx)
        return list(dict.fromkeys(names))


class Time(click.ParamType):
    """A day or a time of RFC 3339, as µs since 1970; a naive one counts in the shop's zone."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the text."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; an example is 2026-11-21T00:00:00Z", param, ctx)


@click.command("evaluate")
@common_options
@click.option(
    "--models",
    "names",
    type=ModelList(),
    default=DEFAULT_MODELS,
    show_default=True,
    metavar="NAMES",
    help="Comma-separated; differences are those of the first one.",
)
@click.option(
    "--test-from",
    type=Time(),
    metavar="TIME",
    help="Test on what starts at this time or later  [default: the last evaluation.test_days]",
)
@click.pass_obj
def evaluate(shop: Shop, names: list[str], test_from: datetime | None) -> None:
    """Train models on earlier days and judge them on later ones."""
    from pipelines.evaluate import evaluate_models
    from pipelines.progress import training_progress
    from pipelines.tables import evaluation_table

    settings = shop.settings()
    test_us = None
    if test_from is not None:
        if test_from.tzinfo is None:
            test_from = test_from.replace(tzinfo=ZoneInfo(settings.time_zone))
        test_us = round(test_from.astimezone(UTC).timestamp() * 1e6)
    with training_progress(shop) as on_training:
        report = evaluate_models(shop.workspace.events_dir, settings, names, test_us, on_training)
    shop.put(report, evaluation_table(report))
