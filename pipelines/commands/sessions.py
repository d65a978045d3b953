"""`recommender sessions`: what the event log holds once it is cut into sessions."""

from pathlib import Path

import click

from recommender.cli import Shop, common_options


@click.command("sessions")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.parquet",
    help="Write one row an event: session_id, visitor_id, item_id, event_name, event_time.",
)
@common_options
@click.pass_obj
def sessions(shop: Shop, out: Path | None) -> None:
    """Cut the event log into sessions and count them."""
    settings = shop.settings()
    from recommender.data.sessionfile import summarize_sessions
    from recommender.data.steps import nothing_found

    events_dir = shop.workspace.events_dir
    counts = summarize_sessions(events_dir, settings, out)
    text = (
        f"{counts.sessions:,} sessions of {settings.sessions.min_length} steps or more "
        f"with {counts.items:,} products, of {counts.events:,} events"
    )
    if any(counts.noise.values()):
        rules = ", ".join(f"{rule} {n:,}" for rule, n in counts.noise.items())
        text += f"\nEvents left out as noise: {rules}"
    shop.put(counts._asdict(), text)
    if not counts.events:
        shop.say(f"Nothing to do: {nothing_found(events_dir, settings, 0)}")
    elif out is not None:
        shop.say(f"Written to {out}")
