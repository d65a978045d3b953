"""`recommender densities`: how well prices, pauses and purchases are foreseen."""

from datetime import datetime

import click

from pipelines.commands.times import border_us, test_from_option
from recommender.cli import Shop, common_options


@click.command("densities")
@common_options
@test_from_option
@click.option("--families", "of_families", is_flag=True,
              help="Compare families and numbers of components instead.")  # fmt: skip
@click.pass_obj
def densities(shop: Shop, test_from: datetime | None, of_families: bool) -> None:
    """Train densities on earlier days and judge them on later ones.

    Of the next product's price, the pause before the next click, and the chance that a visitor
    who has not bought yet will in this visit; against constants, Bayesian ridge, gradient
    boosting and, where it is installed, NGBoost.
    """
    settings = shop.settings()
    from pipelines.densities import evaluate_densities
    from pipelines.density_families import compare_families
    from pipelines.density_tables import densities_table, families_table
    from pipelines.inquiry import Inquiry
    from pipelines.progress import training_progress

    test_us = border_us(test_from, settings)
    with training_progress(shop) as on_training:
        inquiry = Inquiry.open(shop.workspace, settings, test_us, on_training, shop.say)
        if of_families:
            found = compare_families(inquiry)
            shop.put(found, families_table(found))
            return
        report = evaluate_densities(inquiry)
    shop.put(report, densities_table(report))
