"""Two versions of the model, or two evaluations, on the same later sessions."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.days import rfc3339, us_of
from recommender.data.split import held_out_over
from recommender.data.steps import load_session_log
from recommender.data.vocabulary import Vocabulary
from recommender.errors import ArtifactError, DataError
from recommender.evaluation.pairing import pair
from recommender.evaluation.protocol import judge, queries_of
from recommender.evaluation.saved_ranks import RANKS_NAME, SavedRanks
from recommender.evaluation.slices import parts_of
from recommender.models.registry import MODEL_NAMES
from recommender.serving.artifact import Artifact, load
from recommender.serving.manifest import MANIFEST_NAME, advice
from recommender.serving.versions import CURRENT_NAME
from recommender.settings import Settings
from recommender.workspace import Workspace

_OTHERWISE = (
    "or train both kinds anew on earlier days with: "
    "recommender evaluate --models softmax,sequential_rules"
)


def compare(workspace: Workspace, settings: Settings, a: str, b: str) -> dict[str, Any]:
    """Compare A with B on the same questions.

    Args:
        workspace: Of the shop.
        settings: What sessions are made by; `evaluation.*` and `gate.min_queries`.
        a: A version's name or folder, `current`, or a folder of `evaluate --out`; of such a folder
            its first model, or the one named behind a colon.
        b: Another one of the same kind.

    Raises:
        ArtifactError: If a version cannot be loaded.
        DataError: If there is no such thing, the two are of different kinds, they were not asked
            the same questions, or too few questions are left that neither has learned from.
    """
    folders = [_version_folder(workspace, name) for name in (a, b)]
    if folders[0] is not None and folders[1] is not None:
        return _compare_versions(workspace, settings, load(folders[0]), load(folders[1]))
    if folders[0] is None and folders[1] is None:
        return _compare_ranks(settings, a, b)
    version, other = (a, b) if folders[0] is not None else (b, a)
    _saved(other)  # what is neither is said first
    raise DataError(
        f"{version} is a version and {other} an evaluation; compare two of a kind, for example "
        "two folders of `recommender evaluate --out`"
    )


def _version_folder(workspace: Workspace, name: str) -> Path | None:
    if name == CURRENT_NAME:
        return workspace.models_dir / name
    for folder in (workspace.models_dir / name, Path(name)):
        if (folder / MANIFEST_NAME).is_file():
            return folder
    return None


def _compare_versions(
    workspace: Workspace, settings: Settings, a: Artifact, b: Artifact
) -> dict[str, Any]:
    """Judge both on the sessions that begin after all that either has learned from."""
    log = load_session_log(workspace.events_dir, settings)
    from_us = max(_data_until_us(a), _data_until_us(b))
    union = Vocabulary(sorted({*a.vocabulary.item_ids, *b.vocabulary.item_ids}))
    held_out = held_out_over(log, settings, union, from_us)
    n_queries = len(held_out.items) - held_out.n_sessions
    if n_queries < settings.gate.min_queries:
        raise DataError(
            f"too little to compare on: both must be new to the questions, and after "
            f"{rfc3339(from_us)}, up to where they have learned, the log holds {n_queries}; "
            f"gate.min_queries is {settings.gate.min_queries}; import newer events, {_OTHERWISE}"
        )
    queries = queries_of(held_out)
    wanted = settings.evaluation
    numbers = [one.vocabulary.numbers_of(union.item_ids) for one in (a, b)]
    ranks_a, ranks_b = (
        judge(one.model, queries, wanted.exclude, wanted.k, numbers=own, ties=wanted.ties).ranks
        for one, own in zip((a, b), numbers, strict=True)
    )
    # What either of them has often seen is no new product.
    counts = np.maximum(_counts(a, numbers[0]), _counts(b, numbers[1]))
    parts = parts_of(queries, counts)
    found = pair(queries, ranks_a, ranks_b, parts, wanted.k, wanted.bootstrap_samples)
    test = {"from": rfc3339(from_us), "sessions": queries.n_sessions, "queries": len(queries)}
    return {"a": _of_version(a), "b": _of_version(b), "test": test} | found


def _of_version(version: Artifact) -> dict[str, Any]:
    return {
        "name": version.version,
        "model": version.model.name,
        "data_until": version.manifest.data["data_until"],
    }


def _data_until_us(version: Artifact) -> int:
    try:
        return us_of(datetime.fromisoformat(version.manifest.data["data_until"]))
    except (KeyError, TypeError, ValueError) as err:
        raise ArtifactError(
            f"{version.folder} does not say up to where it has learned (data_until); "
            f"{advice(version.folder)}"
        ) from err


def _counts(version: Artifact, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """Training steps of every item of the union; 0 for one that the version does not know."""
    return np.where(numbers >= 0, version.popularity[numbers], 0).astype(np.int64)


def _compare_ranks(settings: Settings, a: str, b: str) -> dict[str, Any]:
    (first, side_a), (second, side_b) = _saved(a), _saved(b)
    if first.questions != second.questions:
        raise DataError(
            f"{a} and {b} were not asked the same questions; run `recommender evaluate --out` for "
            "both with the same events, --test-from and settings of sessions and vocabulary"
        )
    if first.ties != second.ties:
        raise DataError(
            f"{a} counted equal scores as `{first.ties}`, {b} as `{second.ties}`; run `recommender "
            "evaluate --out` for both with the same evaluation.ties"
        )
    wanted = settings.evaluation
    ranks_a, ranks_b = first.ranks[side_a["model"]], second.ranks[side_b["model"]]
    if not set(ranks_a) & set(ranks_b):
        raise DataError(
            f"{a} and {b} have no exclusion in common; evaluate both with the same "
            "evaluation.exclude"
        )
    found = pair(first, ranks_a, ranks_b, first.parts, wanted.k, wanted.bootstrap_samples)
    test = {
        "from": rfc3339(first.from_us),
        "sessions": first.n_sessions,
        "queries": len(first.session_of_query),
    }
    return {"a": side_a, "b": side_b, "test": test} | found


def _saved(name: str) -> tuple[SavedRanks, dict[str, str]]:
    """The ranks in a folder of `evaluate --out`, and which of its models is meant."""
    for end in [len(name), *(at for at, letter in enumerate(name) if letter == ":")]:
        folder, model = Path(name[:end]), name[end + 1 :]
        if name[:end] and (folder / RANKS_NAME).is_file():
            saved = SavedRanks.read(folder / RANKS_NAME)
            if model and model not in saved.ranks:
                known = ", ".join(saved.ranks)
                raise DataError(f"{folder} holds no model {model}; it holds {known}")
            return saved, {"name": str(folder), "model": model or next(iter(saved.ranks))}
    hint = ""
    if name.partition(":")[0] in MODEL_NAMES:
        hint = (
            f"; {name} is the name of a model, and what is compared was trained before: "
            "`recommender evaluate --models M,N --out FOLDER` trains two models, "
            "`recommender compare FOLDER:M FOLDER:N` compares them"
        )
    raise DataError(
        f"{name} is neither a version (`recommender models list` shows them) nor a folder that "
        f"`recommender evaluate --out` wrote{hint}"
    )
