"""`recommender import`: files of the shop into the event log and the catalog."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from recommender.cli import Shop, common_options
from recommender.settings import Settings

if TYPE_CHECKING:
    from pipelines.ingest.counts import ImportCounts
    from pipelines.ingest.feed import FeedFormat
    from pipelines.ingest.sources import OnBytes

_TOLD_ONE_BY_ONE = 5
"""Of more files only those with refused rows are told one by one, or all with --verbose."""

_DEFAULT_SHARE = 0.05


@click.group("import")
@common_options
def import_() -> None:
    """Bring in what the shop has: clicks and products."""


@import_.command("events")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="OURS=COLUMN,...",
    help="Columns (visitor_id=customer,event_time=ts), constants (event_name==view_item) and "
    "event names (event_name.KAUF=purchase) of the file; repeatable.",
)
@click.option("--tz", metavar="ZONE", help="Time zone of times that name none, e.g. Europe/Madrid.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["ndjson", "csv", "parquet"]),
    help="Format of the files  [default: told by their first bytes]",
)
@click.option("--dry-run", is_flag=True, help="Count and show, write nothing.")
@common_options
@click.pass_obj
def events(
    shop: Shop,
    files: Sequence[str],
    maps: Sequence[str],
    tz: str | None,
    file_format: str | None,
    dry_run: bool,
) -> None:
    """Import click logs: NDJSON, CSV or Parquet, gzipped too; `-` is stdin.

    The same events again add nothing.
    """
    from pipelines.ingest.events import import_events
    from pipelines.ingest.mapping import parse_map
    from pipelines.ingest.sources import expand

    settings = shop.settings()
    field_map = parse_map(maps)
    paths = expand(files)
    done = []
    held = nullcontext() if dry_run else shop.workspace.lock("recommender import events")
    with held, _progress(shop, paths) as on_bytes:
        for path in paths:
            counts = import_events(
                shop.workspace,
                settings,
                path,
                field_map=field_map,
                tz=tz,
                file_format=file_format,
                dry_run=dry_run,
                on_bytes=on_bytes,
            )
            done.append(counts)
            if len(paths) <= _TOLD_ONE_BY_ONE or counts.refused or shop.verbosity > 0:
                shop.say(counts.in_words())
            for name, count in counts.unknown_names.items():
                shop.say(
                    f"  {count:,} events named {name} are kept, but no model trains on them; if "
                    f"they are one of ours, say so: --map event_name.{name}=purchase"
                )
    if len(done) > 1:
        shop.say(_together(done))
    preview = [row for counts in done for row in counts.preview]
    if dry_run:
        shop.say("Dry run: nothing was written.")
    body = {"files": [counts.as_json() for counts in done], "dry_run": dry_run}
    shop.put(body, "\n".join(json.dumps(row, ensure_ascii=False) for row in preview) or None)


def _together(done: "Sequence[ImportCounts]") -> str:
    return (
        f"{len(done)} files: {sum(counts.rows for counts in done):,} rows, "
        f"{sum(counts.imported for counts in done):,} imported, "
        f"{sum(counts.duplicates for counts in done):,} already there, "
        f"{sum(counts.n_refused for counts in done):,} refused"
    )


_SMALL_SHARE = click.FloatRange(0, 0.5, min_open=True, max_open=True)


@import_.command("sessions")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--map", "maps", multiple=True, metavar="items=COLUMN",
              help="Column or key that holds the lists  [default: items, or a Parquet file's only "
              "column of lists]")  # fmt: skip
@click.option("--test-share", type=_SMALL_SHARE, metavar="SHARE",
              help="The last sessions, to test on  [default: 0.05]")  # fmt: skip
@click.option("--validation-share", type=_SMALL_SHARE, metavar="SHARE",
              help="The sessions before them, to choose on  [default: 0.05]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Count and show, write nothing.")
@common_options
@click.pass_obj
def sessions(
    shop: Shop,
    files: Sequence[str],
    maps: Sequence[str],
    test_share: float | None,
    validation_share: float | None,
    dry_run: bool,
) -> None:
    """Import sessions without times: Parquet or JSON lines, one list of items each, oldest first.

    They get made-up times in that order, whole sessions one after another, and are split by
    shares of the sessions, which are written into recommender.toml. The same file again adds
    nothing.
    """
    from pipelines.ingest.sessions import import_sessions, lists_column
    from pipelines.ingest.sources import expand

    settings = shop.settings()
    column = lists_column(maps)
    paths = expand(files)
    held = nullcontext() if dry_run else shop.workspace.lock("recommender import sessions")
    with held, _progress(shop, paths) as on_bytes:
        done = []
        for path in paths:
            counts = import_sessions(
                shop.workspace, settings, path, column=column, dry_run=dry_run, on_bytes=on_bytes
            )
            done.append(counts)
            shop.say(counts.in_words())
        shares = {"test_share": test_share, "validation_share": validation_share}
        split = _shares(shop, settings, shares, write=not dry_run and any(c.rows for c in done))
    if len(done) > 1:
        shop.say(_together(done))
    if dry_run:
        shop.say("Dry run: nothing was written.")
    body = {"files": [counts.as_json() for counts in done], "dry_run": dry_run, "split": split}
    preview = [row for counts in done for row in counts.preview]
    shop.put(body, "\n".join(json.dumps(row, ensure_ascii=False) for row in preview) or None)


def _shares(
    shop: Shop, settings: Settings, given: Mapping[str, float | None], *, write: bool
) -> dict[str, float]:
    """The shares that hold from now on: what was given, else what is set, else the default."""
    from pipelines.settings_file import change_settings

    before = {name: getattr(settings.evaluation, name) for name in given}
    shares = {name: given[name] or before[name] or _DEFAULT_SHARE for name in given}
    if write and shares != before:
        path = shop.config or shop.workspace.settings_path
        change_settings(path, {f"evaluation.{name}": share for name, share in shares.items()})
        shop.say(
            f"The last {100 * shares['test_share']:.4g} % of the sessions are the test, the "
            f"{100 * shares['validation_share']:.4g} % before them the validation; {path} says so "
            "from now on (evaluation.test_share, evaluation.validation_share)"
        )
    return shares


@import_.command("items")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["tsv", "csv", "shopify", "xml", "jsonl", "parquet"]),
    help="Format of the files  [default: told by their first bytes, then by their names]",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Change price, sale_price, currency and availability only, as far as the files have "
    "them; no product goes out of stock for not being there.",
)
@click.option(
    "--allow-withdrawn",
    is_flag=True,
    help="Take a full feed that lacks more products than import.max_withdrawn: they go out of "
    "stock.",
)
@click.option("--dry-run", is_flag=True, help="Count, write nothing.")
@common_options
@click.pass_obj
def items(
    shop: Shop,
    files: Sequence[str],
    file_format: "FeedFormat | None",
    partial: bool,
    allow_withdrawn: bool,
    dry_run: bool,
) -> None:
    """Import a product feed; `-` is stdin.

    Merchant Center TSV, CSV and XML (RSS, Atom), Shopify's product CSV, JSON lines or Parquet,
    gzipped too. The files together are the whole feed: a product that none of them has becomes
    out of stock. It needs the catalog alone: a training in the same workspace goes on meanwhile.
    """
    from pipelines.ingest.items import import_items
    from pipelines.ingest.sources import expand

    if allow_withdrawn:
        shop.overrides.append("import.max_withdrawn=1")
    settings = shop.settings()
    paths = expand(files)
    held = nullcontext() if dry_run else shop.workspace.catalog_lock("recommender import items")
    with held, _progress(shop, paths) as on_bytes:
        feed = import_items(
            shop.workspace,
            settings,
            paths,
            file_format=file_format,
            partial=partial,
            dry_run=dry_run,
            on_bytes=on_bytes,
        )
    for counts in feed.files:
        shop.say(counts.in_words())
    shop.say(feed.in_words())
    if dry_run:
        shop.say("Dry run: nothing was written.")
    shop.put({**feed.as_json(), "dry_run": dry_run})


@contextmanager
def _progress(shop: Shop, paths: Sequence[str]) -> Iterator["OnBytes | None"]:
    """A bar over the bytes of all files, on a terminal."""
    if not shop.shows_progress:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from pipelines.ingest.sources import size_of

    columns = (TextColumn("import"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("import", total=size_of(paths))
        yield lambda n_bytes: progress.advance(task, n_bytes)
