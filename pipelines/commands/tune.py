"""`recommender tune`: search for better settings on the validation days."""

import difflib
import math
from typing import Any

import click

from recommender.cli import Shop, common_options
from recommender.models.registry import MODEL_NAMES
from recommender.settings import Settings


def _model(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    """A model's name, or None for that of the settings."""
    if name is not None and name not in MODEL_NAMES:
        nearest = difflib.get_close_matches(name, MODEL_NAMES, n=1, cutoff=0)[0]
        raise click.BadParameter(f"{name!r} is no model; the nearest is {nearest}")
    return name


def _minutes(_: click.Context, __: click.Parameter, minutes: float) -> float:
    if not math.isfinite(minutes):
        raise click.BadParameter(f"{minutes} is not a number of minutes")
    return minutes


@click.command("tune")
@common_options
@click.option(
    "--model", "name", callback=_model, metavar="NAME", help="Model to tune  [default: model.name]"
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    callback=_minutes,
    default=20,
    show_default=True,
    help="Time for this call; the next one goes on.",
)
@click.option(
    "--trials",
    "n_trials",
    type=click.IntRange(min=1),
    help="Stop after so many trials of this call, if that is sooner.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of what is tried; trainings take model.seed.",
)
@click.option("--write", is_flag=True, help="Write the settings that won to recommender.toml.")
@click.pass_obj
def tune(
    shop: Shop, name: str | None, minutes: float, n_trials: int | None, seed: int, write: bool
) -> None:
    """Try settings on the validation days, for so many minutes, and keep what was learned."""
    settings = shop.settings()
    model = name or settings.model.name
    shop.workspace.require()
    from pipelines.tuning.space import TUNED, space_of

    if not space_of(model, settings):
        raise click.BadParameter(
            f"{model} has nothing to tune; {', '.join(TUNED)} have",
            param_hint="--model" if name else "model.name",
        )
    report = _search(shop, settings, model, 60 * minutes, n_trials, seed)
    from pipelines.tuning.words import tuning_text

    report["written"] = _written(shop, report["settings"]) if write else None
    shop.put(report, tuning_text(report))


def _search(
    shop: Shop, settings: Settings, model: str, limit_s: float, n_trials: int | None, seed: int
) -> dict[str, Any]:
    """Go on with the study until a limit comes."""
    from pipelines.progress import timed_progress
    from pipelines.tuning.search import Clock
    from pipelines.tuning.study import tuning_lock
    from pipelines.tuning.tune import Tuning

    clock = Clock(limit_s)
    with tuning_lock(shop.workspace.tuning_dir), timed_progress(shop, limit_s) as on_training:
        tuning = Tuning(shop.workspace, settings, model, seed=seed, say=shop.say)
        try:
            tuning.run(clock, n_trials, on_training)
        except KeyboardInterrupt:
            if not shop.as_json and shop.verbosity >= 0:
                click.echo(f"{len(tuning.study.complete)} finished trials are kept.", err=True)
            raise
        return tuning.report()


def _written(shop: Shop, values: dict[str, Any]) -> str | None:
    """Write what the settings file does not say yet; the file's path if there is one."""
    from pipelines.settings_file import change_settings
    from pipelines.tuning.space import setting
    from recommender.configuration import load_settings

    path = shop.config or shop.workspace.settings_path
    filed = load_settings(path, (), {})
    news = {name: value for name, value in values.items() if setting(filed, name) != value}
    if news:
        change_settings(path, news)
    return str(path) if path.exists() else None
