"""`recommender init`: begin a workspace."""

import os
from pathlib import Path

import click

from recommender.cli import Shop, common_options
from recommender.workspace import Workspace


@click.command("init")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def init(shop: Shop, folder: Path | None) -> None:
    """Write a recommender.toml with every setting, its default and what it does.

    What --set says is written into it.
    """
    from pipelines.settings_file import given_values, settings_text
    from recommender.configuration import load_settings
    from recommender.errors import DataError

    workspace = shop.workspace if folder is None else Workspace(folder)
    path = workspace.settings_path
    # What is written is what was said: neither a file that is there nor this machine's environment.
    values = given_values(load_settings(Path(os.devnull), shop.overrides, environ={}))
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(settings_text(values))
    except FileExistsError as err:
        raise DataError(
            f"{path} exists already and is left as it is; edit it, or choose another folder"
        ) from err
    except OSError as err:
        raise DataError(f"{path} cannot be written: {err.strerror}") from err
    shop.say(f"Wrote {path}. Next: name your click log and your product feed under [import],")
    shop.say(f"then run: recommender nightly -w {workspace.root}")
    shop.put({"settings": str(path)}, None)
