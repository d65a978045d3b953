"""`recommender evaluate`: one honest table of all named models."""

import difflib
from datetime import datetime
from pathlib import Path

import click

from pipelines.commands.times import border_us, test_from_option
from recommender.cli import Shop, common_options
from recommender.models.registry import MODEL_NAMES, chosen_model
from recommender.settings import Settings

DEFAULT_MODELS = "softmax,word2vec,sequential_rules,popularity"


def _model_names(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    """Split and check comma-separated names."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        model = name.partition(":")[0]
        if model not in MODEL_NAMES:
            nearest = difflib.get_close_matches(model, MODEL_NAMES, n=1, cutoff=0)[0]
            raise click.BadParameter(f"{model!r} is no model; the nearest is {nearest}")
        try:
            chosen_model(name, Settings())
        except ValueError as err:
            raise click.BadParameter(str(err)) from err
    if not names:
        raise click.BadParameter(f"name at least one of {', '.join(MODEL_NAMES)}")
    return names


def _batch_sizes(_: click.Context, __: click.Parameter, text: str | None) -> list[int]:
    """Whole numbers from 1."""
    try:
        sizes = [int(size) for size in (text or "").split(",") if size.strip()]
    except ValueError:
        sizes = [0]
    if any(size < 1 for size in sizes) or (text is not None and not sizes):
        raise click.BadParameter(f"{text!r} are no batch sizes; an example is 64,256,1024")
    return list(dict.fromkeys(sizes))


@click.command("evaluate")
@common_options
@click.option(
    "--models",
    "names",
    callback=_model_names,
    default=DEFAULT_MODELS,
    show_default=True,
    metavar="NAMES",
    help="Comma-separated, NAME or NAME:VARIANT; differences are those of the first one.",
)
@test_from_option
@click.option(
    "--batch-sizes",
    callback=_batch_sizes,
    metavar="SIZES",
    help="Comma-separated: train the first model at each, one more time, for the report.",
)
@click.option(
    "--seeds",
    "n_seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Train each model from so many seeds and tell the spread.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write report.html for people, report.json, and what `compare` needs.",
)
@click.pass_obj
def evaluate(
    shop: Shop,
    names: list[str],
    test_from: datetime | None,
    batch_sizes: list[int],
    n_seeds: int,
    out: Path | None,
) -> None:
    """Train models on earlier days and judge them on later ones."""
    settings = shop.settings()
    from pipelines.batch_sizes import batch_setting
    from pipelines.evaluate import evaluate_models, write_evaluation
    from pipelines.progress import training_progress
    from pipelines.report import prepare_folder
    from pipelines.tables import evaluation_table

    test_us = border_us(test_from, settings)
    if batch_sizes and batch_setting(names[0].partition(":")[0], settings) is None:
        raise click.BadParameter(
            f"{names[0]} is not trained in batches; name one that is first in --models",
            param_hint="--batch-sizes",
        )
    if out is not None:
        prepare_folder(out)
    with training_progress(shop, tells_stages=True) as on_training:
        done = evaluate_models(
            shop.workspace,
            settings,
            names,
            test_us,
            on_training,
            batch_sizes=batch_sizes,
            n_seeds=n_seeds,
            say=shop.say,
        )
    # First, so that a disk that fills up meanwhile cannot take hours of training along.
    shop.put(done.report, evaluation_table(done.report))
    if out is not None:
        shop.say(f"Read {write_evaluation(out, done)}.")
