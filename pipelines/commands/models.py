"""`recommender models`: which versions there are, which is live, go forth and back."""

import sys
from typing import TYPE_CHECKING, Any

import click

from recommender.cli import Shop, common_options

if TYPE_CHECKING:
    from recommender.serving.versions import Version

SHOWN_METRICS = ("recall@20", "mrr@20")


@click.group("models")
@common_options
def models() -> None:
    """List the versions of the model, make one live, go back."""


@models.command("list")
@common_options
@click.pass_obj
def list_(shop: Shop) -> None:
    """List every version, newest first, with what its report said."""
    from recommender.serving.versions import list_versions

    versions = list_versions(shop.workspace.models_dir)
    if not versions:
        shop.say(
            f"{shop.workspace.models_dir} has no version yet; `recommender nightly` publishes one"
        )
    body = {"items": [_plain(version) for version in versions]}
    shop.put(body, _table(versions) if versions else None)


@models.command("promote")
@click.argument("version")
@common_options
@click.pass_obj
def promote(shop: Shop, version: str) -> None:
    """Make VERSION live, once it has passed its check."""
    from recommender.serving import versions

    live = versions.promote(shop.workspace.models_dir, version)
    shop.put({"live": live}, f"{live} is live")


@models.command("rollback")
@common_options
@click.pass_obj
def rollback(shop: Shop) -> None:
    """Go back to the version that was live before this one."""
    from recommender.serving import versions

    live = versions.rollback(shop.workspace.models_dir)
    shop.put({"live": live}, f"{live} is live again")


def _plain(version: "Version") -> dict[str, Any]:
    manifest = version.manifest
    return {
        "version": version.version,
        "live": version.live,
        "created_at": manifest and manifest.created_at.isoformat().replace("+00:00", "Z"),
        "model": manifest and manifest.model.name,
        "data_until": manifest and manifest.data.get("data_until"),
        "metrics": dict(version.metrics),
        "problem": version.problem,
    }


def _table(versions: "list[Version]") -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "version", "model", "created", "data until", box=None)
    for name in SHOWN_METRICS:
        table.add_column(name, justify="right")
    for version in versions:
        # Text, not markup: brackets in a name are part of it.
        cells = [Text(cell) for cell in _cells(version)]
        table.add_row(*cells, style="bold" if version.live else "")
    # Away from a terminal a line is a version, however long.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    problems = [f"{version.version}: {version.problem}" for version in versions if version.problem]
    return "\n".join([*lines, *problems])


def _cells(version: "Version") -> list[str]:
    plain = _plain(version)
    return [
        "live" if version.live else "",
        version.version,
        plain["model"] or "damaged",
        (plain["created_at"] or "")[:16].replace("T", " "),
        plain["data_until"] or "-",
        *(
            f"{version.metrics[name]:.3f}" if name in version.metrics else "-"
            for name in SHOWN_METRICS
        ),
    ]
