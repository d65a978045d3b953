"""Writes the made-up shop as a workspace, and goes on with one that is there."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.settings_file import settings_text
from pipelines.simulate.categories import CATEGORIES
from pipelines.simulate.events import DAY_MS, SPILL_DAYS, events_of
from pipelines.simulate.feed import feed_text, listings, picture_name
from pipelines.simulate.lines import event_lines
from pipelines.simulate.pictures import picture
from pipelines.simulate.shop import Assortment, make_assortment
from pipelines.simulate.truth import Truth
from pipelines.simulate.visits import People, make_people, visits_of
from recommender.errors import DataError

OnDay = Callable[[date, int, int], None]
_FIXED = ("seed", "products", "visitors")
_SOURCES = {
    "import.events": [{"path": "source/events-*.ndjson"}],
    "import.items": [{"path": "source/products.tsv"}],
}


@dataclass(frozen=True)
class Plan:
    """What a shop is made from; the same plan gives the same files.

    Attributes:
        seed: Seed of everything.
        products: Places on the shelf.
        visitors: Visitors a day, on average.
        since: First day with events.
        until: Last day with events.
    """

    seed: int
    products: int
    visitors: int
    since: date
    until: date


def simulate(root: Path, plan: Plan, on_day: OnDay | None = None) -> dict[str, Any]:
    """Make a shop in a folder, or add days to one that was made from the same plan.

    Days that are there already are left as they are.

    Args:
        root: The workspace.
        plan: `since` counts for a new shop only.
        on_day: Called after each day with the day, the days done and the days in all.

    Returns:
        Counts of what is there now, and `new_days`, the number of days written.

    Raises:
        DataError: If the folder holds another shop, or cannot be written.
    """
    plan = _continued(root, plan)
    try:
        return _write(root, plan, on_day)
    except OSError as err:
        raise DataError(f"{err.filename or root} cannot be written: {err.strerror}") from err


def _continued(root: Path, plan: Plan) -> Plan:
    """The plan with the first day of the shop that is there.

    Raises:
        DataError: If the folder holds something that this plan did not make.
    """
    try:
        known = json.loads((root / "truth/plan.json").read_text("utf-8"))
        since, until = date.fromisoformat(known["since"]), date.fromisoformat(known["until"])
        differing = [name for name in _FIXED if known[name] != getattr(plan, name)]
    except FileNotFoundError:
        if (root / "recommender.toml").exists():
            raise DataError(
                f"{root} holds a workspace that was not simulated; choose an empty folder"
            ) from None
        return plan
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise DataError(
            f"{root / 'truth/plan.json'} cannot be read ({err!r}); choose an empty folder"
        ) from err
    for name in differing:
        raise DataError(
            f"{root} was simulated with --{name} {known[name]}, not {getattr(plan, name)}; "
            "give the same value to add days, or choose an empty folder"
        )
    return Plan(plan.seed, plan.products, plan.visitors, since, max(until, plan.until))


def _write(root: Path, plan: Plan, on_day: OnDay | None) -> dict[str, Any]:
    for folder in ("source", "pictures", "truth"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    # The plan comes first: whatever stops this run, the same command goes on with it.
    _put(root / "truth/plan.json", _json({"schema_version": 1, **asdict(plan)}))
    shelf = make_assortment(plan.products, plan.seed)
    people = make_people(plan.visitors, plan.seed)
    truth = Truth(shelf, people)
    n_days = (plan.until - plan.since).days + 1
    n_events = new_days = 0
    for day, lines in _days(shelf, people, plan, truth):
        n_events += len(lines)
        new_days += _put_new(root / f"source/events-{day}.ndjson", "".join(lines))
        if on_day:
            on_day(day, (day - plan.since).days + 1, n_days)
    products = listings(shelf, plan.since, plan.until)
    _put(root / "source/products.tsv", feed_text(shelf, products))
    for product in products:
        path = root / "pictures" / picture_name(product.item_id)
        if not path.exists():
            _put(path, picture(shelf, product.slot, product.item_id))
    for name, content in truth.files(products, plan.until).items():
        _put(root / f"truth/{name}.json", _json(content))
    _put_new(root / "recommender.toml", settings_text(_SOURCES))
    return {
        "events": n_events,
        "visits": truth.visits,
        "products": len(products),
        "categories": len(CATEGORIES),
        "since": str(plan.since),
        "until": str(plan.until),
        "new_days": new_days,
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"


def _put(path: Path, text: str) -> None:
    """Write a whole file or none."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, "utf-8")
    draft.replace(path)


def _put_new(path: Path, text: str) -> bool:
    """Write a file unless it is there; whether it was written."""
    if path.exists():
        return False
    _put(path, text)
    return True


def _days(
    shelf: Assortment, people: People, plan: Plan, truth: Truth
) -> Iterator[tuple[date, list[str]]]:
    """The lines of every day, in order of time; visits of the days before reach into it."""
    waiting: dict[int, list[tuple[int, str]]] = {}
    first = plan.since.toordinal()
    for ordinal in range(first - SPILL_DAYS, plan.until.toordinal() + 1):
        day = date.fromordinal(ordinal)
        rng = np.random.default_rng([plan.seed, 4, ordinal])
        visits = visits_of(shelf, people, day, rng)
        events = events_of(shelf, visits, day, rng)
        times = (events.time_ms + ordinal * DAY_MS).tolist()
        for time_ms, line in zip(times, event_lines(shelf, people, day, events, rng), strict=True):
            waiting.setdefault(time_ms // DAY_MS, []).append((time_ms, line))
        lines = waiting.pop(ordinal)
        if ordinal >= first:
            truth.add(day, visits, events)
            # A stable sort: lines of one instant stay in the order of the days they come from.
            yield day, [line for _, line in sorted(lines, key=lambda timed: timed[0])]
