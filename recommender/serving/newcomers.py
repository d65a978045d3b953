"""Products of the catalog that a model does not know, with vectors from what the feed says."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embeddings.content import Description
from recommender.catalog.filters.tree import Node
from recommender.catalog.table import ProductTable
from recommender.cold.start import description_of
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
        unknown: Ids of all products of the table that the model does not know.
    """

    vocabulary: Vocabulary
    descriptions: Sequence[Description]
    vectors: NDArray[np.float32]
    table: ProductTable
    unknown: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.descriptions)

    @classmethod
    def of(
        cls, artifact: Artifact, table: ProductTable, before: "Newcomers | None" = None
    ) -> "Newcomers":
        """Those of a table that are not sold out and of which some term is known.

        Args:
            artifact: The model; without `cold` nobody is new to it.
            table: The products.
            before: Of an older table and the same artifact: what is described as it was there
                keeps its vector.
        """
        cold = artifact.cold
        if cold is None:
            return cls(Vocabulary([]), [], np.zeros((0, 0), np.float32), table)
        if before is not None and before.table.order is table.order:
            unknown = before.unknown
            if all(table.get(item_id) is before.table.get(item_id) for item_id in unknown):
                return before._in(table)
        else:
            unknown = tuple(one for one in table.ids if one not in artifact.vocabulary)
        told = {
            item_id: description_of(product)
            for item_id in unknown
            if table.sellable(item_id) and (product := table.get(item_id)) is not None
        }
        rows = {} if before is None else before._rows_as_described(told)
        fresh = [item_id for item_id in told if item_id not in rows]
        made = cold.vectors([told[item_id] for item_id in fresh])
        if before is not None:
            made = np.concatenate([before.vectors[list(rows.values())], made])
        place = {item_id: row for row, item_id in enumerate([*rows, *fresh])}
        made = made[[place[item_id] for item_id in told]]
        known = np.flatnonzero(made.any(axis=1))
        every = list(told)
        kept = [every[row] for row in known]
        descriptions = [told[item_id] for item_id in kept]
        return cls(Vocabulary(kept), descriptions, made[known], table, unknown)

    def _in(self, table: ProductTable) -> "Newcomers":
        """The same in a table where only known products have changed; categories stay."""
        found = copy(self)
        object.__setattr__(found, "table", table)
        return found

    def _rows_as_described(self, told: dict[str, Description]) -> dict[str, int]:
        return {
            item_id: row
            for row, item_id in enumerate(self.vocabulary.item_ids)
            if told.get(item_id) == self.descriptions[row]
        }

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
