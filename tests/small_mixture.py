"""A mixture made by hand: two kinds of products at right angles, and a certainty."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from embeddings.content import ContentVectors, Description, TermWeights
from recommender.cold.start import ColdStart
from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.mdn import Mdn
from recommender.models.popularity import Popularity
from recommender.serving.artifact import write_artifact
from recommender.settings import Settings
from recommender.workspace import Workspace
from tests.small_shop import N_PRODUCTS, id_of

SETTINGS = Settings.model_validate(
    {"model": {"name": "mdn"}, "mdn": {"variant": "plain", "components": 2}}
)


def small_mixture(n_items: int, window: int = 5) -> Mdn:
    """Even items lie along one axis, odd ones along the other; the layers add nothing.

    It is about as sure of its list as the certainty's constant says: 73 %.
    """
    rows = np.zeros((n_items, 2), np.float32)
    rows[np.arange(n_items), np.arange(n_items) % 2] = 1
    rows[:, 0] += np.arange(n_items) / (10 * n_items)
    zeros = {
        "widen_kernel": (4, 3), "widen_bias": (3,), "narrow_kernel": (3, 2), "narrow_bias": (2,),
        "gate": (1,), "return_by_age": (window,), "return_by_hidden": (3, window),
        "return_by_count": (5,), "demand_weights": (5,), "age_logits": (window,),
        "weight_by_age": (window,), "weight_by_hidden": (3,),
    }  # fmt: skip
    return Mdn.from_arrays(
        {
            **{name: np.zeros(shape, np.float32) for name, shape in zeros.items()},
            "table": rows,
            "temperature": np.float32(0.1),
            "demand": np.zeros((n_items, 5), np.float16),
            "attention": np.float32([8]),
            "certainty_weights": np.float32([0, 0, 0, 1]),
        },
        SETTINGS,
    )


def small_cold_start(level: float = -0.5) -> ColdStart:
    """Products with "even" in their title lie on the even ones' axis, with "odd" on the other."""
    terms = TermWeights(["t:even", "t:odd"], np.ones(2, np.float32))
    content = ContentVectors(terms, np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    examples = [Description("even"), Description("odd", ("Chairs",), "Acme", 9.5)]
    return ColdStart(content, strength=1.0, scale=1.0, level=level, examples=examples)


def write_mixture(workspace: Workspace, cold: ColdStart | None = None) -> Path:
    """A version of it over the products of the small shop."""
    counts = sessions_from_lists([list(range(N_PRODUCTS))])
    return write_artifact(
        workspace.models_dir,
        parts={
            "popularity": Popularity(N_PRODUCTS, SETTINGS).fit(counts),
            "mdn": small_mixture(N_PRODUCTS),
        },
        vocabulary=Vocabulary([id_of(number) for number in range(N_PRODUCTS)]),
        settings=SETTINGS,
        report={"models": []},
        data={"data_until": "2026-11-09T00:00:00Z"},
        created_at=datetime(2026, 11, 9, 2, 10, tzinfo=UTC),
        cold=cold,
    )
