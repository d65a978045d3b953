"""Ranks in a file: what comes back, what tells questions apart, what is damaged."""

import json
from pathlib import Path

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.errors import DataError
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.saved_ranks import SavedRanks, questions_hash

LETTERS = Vocabulary(list("abcd"))


def test_what_was_written_comes_back(make_examination, judged_model, tmp_path: Path) -> None:
    examination = make_examination()
    models = [judged_model(name, examination) for name in ("popularity", "sequential_rules")]
    saved = SavedRanks.of(examination, models, "list")
    saved.write(tmp_path / "ranks.npz")
    found = SavedRanks.read(tmp_path / "ranks.npz")
    assert (found.questions, found.from_us, found.n_sessions, found.ties) == (
        saved.questions, saved.from_us, saved.n_sessions, "list"
    )  # fmt: skip
    np.testing.assert_array_equal(found.session_of_query, saved.session_of_query)
    assert list(found.ranks) == ["popularity", "sequential_rules"]
    for name, ranks in saved.ranks.items():
        assert list(found.ranks[name]) == ["none", "current", "session"]
        for exclusion, expected in ranks.items():
            np.testing.assert_array_equal(found.ranks[name][exclusion], expected)
    assert list(found.parts) == list(saved.parts)
    np.testing.assert_array_equal(found.parts["head"], saved.parts["head"])
    assert [path.name for path in tmp_path.iterdir()] == ["ranks.npz"]


def test_hash_tells_questions_apart() -> None:
    def told(*sessions: list[int], vocabulary: Vocabulary = LETTERS) -> str:
        return questions_hash(queries_of(sessions_from_lists(sessions)), vocabulary)

    same = told([0, 1], [2, 3])
    assert told([0, 1], [2, 3]) == same
    assert told([1, 0], [3, 2], vocabulary=Vocabulary(list("badc"))) == same, "ids count, not rows"
    others = {told([2, 3], [0, 1]), told([0, 1, 2, 3]), told([0, 1], [2, 1]), told([0, 1])}
    assert len(others | {same}) == 5


def test_missing_damaged_or_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "ranks.npz"
    with pytest.raises(DataError, match=r"is missing; write it with: recommender evaluate --out"):
        SavedRanks.read(path)
    for content in (b"", b"PK nonsense", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is damaged"):
            SavedRanks.read(path)
    head = np.frombuffer(json.dumps({"schema_version": 1}).encode(), np.uint8)
    np.savez(path, head=head)
    with pytest.raises(DataError, match="another version's format; write it again"):
        SavedRanks.read(path)
    with pytest.raises(DataError, match="cannot be written"):
        SavedRanks("", 0, "list", np.zeros(0, np.int64), 0, {}, {}).write(
            tmp_path / "no" / "ranks.npz"
        )
