"""What a version knows of products that nobody has clicked: served in NumPy, kept as arrays."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.content import ContentVectors, Description
from recommender.catalog.product import Product
from recommender.data.arrays import read_arrays, write_arrays
from recommender.data.examples import Sessions
from recommender.errors import ArtifactError
from recommender.models.contract import Model

CONFIG_NAME = "cold.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ColdStart:
    """Scores for products that a model does not know.

    Attributes:
        content: From descriptions to the model's vectors.
        strength: Of the ridge's penalty.
        scale: A cosine counts so many times as much as one between learned vectors.
        level: Added to the log of every chance: how much less new products are clicked.
        examples: Some products; an artifact is checked by their scores.
    """

    content: ContentVectors
    strength: float
    scale: float
    level: float
    examples: Sequence[Description] = ()

    def vectors(self, descriptions: Sequence[Description]) -> NDArray[np.float32]:
        """What `scores` takes, shape (n, dim); zeros for a product of which no term is known."""
        return self.content.of(descriptions) * np.float32(self.scale)

    def scores(
        self, model: Model, sessions: Sessions, vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Logs of chances beside the model's own log-probabilities, shape (n_sessions, n).

        Args:
            model: Of the same artifact.
            sessions: Of items that it knows; right after its `scores` of the same object this
                costs least.
            vectors: Of `vectors`, shape (n, dim).
        """
        return model.log_odds_beyond(sessions, vectors) + np.float32(self.level)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads, by name."""
        return self.content.arrays()

    def config(self) -> dict[str, Any]:
        """The rest of it, as JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "strength": self.strength,
            "scale": self.scale,
            "level": self.level,
            "terms": self.content.terms.terms,
            "examples": [list(example) for example in self.examples],
        }

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that serving loads."""
        return sum(array.nbytes for array in self.arrays().values())

    def save(self, folder: Path) -> None:
        """Write the arrays as `.npy`, one file each, and the rest as JSON."""
        write_arrays(folder, self.arrays())
        text = json.dumps(self.config(), ensure_ascii=False, allow_nan=False)
        (folder / CONFIG_NAME).write_text(text, "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the arrays stay on disk until they are used.

        Raises:
            ArtifactError: If another version of this package wrote it.
            ValueError: If the files do not fit together.
        """
        config = json.loads((folder / CONFIG_NAME).read_text("utf-8"))
        return cls.from_arrays(read_arrays(folder), config)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> Self:
        """What `arrays` and `config` gave; raises as `load` does."""
        if config["schema_version"] != SCHEMA_VERSION:
            raise ArtifactError(
                f"products without clicks of format {config['schema_version']}, this program reads "
                f"{SCHEMA_VERSION}: train again"
            )
        examples = [
            Description(title, tuple(categories), brand, price)
            for title, categories, brand, price in config["examples"]
        ]
        return cls(
            ContentVectors.from_arrays(arrays, config["terms"]),
            float(config["strength"]),
            float(config["scale"]),
            float(config["level"]),
            examples,
        )


def description_of(product: Product) -> Description:
    """What a product's vector is made of; its usual price, for a sale ends."""
    return Description(
        product.title, tuple(product.product_type), product.brand or "", product.price
    )
