"""What makes two calls go on with one study: the same sessions, the same settings around it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.tuning.objective import judged_exclusion
from pipelines.tuning.space import Tuned
from pipelines.tuning.study import SCHEMA_VERSION
from recommender.data.split import Split
from recommender.serving.manifest import package_version
from recommender.settings import Settings

_NO_PART = {"schema_version", "time_zone", "import", "sessions", "noise", "vocabulary",
            "evaluation", "gate", "models", "serve"}  # fmt: skip
"""Sections that no training reads: what they do is in the sessions already."""

_TITLES = {
    "schema_version": "the format of studies",
    "package_version": "the program's version",
    "exclude": "evaluation.exclude",
    "k": "evaluation.k",
    "ties": "evaluation.ties",
    "data": "the sessions",
    "tuned": "what is tuned",
}


def study_head(
    model: str, split: Split, settings: Settings, space: tuple[Tuned, ...]
) -> dict[str, Any]:
    """What must be the same for trials to be comparable.

    Args:
        model: Its name.
        split: Training days | validation days.
        settings: Those of the trials; the tuned ones are left out.
        space: What is tuned.
    """
    fixed = settings.model_dump(mode="json", by_alias=True)
    tuned = {one.name for one in space}
    return {
        "schema_version": SCHEMA_VERSION,
        "package_version": package_version(),
        "model": model,
        "exclude": judged_exclusion(settings),
        "k": settings.evaluation.k,
        "ties": settings.evaluation.ties,
        "data": _data_hash(split),
        "tuned": sorted(one.name for one in space),
        "settings": {
            f"{section}.{key}": value
            for section, keys in fixed.items()
            if section not in _NO_PART
            for key, value in keys.items()
            if f"{section}.{key}" not in {*tuned, "model.name"}
        },
    }


def what_changed(head: Mapping[str, Any], earlier: Mapping[str, Any]) -> str:
    """Why an earlier study does not go on, in words."""
    names = [title for name, title in _TITLES.items() if head[name] != earlier.get(name)]
    after, before = head["settings"], earlier.get("settings", {})
    names += [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return ", ".join(names)


def _data_hash(split: Split) -> str:
    digest = hashlib.sha256()
    for sessions in (split.train, split.held_out):
        for array in sessions:
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(json.dumps(split.vocabulary.item_ids).encode())
    return digest.hexdigest()[:16]
