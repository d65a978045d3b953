"""`recommender nightly`: everything a shop does once a night."""

import click

from recommender.cli import Shop, common_options
from recommender.errors import GateRefusedError


@click.command("nightly")
@common_options
@click.pass_obj
def nightly(shop: Shop) -> None:
    """Import, train, judge on the newest day, refit and publish; or refuse and say why."""
    settings = shop.settings()
    shop.workspace.require()
    from pipelines.nightly import run_night
    from pipelines.progress import training_progress

    with training_progress(shop) as on_training:
        record = run_night(shop.workspace, settings, on_training=on_training, say=shop.say)
    shop.put(record)
    if record["status"] == "refused":
        raise GateRefusedError(record["reason"])
