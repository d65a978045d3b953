"""The artifact folder: everything a trained shop answers with, written once, never changed."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from recommender.cold.start import ColdStart
from recommender.data.vocabulary import Vocabulary
from recommender.densities.densities import Densities
from recommender.errors import ArtifactError, words_of
from recommender.models.contract import Model
from recommender.models.popularity import Popularity
from recommender.models.registry import model_class
from recommender.models.topk import NOTHING
from recommender.serving.golden import GOLDEN_NAME, typical_sessions, write_golden
from recommender.serving.manifest import (
    COLD_NAME,
    DENSITIES_NAME,
    MANIFEST_NAME,
    SCHEMA_VERSION,
    Manifest,
    ModelEntry,
    advice,
    check_checksums,
    check_sizes,
    content_hash,
    describe_files,
    package_version,
    plain_settings,
    read_manifest,
)
from recommender.serving.staging import models_lock, put_in_place, staging_folder
from recommender.settings import Settings

VOCABULARY_NAME = "vocabulary.json"
REPORT_NAME = "report.json"
REPORT_PAGE_NAME = "report.html"
ALWAYS_HASHED_BYTES = 64_000_000
"""Of versions up to this size every file is read and compared with its checksum at every load:
a tenth of a second at most. Larger ones are when they are listed and before they go live."""


class Recommended(NamedTuple):
    """One product and the model's score for it."""

    id: str
    score: float


@dataclass(frozen=True)
class Recommendations:
    """What a model recommends for one session.

    Attributes:
        items: Best first.
        missing_ids: Ids of the session that the model does not know.
    """

    items: list[Recommended]
    missing_ids: list[str]


@dataclass(frozen=True, eq=False)
class Artifact:
    """A loaded artifact; its arrays stay on disk until they are used.

    Attributes:
        folder: Where it lies, symlinks resolved.
        manifest: What it is and what it was made of.
        vocabulary: The products it knows; row i of every array is its item i.
        parts: Every model in it by name; `popularity` is always one.
        report: What `evaluate` said of it.
        densities: Of prices, pauses and purchases; None where it has none.
        cold: Scores products without clicks; None where it cannot.
    """

    folder: Path
    manifest: Manifest
    vocabulary: Vocabulary
    parts: Mapping[str, Model]
    report: Mapping[str, Any]
    densities: Densities | None = None
    cold: ColdStart | None = None

    @property
    def version(self) -> str:
        """Name of the version, `<UTC>-<hash8>`."""
        return self.manifest.version

    @property
    def model(self) -> Model:
        """The model that answers."""
        return self.parts[self.manifest.model.name]

    @property
    def collapses_repeats(self) -> bool:
        """Whether the model learned from sessions in which an item again at once is one step."""
        return bool(self.manifest.settings.get("sessions", {}).get("collapse_repeats", True))

    @property
    def popularity(self) -> NDArray[np.int64]:
        """How often each item was seen in training, shape (n_items,)."""
        part = self.parts[Popularity.name]
        return np.asarray(part.arrays()["counts"])

    def recommend(
        self,
        items: Sequence[str],
        k: int = 10,
        allowed: Collection[str] | NDArray[np.bool_] | None = None,
    ) -> Recommendations:
        """Recommend the next products of one session; every product competes.

        Args:
            items: Ids of the session, oldest first; unknown ones come back as missing.
            k: Length of the list, at least 1; it is never longer than the vocabulary.
            allowed: Ids that may be recommended, or a mask over the vocabulary, shape (n_items,).

        Raises:
            ValueError: If k is below 1, or `items` is one text instead of a list of ids.
        """
        if isinstance(items, str):
            raise ValueError(f"items is a list of ids, got the text {items!r}")
        sessions = self.vocabulary.encode([items])
        rows, scores = self.model.recommend(sessions, k, self._mask(allowed))
        return Recommendations(
            [
                Recommended(self.vocabulary.item_ids[row], float(score))
                for row, score in zip(rows[0], scores[0], strict=True)
                if row != NOTHING
            ],
            self.missing(items),
        )

    def missing(self, items: Sequence[str]) -> list[str]:
        """The ids that the model does not know, each once, in the order they came."""
        return [item_id for item_id in dict.fromkeys(items) if item_id not in self.vocabulary]

    def _mask(
        self, allowed: Collection[str] | NDArray[np.bool_] | None
    ) -> NDArray[np.bool_] | None:
        if allowed is None or isinstance(allowed, np.ndarray):
            return allowed
        mask = np.zeros(len(self.vocabulary), bool)
        rows = [self.vocabulary.index(item_id) for item_id in allowed]
        mask[[row for row in rows if row is not None]] = True
        return mask


def load(path: Path | str) -> Artifact:
    """Load an artifact; neither TensorFlow nor pandas is needed for it.

    Args:
        path: Its folder, or a link to it such as `models/current`.

    Raises:
        ArtifactError: If there is no model, or it is damaged or of another format.

    Example:
        load("shop/models/current").recommend(["A", "B"], k=10)
    """
    try:
        folder = Path(path).resolve(strict=True)
    except (OSError, RuntimeError) as err:
        raise ArtifactError(f"no model at {path}; publish one with `recommender nightly`") from err
    manifest = read_manifest(folder)
    check_sizes(folder, manifest)
    if sum(entry.bytes for entry in manifest.files.values()) <= ALWAYS_HASHED_BYTES:
        check_checksums(folder, manifest)
    try:
        settings = Settings.model_validate(manifest.settings)
        vocabulary = Vocabulary.load(folder / VOCABULARY_NAME)
        parts = {name: model_class(name).load(folder / name, settings) for name in manifest.parts}
        report = json.loads((folder / REPORT_NAME).read_text("utf-8"))
        densities = Densities.load(folder / DENSITIES_NAME) if manifest.has_densities else None
        cold = ColdStart.load(folder / COLD_NAME) if manifest.has_cold else None
    except ValidationError as err:
        raise ArtifactError(
            f"{folder} has settings of another program version; {advice(folder)}"
        ) from err
    except KeyError as err:
        raise ArtifactError(
            f"{folder} was made by another version of this program: it lacks {words_of(err)}; "
            f"{advice(folder)}"
        ) from err
    except (OSError, ValueError, TypeError, EOFError) as err:
        raise ArtifactError(
            f"{folder} cannot be loaded: {words_of(err)}; {advice(folder)}"
        ) from err
    _check_parts(folder, manifest, vocabulary, parts)
    parts[manifest.model.name].blend = None if densities is None else densities.blend(vocabulary)
    return Artifact(folder, manifest, vocabulary, parts, report, densities, cold)


def warm_up(artifact: Artifact) -> None:
    """Ask once, so that no visitor waits for arrays to be read and tables to be made."""
    ids = artifact.vocabulary.item_ids[:1]
    artifact.recommend(ids)
    if artifact.densities is not None:
        artifact.densities.price_fits(artifact.densities.features(ids), ids)


def _check_parts(
    folder: Path, manifest: Manifest, vocabulary: Vocabulary, parts: Mapping[str, Model]
) -> None:
    for name in (manifest.model.name, Popularity.name):
        if name not in parts:
            raise ArtifactError(f"{folder} has no part {name}; {advice(folder)}")
    for name, part in parts.items():
        if part.n_items != len(vocabulary):
            raise ArtifactError(
                f"{folder / name} knows {part.n_items} items, the vocabulary {len(vocabulary)}; "
                f"{advice(folder)}"
            )


def write_artifact(
    models_dir: Path,
    *,
    parts: Mapping[str, Model],
    vocabulary: Vocabulary,
    settings: Settings,
    report: Mapping[str, Any],
    data: Mapping[str, Any],
    created_at: datetime,
    page: str | None = None,
    main: str | None = None,
    golden_sessions: Sequence[Sequence[str]] | None = None,
    densities: Densities | None = None,
    cold: ColdStart | None = None,
) -> Path:
    """Write an artifact; it is complete or not there at all, and not yet live.

    Args:
        models_dir: The folder of all versions.
        parts: Fitted models by name; `popularity` is one of them.
        vocabulary: The products that all of them know.
        settings: The settings they were made with.
        report: What `evaluate` said, as it prints it.
        data: What they were judged on and refitted on, and `data_until`.
        created_at: When, with a time zone.
        page: The report as a page for people; without it there is no `report.html`.
        main: The model that answers; default `settings.model.name`.
        golden_sessions: Ids of the sessions to answer again before publishing; default some
            twenty made of the vocabulary.
        densities: Of prices, pauses and purchases, if there are any.
        cold: Of products without clicks, in the space of the model that answers.

    Returns:
        The new folder, `models_dir/<UTC>-<hash8>`. The same arrays and settings written twice
        within a minute are one version.

    Raises:
        ValueError: If a part is missing or knows other items, `created_at` has no zone, or the
            report holds NaN or infinity, which JSON has not.
        ArtifactError: If the folder cannot be written.
    """
    main = main or settings.model.name
    _check_arguments(parts, vocabulary, created_at, main)
    plain = plain_settings(settings)
    stamp = created_at.astimezone(UTC).strftime("%Y%m%dT%H%MZ")
    version = f"{stamp}-{content_hash(parts, vocabulary, plain, main, densities, cold)}"
    # Golden queries are answered as the loaded artifact will answer them.
    parts[main].blend = None if densities is None else densities.blend(vocabulary)
    counts = parts[Popularity.name].arrays()["counts"]
    sessions = golden_sessions or typical_sessions(vocabulary, counts)
    with models_lock(models_dir):
        target = models_dir / version
        if target.exists():
            return target
        with staging_folder(models_dir) as staged:
            vocabulary.save(staged / VOCABULARY_NAME)
            for name, part in parts.items():
                part.save(staged / name)
            if densities is not None:
                densities.save(staged / DENSITIES_NAME)
            if cold is not None:
                cold.save(staged / COLD_NAME)
            (staged / REPORT_NAME).write_text(_plain_json(report), "utf-8")
            if page is not None:
                (staged / REPORT_PAGE_NAME).write_text(page, "utf-8")
            write_golden(staged / GOLDEN_NAME, parts[main], vocabulary, sessions, densities, cold)
            manifest = Manifest(
                schema_version=SCHEMA_VERSION,
                version=version,
                package_version=package_version(),
                created_at=created_at.astimezone(UTC),
                model=ModelEntry(name=main),
                parts=sorted(parts),
                settings=plain,
                data=dict(data),
                files=describe_files(staged),
            )
            (staged / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=1), "utf-8")
            put_in_place(staged, target)
    return target


def _plain_json(report: Mapping[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False, allow_nan=False)


def _check_arguments(
    parts: Mapping[str, Model], vocabulary: Vocabulary, created_at: datetime, main: str
) -> None:
    for name in (main, Popularity.name):
        if name not in parts:
            raise ValueError(f"parts needs {name!r}, got {sorted(parts)}")
    for name, part in parts.items():
        if part.n_items != len(vocabulary):
            raise ValueError(
                f"part {name!r} knows {part.n_items} items, the vocabulary {len(vocabulary)}"
            )
    if created_at.tzinfo is None:
        raise ValueError(f"created_at needs a time zone, got {created_at}")
