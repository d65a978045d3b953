"""One night: import, train, judge on a day that nobody has seen, refit, publish or refuse.

Whatever happens, the live model goes on serving: a version appears whole or not at all, and the
pointer to it moves last.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.contest import Contest
from pipelines.gate import EXCLUSION, rivals_ahead
from pipelines.ingest.events import import_events
from pipelines.ingest.items import import_items
from pipelines.ingest.mapping import parse_map
from pipelines.ingest.sources import expand
from pipelines.night import Contestant, JudgedDays, judge_candidate, judged_days
from pipelines.tables import evaluation_table
from pipelines.train import OnTraining, Trained
from pipelines.version import write_version
from recommender.data.days import day_starts, rfc3339, us_of
from recommender.data.split import before
from recommender.data.steps import SessionLog, load_session_log
from recommender.disk import write_whole
from recommender.errors import ArtifactError, DataError
from recommender.evaluation.wording import behind_words
from recommender.interrupt import was_interrupted
from recommender.serving.artifact import Artifact, load
from recommender.serving.versions import current, publish
from recommender.settings import Settings
from recommender.workspace import Workspace

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
RIVALS = ("sequential_rules", "popularity")
"""Judged beside the candidate; they cost nothing, and popularity is what the gate asks about."""

_CATALOG_WAIT_S = 600
"""A night does not fail because prices come in while it begins."""


@dataclass
class Run:
    """What a night did; becomes `runs/<UTC>/run.json`."""

    started_at: datetime
    say: Callable[[str], None]
    record: dict[str, Any] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, words: str) -> Iterator[None]:
        """Say what begins and note how long it took."""
        self.say(words)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.took_s[name] = round(time.perf_counter() - began, 2)

    def end(self, status: str, reason: str, **more: Any) -> None:
        """Note the outcome."""
        self.record.update(status=status, reason=reason, **more)
        self.say(reason)

    def write(self, runs_dir: Path) -> dict[str, Any]:
        """Write `run.json`, whole or not at all.

        Raises:
            DataError: If it cannot be written.
        """
        body = {
            "schema_version": SCHEMA_VERSION,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **self.record,
            "took_s": self.took_s,
        }
        folder = runs_dir / self.started_at.strftime("%Y%m%dT%H%M%S%fZ")
        try:
            folder.mkdir(parents=True)
            text = json.dumps(body, ensure_ascii=False, indent=2)
            write_whole(folder / "run.json", text.encode())
        except OSError as err:
            raise DataError(f"{folder} cannot be written: {err.strerror}") from err
        return body


def run_night(
    workspace: Workspace,
    settings: Settings,
    *,
    on_training: OnTraining,
    say: Callable[[str], None],
    now: datetime | None = None,
) -> dict[str, Any]:
    """Run one night and return what `run.json` holds.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        on_training: Asked for somebody to tell the epochs to.
        say: Told each stage in words.
        now: The present moment; days that end after it are not closed.

    Raises:
        BusyError: If another run holds the workspace.
        RecommenderError: If a stage fails; `run.json` says so too.
    """
    run = Run(datetime.now(UTC), say)
    with workspace.lock("recommender nightly"):
        try:
            _night(workspace, settings, run, on_training, now or run.started_at)
        except BaseException as err:
            # Not handled, only noted: whatever ended the night, somebody will ask why.
            stopped = isinstance(err, KeyboardInterrupt) or was_interrupted()
            words = "interrupted" if stopped else str(err)
            run.record.update(status="failed", reason=words or type(err).__name__)
            run.write(workspace.runs_dir)
            raise
        return run.write(workspace.runs_dir)


def _night(
    workspace: Workspace, settings: Settings, run: Run, on_training: OnTraining, now: datetime
) -> None:
    with run.stage("import", "Importing…"):
        run.record["imports"] = import_sources(workspace, settings)
    with run.stage("sessions", "Cutting sessions…"):
        sessions = load_session_log(workspace.events_dir, settings)
        closed = before(sessions, start_of_day_us(now, settings.time_zone))
    run.record["sessions"] = {
        "events": sessions.n_events,
        "sessions": closed.sessions.n_sessions,
        "noise": sessions.noise,
    }
    live = _live(workspace.models_dir, run)
    data_until_us = (
        None if live is None else us_of(datetime.fromisoformat(live.manifest.data["data_until"]))
    )
    days = judged_days(closed, settings, data_until_us)
    if days is None or days.n_queries < settings.gate.min_queries:
        run.end("nothing_new", _nothing_new(live, days, settings))
        return
    _judge_and_publish(workspace, settings, run, on_training, closed, days, live)


def _live(models_dir: Path, run: Run) -> Artifact | None:
    """The published model; one that cannot be loaded judges nothing, for it serves nobody."""
    folder = current(models_dir)
    if folder is None:
        return None
    try:
        return load(folder)
    except ArtifactError as err:
        # Louder than a stage: whoever runs the night quietly must hear of it too.
        log.warning("the live model cannot be loaded and counts as none tonight: %s", err)
        run.record["live_problem"] = str(err)
        return None


def _judge_and_publish(
    workspace: Workspace,
    settings: Settings,
    run: Run,
    on_training: OnTraining,
    closed: SessionLog,
    days: JudgedDays,
    live: Artifact | None,
) -> None:
    name = settings.model.name
    with run.stage("train", f"Training {name} on the days before {rfc3339(days.borders.test_us)}…"):
        contest = Contest(workspace, settings, closed, days.borders, on_training)
        trained = {each: contest.train(each) for each in dict.fromkeys([name, *RIVALS])}
        candidate, popularity = trained[name], trained["popularity"]
    with run.stage("judge", f"Judging on {days.n_queries} queries…"):
        report = contest.report([contest.judge(one) for one in trained.values()])
        verdict = judge_candidate(
            closed, settings, contest.judging, _contestant(candidate), _contestant(popularity), live
        )
    gate = {**verdict.as_json(), "behind": rivals_ahead(report)}
    report["gate"] = gate
    told = EXCLUSION if EXCLUSION in settings.evaluation.exclude else None
    run.say(evaluation_table(report, only=told))
    run.record.update(judged_on=report["test"], gate=gate, settled=dict(candidate.choice.settled))
    if not verdict.publish and live is not None:
        run.end("refused", f"{verdict.reason}. {live.version} goes on serving.")
        return
    with run.stage("refit", "Training on all closed days…"):
        winner = candidate if verdict.publish else popularity
        refitted = contest.refit(winner)
    with run.stage("publish", "Checking in a clean process, then publishing…"):
        until = rfc3339(days.borders.until_us or 0)
        data = {"gate": gate, "data_until": until}
        folder = write_version(contest, refitted, report, data=data, say=run.say)
        version = publish(workspace.models_dir, folder, settings.models.keep)
    if verdict.publish:
        reason = ". ".join([f"{version} is live: {verdict.reason}", *behind_words(gate)])
        run.end("published", reason, version=version)
    else:
        reason = f"{verdict.reason}. Nothing else can serve: popularity is published as {version}"
        run.end("refused", reason, version=version)


def import_sources(workspace: Workspace, settings: Settings) -> dict[str, Any]:
    """Import every match of `import.events` and `import.items`; the lock is held."""
    events = [
        import_events(workspace, settings, path, field_map=parse_map(source.map), tz=source.tz)
        for source in settings.import_.events
        for path in expand([str(workspace.root / source.path)])
    ]
    done: dict[str, Any] = {"events": [counts.as_json() for counts in events]}
    feeds = expand([str(workspace.root / source.path) for source in settings.import_.items])
    if feeds:
        with workspace.catalog_lock("recommender nightly", wait_s=_CATALOG_WAIT_S):
            done["items"] = import_items(workspace, settings, feeds).as_json()
    return done


def start_of_day_us(now: datetime, time_zone: str) -> int:
    """Where today begins, µs since 1970: days before it are closed."""
    return int(day_starts(us_of(now), us_of(now), time_zone)[0])


def _contestant(trained: Trained) -> Contestant:
    return Contestant(trained.model, trained.vocabulary)


def _nothing_new(live: Artifact | None, days: JudgedDays | None, settings: Settings) -> str:
    stays = "nothing is published"
    if live is not None:
        stays = f"{live.version} goes on serving"
    if days is None and live is not None:
        return f"Nothing new: no closed day since {live.manifest.data['data_until']}; {stays}."
    if days is None:
        return f"Too little: events of at least three closed days are needed; {stays}."
    since = "closed days hold" if live is None else "closed days since the live model hold"
    return (
        f"Too little to judge on: {since} {days.n_queries} queries, "
        f"gate.min_queries is {settings.gate.min_queries}; {stays}."
    )
