"""Ranks of an evaluation in a file, so that another evaluation can be paired with them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from recommender.data.vocabulary import Vocabulary
from recommender.disk import why_unwritten
from recommender.errors import DataError
from recommender.evaluation.protocol import Queries
from recommender.evaluation.slices import Parts
from recommender.evaluation.summary import Examination, JudgedModel
from recommender.settings import Exclusion, Ties

SCHEMA_VERSION = 2
RANKS_NAME = "ranks.npz"


@dataclass(frozen=True)
class SavedRanks:
    """What was asked, told apart by a hash, and the rank of every answer.

    Attributes:
        questions: Hash of all questions with their answers.
        from_us: Where the test began, µs since 1970.
        ties: How equal scores were counted.
        session_of_query: The held-out session of each, shape (n_queries,).
        n_sessions: Number of held-out sessions.
        parts: Parts of the questions.
        ranks: By model and exclusion, as in `Judgement`, shape (n_queries,).
    """

    questions: str
    from_us: int
    ties: Ties
    session_of_query: NDArray[np.int64]
    n_sessions: int
    parts: Parts
    ranks: Mapping[str, Mapping[Exclusion, NDArray[np.int64]]]

    @classmethod
    def of(cls, examination: Examination, models: Sequence[JudgedModel], ties: Ties) -> Self:
        """Keep the ranks of some judged models."""
        queries = examination.queries
        return cls(
            questions_hash(queries, examination.split.vocabulary),
            examination.split.from_us,
            ties,
            queries.session_of_query,
            queries.n_sessions,
            examination.parts,
            {model.name: model.judgement.ranks for model in models},
        )

    def write(self, path: Path) -> None:
        """Write one compressed file of plain arrays.

        Raises:
            DataError: If it cannot be written.
        """
        head: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "questions": self.questions,
            "from_us": self.from_us,
            "ties": self.ties,
            "n_sessions": self.n_sessions,
            "parts": list(self.parts),
            "models": {name: list(ranks) for name, ranks in self.ranks.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
            "session_of_query": self.session_of_query,
            **{f"part-{at}": part for at, part in enumerate(self.parts.values())},
            **{
                f"ranks-{at}": np.array(list(ranks.values()))
                for at, ranks in enumerate(self.ranks.values())
            },
        }
        draft = path.with_name(f".{path.name}")
        try:
            with draft.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
            draft.replace(path)
        except OSError as err:
            raise DataError(f"{path} cannot be written: {why_unwritten(err)}") from err

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            DataError: If it is missing, damaged or of another format.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                head = json.loads(file["head"].tobytes())
                if head["schema_version"] != SCHEMA_VERSION:
                    raise DataError(
                        f"{path} is of another version's format; write it again with: recommender "
                        f"evaluate --out {path.parent}"
                    )
                models = enumerate(head["models"].items())
                return cls(
                    head["questions"],
                    head["from_us"],
                    head["ties"],
                    file["session_of_query"],
                    head["n_sessions"],
                    {name: file[f"part-{at}"] for at, name in enumerate(head["parts"])},
                    {
                        name: dict(zip(exclusions, file[f"ranks-{at}"], strict=True))
                        for at, (name, exclusions) in models
                    },
                )
        except FileNotFoundError as err:
            raise DataError(
                f"{path} is missing; write it with: recommender evaluate --out {path.parent}"
            ) from err
        except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as err:
            raise DataError(
                f"{path} is damaged; write it again with: recommender evaluate --out {path.parent}"
            ) from err


def questions_hash(queries: Queries, vocabulary: Vocabulary) -> str:
    """Tell questions apart: the ids of every visit, of every answer, in order."""
    digest = hashlib.sha256(
        json.dumps(
            [vocabulary.decode(queries.sessions.items), vocabulary.decode(queries.targets)]
        ).encode()
    )
    digest.update(queries.sessions.starts.tobytes())
    digest.update(queries.session_of_query.tobytes())
    return digest.hexdigest()
