"""`recommender init`: begin a workspace."""

from pathlib import Path

import click

from recommender.cli import Shop, common_options
from recommender.workspace import Workspace


@click.command("init")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def init(shop: Shop, folder: Path | None) -> None:
    """Write a recommender.toml with every setting, its default and what it does."""
    from pipelines.settings_file import settings_text
    from recommender.errors import DataError

    workspace = shop.workspace if folder is None else Workspace(folder)
    path = workspace.settings_path
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(settings_text())
    except FileExistsError as err:
        raise DataError(
            f"{path} exists already and is left as it is; edit it, or choose another folder"
        ) from err
    except OSError as err:
        raise DataError(f"{path} cannot be written: {err.strerror}") from err
    shop.say(f"Wrote {path}. Next: name your click log and your product feed under [import],")
    shop.say(f"then run: recommender nightly -w {workspace.root}")
    shop.put({"settings": str(path)}, None)
