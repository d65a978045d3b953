"""Golden queries: what a model answered when it was written, to be answered again when loaded."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.cold.start import ColdStart
from recommender.data.vocabulary import Vocabulary
from recommender.densities.densities import Densities
from recommender.errors import ArtifactError
from recommender.models.contract import Model
from recommender.models.topk import NOTHING

SCHEMA_VERSION = 1
GOLDEN_NAME = "golden.json"
TOLERANCE = 1e-4
"""Largest difference of a score, relative to scores above 1."""

_K = 10


def typical_sessions(
    vocabulary: Vocabulary, counts: NDArray[np.int64], n_each: int = 8
) -> list[list[str]]:
    """Sessions that exercise a model: none, single items, pairs, a longer one, an unknown item.

    Args:
        vocabulary: The products the model knows.
        counts: How often each was seen, shape (n_items,).
        n_each: Number of single items and of pairs.
    """
    by_count = np.argsort(-counts, kind="stable")
    # From the best seller to the rarest, so that head and tail are both held.
    spread = by_count[np.linspace(0, len(by_count) - 1, 2 * n_each).astype(int)]
    ids = vocabulary.decode(spread) if len(by_count) else []
    singles = [[item_id] for item_id in ids[::2]]
    pairs = [list(pair) for pair in zip(ids[::2], ids[1::2], strict=True)]
    return [[], *singles, *pairs, ids[:6], ids[::-1], [*ids[:1], "\x00 no such item"]]


def write_golden(
    path: Path,
    model: Model,
    vocabulary: Vocabulary,
    sessions: Sequence[Sequence[str]],
    densities: Densities | None = None,
    cold: ColdStart | None = None,
) -> None:
    """Write what an artifact says of every session: see `check_golden`.

    The ten best items with their scores, what is expected next, and the scores of some products as
    if they were new.
    """
    indices, scores = model.recommend(vocabulary.encode(sessions), _K)
    queries = [
        {
            "items": list(session),
            "ids": vocabulary.decode(row[row != NOTHING]),
            "scores": values[row != NOTHING].tolist(),
            "expected": _expected(densities, session),
            "cold": _cold(cold, model, vocabulary, session),
        }
        for session, row, values in zip(sessions, indices, scores, strict=True)
    ]
    body = {"schema_version": SCHEMA_VERSION, "k": _K, "queries": queries}
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1), "utf-8")


def _expected(densities: Densities | None, session: Sequence[str]) -> dict[str, Any] | None:
    """Of a visit with a click every twenty seconds."""
    if densities is None:
        return None
    times_us = np.arange(len(session), dtype=np.int64) * 20_000_000
    return densities.tell(densities.features(session, times_us=times_us))


def _cold(
    cold: ColdStart | None, model: Model, vocabulary: Vocabulary, session: Sequence[str]
) -> dict[str, Any] | None:
    """Scores of its examples by their place."""
    if cold is None:
        return None
    scores = cold.scores(model, vocabulary.encode([session]), cold.vectors(cold.examples))
    return {str(place): float(score) for place, score in enumerate(scores[0])}


def check_golden(
    path: Path,
    model: Model,
    vocabulary: Vocabulary,
    densities: Densities | None = None,
    cold: ColdStart | None = None,
) -> int:
    """Answer the golden queries again; return how many there are.

    Items may change places where their scores are equal within the tolerance.

    Raises:
        ArtifactError: If an answer differs, or the file cannot be read.
    """
    try:
        queries = json.loads(path.read_text("utf-8"))["queries"]
        for number, query in enumerate(queries):
            expected = _expected(densities, query["items"])
            difference = max(
                _difference(query, model, vocabulary),
                _apart(query.get("expected"), expected),
                _apart(query.get("cold"), _cold(cold, model, vocabulary, query["items"])),
            )
            if not difference <= TOLERANCE:
                raise ArtifactError(
                    f"{path}: golden query {number} {query['items']} is answered differently "
                    f"now (a score differs by {difference:.2g}); train again"
                )
    except OSError as err:
        raise ArtifactError(f"{path} cannot be read: {err.strerror}; train again") from err
    except (ValueError, KeyError, TypeError) as err:
        raise ArtifactError(f"{path} is damaged; train again") from err
    return len(queries)


def _apart(then: dict[str, Any] | None, now: dict[str, Any] | None) -> float:
    """The largest difference between numbers of two trees, relative to numbers above 1."""
    first, second = _numbers(then), _numbers(now)
    if first.keys() != second.keys():
        return float("inf")
    return max(
        (abs(first[key] - second[key]) / max(1.0, abs(first[key])) for key in first), default=0.0
    )


def _numbers(tree: Any, place: str = "") -> dict[str, float]:
    if isinstance(tree, dict):
        found = [_numbers(inner, f"{place}/{key}") for key, inner in tree.items()]
        return {key: number for part in found for key, number in part.items()}
    return {} if tree is None else {place: float(tree)}


def _difference(query: dict[str, Any], model: Model, vocabulary: Vocabulary) -> float:
    """The largest difference between what was and what is, infinite if an item is gone."""
    session = vocabulary.encode([query["items"]])
    row = model.scores(session)[0]
    rows, best = (array[0] for array in model.recommend(session, _K))
    best = best[rows != NOTHING]
    then = np.asarray(query["scores"], np.float32)
    indices = [vocabulary.index(item_id) for item_id in query["ids"]]
    if None in indices or len(best) != len(then) or len(indices) != len(then):
        return float("inf")
    now = row[np.asarray(indices, np.int64)]
    both = np.abs(np.concatenate([now - then, best - then]))
    scale = np.maximum(1, np.abs(np.concatenate([then, then])))
    return float((both / scale).max(initial=0.0))
