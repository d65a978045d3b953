"""The manifest of an artifact: what it is, what it was made of, and a checksum of every file."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from recommender.cold.start import CONFIG_NAME as COLD_CONFIG_NAME
from recommender.cold.start import ColdStart
from recommender.data.vocabulary import Vocabulary
from recommender.densities.densities import CONFIG_NAME, Densities
from recommender.errors import ArtifactError
from recommender.models.contract import Model
from recommender.settings import Settings

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
DENSITIES_NAME = "densities"
"""Their folder; it is not among the parts, for they are no models."""
COLD_NAME = "cold"
"""So is that of products without clicks."""


class FileEntry(BaseModel):
    """Checksum and size of one file."""

    sha256: str
    bytes: int


class ModelEntry(BaseModel):
    """The model that answers."""

    name: str


class Manifest(BaseModel):
    """`manifest.json`; fields that a later program adds are ignored."""

    model_config = ConfigDict(frozen=True)

    schema_version: int
    version: str
    package_version: str
    created_at: datetime
    model: ModelEntry
    parts: list[str]
    """Every model in the folder, the one that answers included."""
    settings: dict[str, Any]
    data: dict[str, Any]
    """What it was judged on and refitted on, and `data_until`."""
    files: dict[str, FileEntry]
    """Every file but the manifest, by its path in the folder."""

    @property
    def has_densities(self) -> bool:
        """Whether densities lie in the folder."""
        return f"{DENSITIES_NAME}/{CONFIG_NAME}" in self.files

    @property
    def has_cold(self) -> bool:
        """Whether products without clicks have vectors."""
        return f"{COLD_NAME}/{COLD_CONFIG_NAME}" in self.files


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an artifact.

    Raises:
        ArtifactError: If there is none, or it is damaged or of a later format.
    """
    path = folder / MANIFEST_NAME
    try:
        body = json.loads(path.read_text("utf-8"))
        found = body["schema_version"]
        if found != SCHEMA_VERSION:
            raise ArtifactError(
                f"{path} has format {found}, this program reads {SCHEMA_VERSION}; "
                "install the version of session-recommender that wrote it, or train again"
            )
        return Manifest.model_validate(body)
    except FileNotFoundError as err:
        raise ArtifactError(
            f"{path} is missing, so {folder} is no model; {advice(folder)}"
        ) from err
    except OSError as err:
        raise ArtifactError(f"{path} cannot be read: {err.strerror}; {advice(folder)}") from err
    except (ValueError, KeyError, TypeError, ValidationError) as err:
        raise ArtifactError(f"{path} is damaged; {advice(folder)}") from err


def advice(folder: Path) -> str:
    """What to do about a damaged version: there is a way back only where there are others."""
    others = [path.parent for path in folder.parent.glob(f"[!.]*/{MANIFEST_NAME}")]
    publish = "publish a new model with `recommender nightly`"
    if all(other.is_symlink() or other.name == folder.name for other in others):
        return publish
    return f"{publish} or go back with `recommender models rollback`"


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Checksum every file below a folder, the manifest left out."""
    return {
        path.relative_to(folder).as_posix(): FileEntry(
            sha256=checksum(path), bytes=path.stat().st_size
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Check that every file is there in full; cheap enough for every load.

    Raises:
        ArtifactError: If one is missing or has another size.
    """
    for name, entry in manifest.files.items():
        try:
            size = (folder / name).stat().st_size
        except OSError as err:
            raise ArtifactError(f"{folder / name} is missing; {advice(folder)}") from err
        if size != entry.bytes:
            raise ArtifactError(
                f"{folder / name} has {size} bytes instead of {entry.bytes}; {advice(folder)}"
            )


def check_checksums(folder: Path, manifest: Manifest) -> None:
    """Check the content of every file.

    Raises:
        ArtifactError: If one differs from what was written.
    """
    for name, entry in manifest.files.items():
        try:
            found = checksum(folder / name)
        except OSError as err:
            words = f"{folder / name} cannot be read: {err.strerror}; {advice(folder)}"
            raise ArtifactError(words) from err
        if found != entry.sha256:
            raise ArtifactError(f"{folder / name} is not what was written; {advice(folder)}")


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(
    parts: Mapping[str, Model],
    vocabulary: Vocabulary,
    settings: Mapping[str, Any],
    main: str,
    densities: Densities | None = None,
    cold: ColdStart | None = None,
) -> str:
    """Eight hexadecimal digits over arrays, vocabulary and settings."""
    digest = hashlib.sha256(
        json.dumps([main, settings, vocabulary.item_ids], sort_keys=True).encode()
    )
    arrays = {part: model.arrays() for part, model in parts.items()}
    for name, beside in ((DENSITIES_NAME, densities), (COLD_NAME, cold)):
        if beside is not None:
            digest.update(json.dumps(beside.config(), sort_keys=True).encode())
            arrays[name] = beside.arrays()
    for part in sorted(arrays):
        for name, array in sorted(arrays[part].items()):
            digest.update(f"{part}/{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()[:8]


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Settings as they stand in TOML and in a manifest."""
    return settings.model_dump(mode="json", by_alias=True)


def package_version() -> str:
    """Version of the installed program."""
    try:
        return version("session-recommender")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+source"
