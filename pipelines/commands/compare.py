"""`recommender compare`: which of two models is better, question by question."""

from pathlib import Path

import click

from recommender.cli import Shop, common_options


@click.command("compare")
@common_options
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write compare.html for people and compare.json.",
)
@click.pass_obj
def compare(shop: Shop, a: str, b: str, out: Path | None) -> None:
    """Compare two models on the same questions.

    A and B are two versions (a name, a folder or `current`), judged on what came after both
    have learned; or two folders of `evaluate --out` over the same test, of each the first model
    or FOLDER:MODEL.
    """
    settings = shop.settings()
    from pipelines.compare import compare as compare_models
    from pipelines.report import plain_json, prepare_folder, write_files
    from pipelines.tables import comparison_table
    from recommender.evaluation.comparison import render_comparison

    if out is not None:
        prepare_folder(out)
    found = compare_models(shop.workspace, settings, a, b)
    # First, so that a disk that fills up meanwhile cannot take the result along.
    shop.put(found, comparison_table(found))
    if out is not None:
        files = {"compare.json": plain_json(found), "compare.html": render_comparison(found)}
        write_files(out, files)
        shop.say(f"Read {out / 'compare.html'}.")
