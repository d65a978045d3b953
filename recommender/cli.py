"""The empty `recommender` command group.

Commands register through the entry-point group `recommender.commands` and are imported when they
are called, so that `recommender --help` loads none of the heavy libraries.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from recommender.configuration import load_settings
from recommender.errors import MissingExtraError, RecommenderError
from recommender.interrupt import check_interrupt, was_interrupted, watch_interrupts
from recommender.settings import Settings
from recommender.workspace import Workspace

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_INTERRUPTED = "Interrupted; what was there before is unchanged."
_INTERRUPTED_CODE = 130
_EXTRA_OF = {
    **dict.fromkeys(
        [
            "duckdb",
            "gensim",
            "keras",
            "narwhals",
            "optuna",
            "pandas",
            "pyarrow",
            "scipy",
            "sklearn",
        ],
        "train",
    ),
    "tensorflow": "train",
    "elasticsearch": "elasticsearch",
    "pyspark": "spark",
}


@dataclass
class Shop:
    """What the common options say: which workspace, which settings, how to print."""

    workspace: Workspace = field(default_factory=lambda: Workspace(Path()))
    config: Path | None = None
    overrides: list[str] = field(default_factory=list)
    as_json: bool = False
    verbosity: int = 0
    log_format: str = "text"

    def settings(self) -> Settings:
        """Read the settings once the command runs.

        Raises:
            SettingsError: If a setting is unknown or out of range.
        """
        return load_settings(self.config or self.workspace.settings_path, self.overrides)

    def say(self, text: str = "") -> None:
        """Print a line for people, to stderr; silent under `--json` and `--quiet`."""
        check_interrupt()
        if not self.as_json and self.verbosity >= 0:
            click.echo(log_line("info", text) if self.log_format == "json" else text, err=True)

    def put(self, body: Any, text: str | None = None) -> None:
        """Print the result to stdout: `body` as JSON under `--json`, else `text`."""
        check_interrupt()
        if self.as_json:
            click.echo(json.dumps(body, ensure_ascii=False))
        elif text is not None:
            click.echo(text)

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar belongs on stderr."""
        return not self.as_json and self.verbosity >= 0 and sys.stderr.isatty()


def log_line(level: str, message: str) -> str:
    """A line of `--log-format json`: the time in UTC, the level, the message."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, "level": level, "message": message}, ensure_ascii=False)


class _JsonFormatter(logging.Formatter):
    """Library log records in the same form."""

    def format(self, record: logging.LogRecord) -> str:
        return log_line(record.levelname.lower(), super().format(record))


def common_options(function: AnyFunction) -> AnyFunction:
    """Give a command the options that work before and after its name."""

    def remember(store: Callable[[Shop, Any], None]) -> Callable[..., None]:
        def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
            if value not in (None, False, 0, ()):
                store(context.ensure_object(Shop), value)

        return callback

    def set_workspace(shop: Shop, path: Path) -> None:
        shop.workspace = Workspace(path)

    def option(*names: str, store: Callable[[Shop, Any], None], **attributes: Any) -> Any:
        return click.option(*names, callback=remember(store), expose_value=False, **attributes)

    for decorate in (
        option("-w", "--workspace", store=set_workspace, type=click.Path(path_type=Path),
               metavar="DIR", help="Folder of the shop  [default: .]"),
        option("--config", store=lambda shop, path: setattr(shop, "config", path),
               type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
               help="Settings  [default: recommender.toml in the workspace]"),
        option("--set", store=lambda shop, texts: shop.overrides.extend(texts), multiple=True,
               metavar="SECTION.KEY=VALUE", help="Override a setting (repeatable)."),
        option("--json", store=lambda shop, _: setattr(shop, "as_json", True), is_flag=True,
               help="Print JSON on stdout."),
        option("-q", "--quiet", store=lambda shop, _: setattr(shop, "verbosity", -1),
               is_flag=True, help="Print results and errors only."),
        option("-v", "--verbose", store=lambda shop, _: setattr(shop, "verbosity", 1),
               is_flag=True, help="Say more."),
        option("--log-format", store=lambda shop, name: setattr(shop, "log_format", name),
               type=click.Choice(["text", "json"]), help="Format of log lines  [default: text]"),
    ):  # fmt: skip
        function = decorate(function)
    return function


class Failure(click.ClickException):
    """A `RecommenderError` as click prints it: one sentence, the documented exit code."""

    def __init__(self, error: RecommenderError, log_format: str = "text") -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]
        self._log_format = log_format

    def show(self, file: Any = None) -> None:
        """Print to stderr in the chosen log format."""
        as_json = self._log_format == "json"
        line = log_line("error", self.message) if as_json else f"Error: {self.message}"
        click.echo(line, file=file, err=file is None)


class CommandGroup(click.Group):
    """A group whose commands are found among the installed entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._entry_points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        command = super().get_command(ctx, cmd_name)
        entry_point = self._entry_points().get(cmd_name)
        if command is not None or entry_point is None:
            return command
        loaded: click.Command = entry_point.load()
        return loaded

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; translate errors into a sentence and an exit code."""
        shop = ctx.ensure_object(Shop)
        try:
            return super().invoke(ctx)
        except RecommenderError as err:
            raise Failure(err, shop.log_format) from err
        except ModuleNotFoundError as err:
            extra = _EXTRA_OF.get((err.name or "").partition(".")[0])
            if extra is None:
                raise
            advice = f"{err.name} is not installed; run: pip install 'session-recommender[{extra}]'"
            raise Failure(MissingExtraError(advice), shop.log_format) from err
        except KeyboardInterrupt as err:
            click.echo(str(err) or _INTERRUPTED, err=True)
            ctx.exit(_INTERRUPTED_CODE)

    @staticmethod
    def _entry_points() -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group="recommender.commands")}


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="session-recommender")
@common_options
@click.pass_obj
def cli(shop: Shop | None) -> None:
    """Product recommendations from a shop's browse sessions."""
    shop = shop or Shop()
    logging.basicConfig(level=logging.INFO if shop.verbosity > 0 else logging.WARNING)
    for handler in logging.getLogger().handlers:
        plain = logging.Formatter("%(levelname)s %(name)s: %(message)s")
        handler.setFormatter(_JsonFormatter() if shop.log_format == "json" else plain)


def main() -> None:
    """Run the command line."""
    try:
        watch_interrupts()
        cli(prog_name="recommender")
    except Exception as err:
        # What native code makes of a Ctrl-C is not what the user did.
        if not was_interrupted():
            raise
        logging.getLogger(__name__).debug("ended by Ctrl-C: %r", err)
        _end_interrupted()
    except KeyboardInterrupt:
        _end_interrupted()
    except SystemExit as err:
        if err.code != _INTERRUPTED_CODE or not was_interrupted():
            raise
        _leave()


def _end_interrupted() -> NoReturn:
    click.echo(_INTERRUPTED, err=True)
    _leave()


def _leave() -> NoReturn:
    """End at once: every file and lock is closed by now, child processes have ended.

    What an orderly end would still wait for are threads of the libraries, for many seconds on a
    busy machine.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED_CODE)
