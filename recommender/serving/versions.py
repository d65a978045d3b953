"""Versions of the model: which is live, which was, how to publish one and how to go back.

`models/current` is a relative symlink that is replaced by a rename, so that a reader sees the old
version or the new one. `models/history.ndjson` gets a line before the pointer moves; a line whose
version the pointer never reached did not happen.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from recommender.disk import sync
from recommender.errors import ArtifactError, words_of
from recommender.serving.artifact import REPORT_NAME
from recommender.serving.check import check_in_clean_process
from recommender.serving.manifest import (
    Manifest,
    advice,
    check_checksums,
    check_sizes,
    read_manifest,
)
from recommender.serving.staging import hidden_name, models_lock, remove_folder

CURRENT_NAME = "current"
HISTORY_NAME = "history.ndjson"
SCHEMA_VERSION = 1
UNPUBLISHED_STAYS_S = 3600
"""A folder that was never live may be another run's work in progress for this long."""

Action = Literal["publish", "promote", "rollback"]
_VERSION_NAME = re.compile(r"\d{8}T\d{4}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class Version:
    """One version in the folder of models.

    Attributes:
        version: Its name, `<UTC>-<hash8>`.
        folder: Where it lies.
        live: Whether it answers now.
        manifest: What it is; None if it is damaged.
        problem: Why it cannot be used, in words; None if every file is as it was written.
        metrics: The report's metrics of its model, e.g. `{"recall@20": 0.67}`.
    """

    version: str
    folder: Path
    live: bool
    manifest: Manifest | None
    problem: str | None
    metrics: Mapping[str, float]


def current(models_dir: Path) -> Path | None:
    """The folder of the live version; None if nothing was published."""
    try:
        return models_dir / (models_dir / CURRENT_NAME).readlink().name
    except OSError:
        return None


def list_versions(models_dir: Path) -> list[Version]:
    """Every version, newest first; damaged ones with their problem."""
    live = current(models_dir)
    return [_describe(folder, folder == live) for folder in reversed(_folders(models_dir))]


def publish(models_dir: Path, version_folder: Path, keep: int) -> str:
    """Check a version in a clean process, make it live, remove the oldest.

    Args:
        models_dir: The folder of all versions.
        version_folder: What `write_artifact` returned.
        keep: Versions that stay; the live one and the one that a rollback needs always do.

    Returns:
        The name of the version that is live now.

    Raises:
        ValueError: If `keep` is below 1 or the folder lies elsewhere.
        ArtifactError: If the version fails its check; the live one stays.
    """
    if keep < 1:
        raise ValueError(f"keep is at least 1, got {keep}")
    if version_folder.parent.resolve() != models_dir.resolve():
        raise ValueError(f"{version_folder} does not lie in {models_dir}")
    with models_lock(models_dir):
        folder = _checked(models_dir, version_folder.name)
        _go_live(models_dir, folder, "publish")
        _prune(models_dir, keep)
    return folder.name


def promote(models_dir: Path, version: str) -> str:
    """Make a version live that is in the folder.

    Raises:
        ArtifactError: If there is no such version or it fails its check.
    """
    with models_lock(models_dir):
        folder = _checked(models_dir, version)
        _go_live(models_dir, folder, "promote")
    return folder.name


def rollback(models_dir: Path) -> str:
    """Make the version live that was live before the present one; again goes further back.

    Raises:
        ArtifactError: If there is none, or it fails its check.
    """
    with models_lock(models_dir):
        earlier = _rollback_target(models_dir)
        if earlier is None:
            raise ArtifactError(
                f"{models_dir} has no earlier version to go back to; "
                "`recommender models list` shows what there is"
            )
        folder = _sound(models_dir, earlier)
        _go_live(models_dir, folder, "rollback")
    return folder.name


def _sound(models_dir: Path, earlier: str) -> Path:
    """As `_checked`, of the version to go back to; the live one may be as damaged as it likes."""
    try:
        return _checked(models_dir, earlier)
    except ArtifactError as err:
        problem = str(err).removesuffix(f"; {advice(models_dir / earlier)}")
        raise ArtifactError(
            f"there is no going back to {earlier}: {problem}; `recommender models list` shows "
            "the others, `recommender models promote VERSION` makes one of them live"
        ) from err


def _checked(models_dir: Path, version: str) -> Path:
    folder = models_dir / version
    if not _VERSION_NAME.fullmatch(version) or not folder.is_dir():
        raise ArtifactError(
            f"{version!r} is no version in {models_dir}; `recommender models list` shows them"
        )
    named = read_manifest(folder).version
    if named != version:
        raise ArtifactError(f"{folder} holds version {named}; give the folder its own name back")
    check_in_clean_process(folder)
    return folder


def _go_live(models_dir: Path, folder: Path, action: Action) -> None:
    was = current(models_dir)
    if was == folder:
        return
    _append_history(models_dir, folder.name, was.name if was else None, action)
    link = hidden_name(models_dir)
    link.symlink_to(folder.name, target_is_directory=True)
    link.replace(models_dir / CURRENT_NAME)
    sync(models_dir)


def _append_history(models_dir: Path, version: str, was: str | None, action: Action) -> None:
    line = {
        "schema_version": SCHEMA_VERSION,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "action": action,
        "version": version,
        "was": was,
    }
    path = models_dir / HISTORY_NAME
    # A line that a crash cut short must not swallow this one.
    written = path.read_bytes() if path.exists() else b""
    torn = bool(written) and not written.endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(line) + "\n")
    sync(path)


def _history(models_dir: Path) -> list[dict[str, Any]]:
    """The changes that happened, oldest first."""
    try:
        texts = (models_dir / HISTORY_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    lines = []
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:
            continue  # cut short by a crash, so its pointer never moved
        if isinstance(line, dict) and {"action", "version", "was"} <= line.keys():
            lines.append(line)
    live = current(models_dir)
    reached = [*(line["was"] for line in lines), live.name if live else None][1:]
    return [
        line for line, next_was in zip(lines, reached, strict=True) if line["version"] == next_was
    ]


def _rollback_target(models_dir: Path) -> str | None:
    """The version before the live one, seen as a stack: publish puts on, rollback takes off."""
    stack: list[str] = []
    for line in _history(models_dir):
        if line["action"] == "rollback" and line["version"] in stack:
            del stack[len(stack) - stack[::-1].index(line["version"]) :]
        else:
            stack.append(line["version"])
    live = current(models_dir)
    there = {folder.name for folder in _folders(models_dir)} - {live.name if live else ""}
    return next((version for version in reversed(stack) if version in there), None)


def _prune(models_dir: Path, keep: int) -> None:
    live = current(models_dir)
    needed = {live.name if live else None, _rollback_target(models_dir)}
    published = {line["version"] for line in _history(models_dir)}
    now = datetime.now(UTC).timestamp()
    for folder in _folders(models_dir)[:-keep]:
        young = now - folder.stat().st_mtime < UNPUBLISHED_STAYS_S
        if folder.name not in needed and (folder.name in published or not young):
            remove_folder(folder)


def _folders(models_dir: Path) -> list[Path]:
    """Folders with a version's name, oldest first."""
    try:
        names = [path.name for path in models_dir.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as err:
        raise ArtifactError(f"{models_dir} cannot be read: {err.strerror}") from err
    found = []
    for name in filter(_VERSION_NAME.fullmatch, names):
        # One that another run has just pruned is no version any more.
        with suppress(FileNotFoundError):
            found.append((name[:14], (models_dir / name).stat().st_mtime_ns, name))
    # Names begin with their minute; inside it the folder's own time decides.
    return [models_dir / name for _, _, name in sorted(found)]


def _describe(folder: Path, live: bool) -> Version:
    try:
        manifest = read_manifest(folder)
        check_sizes(folder, manifest)
        check_checksums(folder, manifest)
        report = json.loads((folder / REPORT_NAME).read_text("utf-8"))
    except ArtifactError as err:
        return Version(folder.name, folder, live, None, str(err), {})
    except (OSError, ValueError) as err:
        problem = f"{folder / REPORT_NAME} cannot be read: {words_of(err)}"
        return Version(folder.name, folder, live, None, problem, {})
    metrics = _metrics(report, manifest.model.name)
    return Version(folder.name, folder, live, manifest, None, metrics)


def _metrics(report: Mapping[str, Any], name: str) -> dict[str, float]:
    """The metrics with nothing excluded of one model in a report."""
    for model in report.get("models", []):
        if model.get("name") == name:
            measured = model.get("metrics", {}).get("none", {})
            return {
                metric: entry["value"]
                for metric, entry in measured.items()
                if isinstance(entry, dict) and "value" in entry
            }
    return {}
