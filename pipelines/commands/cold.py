"""`recommender cold`: how well products without clicks are recommended."""

from datetime import datetime

import click

from pipelines.commands.times import border_us, test_from_option
from recommender.cli import Shop, common_options


@click.command("cold")
@common_options
@test_from_option
@click.pass_obj
def cold(shop: Shop, test_from: datetime | None) -> None:
    """Judge how well products without clicks are recommended.

    The newest products are hidden from training; later visits that clicked them say how they are
    ranked, by vectors from title, category, brand and price, against other ways to do it.
    """
    settings = shop.settings()
    shop.workspace.require()
    from pipelines.cold_report import evaluate_cold
    from pipelines.cold_tables import cold_table
    from pipelines.inquiry import Inquiry
    from pipelines.progress import training_progress

    test_us = border_us(test_from, settings)
    with training_progress(shop) as on_training:
        inquiry = Inquiry.open(shop.workspace, settings, test_us, on_training, shop.say)
        report = evaluate_cold(inquiry)
    shop.put(report, cold_table(report))
