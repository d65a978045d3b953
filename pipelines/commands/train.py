"""`recommender train`: one new version, without the gate of the nightly job."""

import click

from recommender.cli import Shop, common_options


@click.command("train")
@common_options
@click.option("--publish/--no-publish", "wanted", default=None,
              help="Make the version live  [default: only if none is live]")  # fmt: skip
@click.pass_obj
def train(shop: Shop, wanted: bool | None) -> None:
    """Train a version of the model on everything in the event log."""
    settings, models_dir = shop.settings(), shop.workspace.models_dir
    shop.workspace.require()
    from pipelines.progress import training_progress
    from pipelines.tables import evaluation_table
    from pipelines.version import train_version
    from recommender.serving.artifact import load
    from recommender.serving.versions import current, publish

    with shop.workspace.lock("recommender train"), training_progress(shop) as on_training:
        folder = train_version(shop.workspace, settings, on_training=on_training, say=shop.say)
        live = current(models_dir) is None if wanted is None else wanted
        if live:
            publish(models_dir, folder, settings.models.keep)
    report = load(folder).report
    shop.say(evaluation_table(report))
    if live:
        words = f"{folder.name} is live."
    else:
        words = (
            f"{folder.name} is ready; make it live with: recommender models promote {folder.name}"
        )
    shop.put({"version": folder.name, "live": live, "report": report}, words)
