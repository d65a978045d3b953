"""`recommender simulate`: a made-up shop to try everything on."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from recommender.cli import Shop, common_options
from recommender.workspace import Workspace


@click.command("simulate")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed gives the same files.",
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day with events  [default: yesterday, UTC]",
)
@click.option(
    "--days",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="Days with events, of a new shop.",
)
@click.option(
    "--products",
    type=click.IntRange(48),
    default=600,
    show_default=True,
    help="Places on the shelf; nearly all hold a product that can be bought.",
)
@click.option(
    "--visitors",
    type=click.IntRange(1),
    default=260,
    show_default=True,
    help="Visitors a day, on average.",
)
@common_options
@click.pass_obj
def simulate(
    shop: Shop,
    folder: Path | None,
    seed: int,
    until: datetime | None,
    days: int,
    products: int,
    visitors: int,
) -> None:
    """Make a shop with a click log, a product feed and pictures.

    Given the folder of a simulated shop and a later --until, it adds the days in between.
    """  # fmt: skip
    from pipelines.simulate.workspace import Plan

    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    last = until.date() if until else yesterday
    if last > yesterday:
        raise click.BadParameter(
            f"{last} is not over yet (UTC); the last possible day is {yesterday}",
            param_hint="--until",
        )
    if last.year < 2000:
        raise click.BadParameter(f"{last} is before 2000", param_hint="--until")
    plan = Plan(seed, products, visitors, last - timedelta(days=days - 1), last)
    workspace = shop.workspace if folder is None else Workspace(folder)
    with workspace.lock("recommender simulate"):
        made = _simulate(shop, workspace, plan)
    _report(shop, workspace, made)


def _simulate(shop: Shop, workspace: Workspace, plan: Any) -> dict[str, Any]:
    from pipelines.simulate.workspace import simulate as write

    if not shop.shows_progress:
        return write(workspace.root, plan)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Days", total=None)

        def on_day(day: date, done: int, n_days: int) -> None:
            progress.update(task, completed=done, total=n_days, description=str(day))

        return write(workspace.root, plan, on_day)


def _report(shop: Shop, workspace: Workspace, made: dict[str, Any]) -> None:
    root = workspace.root
    if made["new_days"]:
        shop.say(
            f"{root} holds {made['events']:,} events of {made['visits']:,} visits, "
            f"{made['since']} to {made['until']} ({made['new_days']} days new), "
            f"and {made['products']} products in {made['categories']} categories."
        )
        shop.say(f"What was planted stands in {root / 'truth'}.")
    else:
        shop.say(f"{root} holds the days up to {made['until']} already; nothing was added.")
    shop.say(f"Next: recommender nightly -w {root}")
    shop.put(made, None)
