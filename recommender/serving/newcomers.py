"""Products of the catalog that a model does not know, with vectors from what the feed says."""

from collections.abc import Iterable, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embeddings.content import Description
from recommender.catalog.filters.tree import Node
from recommender.catalog.table import ProductTable
from recommender.cold.start import ColdStart, description_of
from recommender.data.vocabulary import Vocabulary
from recommender.serving.artifact import Artifact
from recommender.serving.categories import Categories, CategoryPath


@dataclass(frozen=True, eq=False)
class Newcomers:
    """What may be shown although nobody clicked it when the model was trained.

    Attributes:
        vocabulary: Their ids; row i of the arrays is product i.
        descriptions: What the vectors were made of.
        vectors: As `ColdStart.scores` takes them, shape (n, dim).
        table: Where they are from.
    """

    vocabulary: Vocabulary
    descriptions: Sequence[Description]
    vectors: NDArray[np.float32]
    table: ProductTable

    def __len__(self) -> int:
        return len(self.descriptions)

    @classmethod
    def of(cls, artifact: Artifact, table: ProductTable) -> "Newcomers":
        """Those of a table that are not sold out and of which some term is known.

        Args:
            artifact: The model; without `cold` nobody is new to it.
            table: The products.
        """
        if artifact.cold is None:
            return cls(Vocabulary([]), [], np.zeros((0, 0), np.float32), table)
        nobody = np.zeros((0, len(artifact.cold.content.middle)), np.float32)
        return cls(Vocabulary([]), [], nobody, table)._with(artifact.cold, artifact, table.ids)

    def after(self, artifact: Artifact, table: ProductTable, changed: Iterable[str]) -> "Newcomers":
        """Those of a later table; who is described as before keeps the vector.

        Args:
            artifact: The same model.
            table: The products.
            changed: Ids of all that came, went or changed meanwhile.
        """
        found = copy(self)
        object.__setattr__(found, "table", table)
        return found if artifact.cold is None else found._with(artifact.cold, artifact, changed)

    def _with(self, cold: ColdStart, artifact: Artifact, changed: Iterable[str]) -> "Newcomers":
        """The same once some products of the table are looked at again."""
        touched = [item_id for item_id in changed if item_id not in artifact.vocabulary]
        told = {
            item_id: description_of(product)
            for item_id in touched
            if self.table.sellable(item_id) and (product := self.table.get(item_id)) is not None
        }
        fresh = {item_id: one for item_id, one in told.items() if one != self._described(item_id)}
        gone = {one for one in touched if one in self.vocabulary and one not in told}
        if not fresh and not gone:
            return self
        made = cold.vectors(list(fresh.values()))
        named = list(fresh)
        gone |= {named[row] for row in np.flatnonzero(~made.any(axis=1)).tolist()}
        rows = self.vocabulary.numbers_of(fresh)
        if gone or (rows < 0).any():
            return self._moved(fresh, made, gone)
        described = list(self.descriptions)
        for row, one in zip(rows.tolist(), fresh.values(), strict=True):
            described[row] = one
        vectors = self.vectors.copy()
        vectors[rows] = made
        found = Newcomers(self.vocabulary, described, vectors, self.table)
        same = all(self.descriptions[row].categories == described[row].categories for row in rows)
        if same and "_categories" in vars(self):
            vars(found)["_categories"] = self._categories
        return found

    def _moved(
        self, fresh: Mapping[str, Description], made: NDArray[np.float32], gone: Set[str]
    ) -> "Newcomers":
        """With some more and without others; all in the order of their ids.

        So equals stand in one order in every process, whatever it has seen.
        """
        before = self.vocabulary.item_ids
        place_of = {item_id: place for place, item_id in enumerate([*before, *fresh])}
        stay = (item_id for item_id in before if item_id not in fresh)
        ids = sorted(item_id for item_id in (*stay, *fresh) if item_id not in gone)
        places = [place_of[item_id] for item_id in ids]
        described = [*self.descriptions, *fresh.values()]
        return Newcomers(
            Vocabulary(ids),
            [described[place] for place in places],
            np.concatenate([self.vectors, made])[places],
            self.table,
        )

    def _described(self, item_id: str) -> Description | None:
        row = self.vocabulary.index(item_id)
        return None if row is None else self.descriptions[row]

    def stand_ins(
        self, item_ids: Sequence[str], known: NDArray[np.float32]
    ) -> list[tuple[str, int]]:
        """Of those in a visit that are among them: the id and the most similar known product.

        Args:
            item_ids: What was seen, oldest first.
            known: The model's vectors of length 1, shape (n_items, dim).
        """
        index = self.vocabulary.index
        seen = [(item_id, row) for item_id in item_ids if (row := index(item_id)) is not None]
        return [(item_id, int(np.argmax(known @ self.vectors[row]))) for item_id, row in seen]

    def passing(self, node: Node | None) -> NDArray[np.bool_]:
        """Which of them a filter lets through, shape (n,); a new array."""
        if node is None or not len(self):
            return np.ones(len(self), np.bool_)
        return self.table.passing(node, self.vocabulary)

    def in_category(self, path: CategoryPath) -> NDArray[np.int64]:
        """Those at or below a category; see `Categories.rows`."""
        return self._categories.rows(path)

    @cached_property
    def _categories(self) -> Categories:
        return Categories(self.table, self.vocabulary.item_ids)
