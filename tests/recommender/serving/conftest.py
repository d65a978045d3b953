from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.models.popularity import Popularity
from recommender.serving.artifact import write_artifact
from recommender.settings import Settings

WriteVersion = Callable[..., Path]


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def write_version(models_dir: Path) -> WriteVersion:
    """Write an artifact whose item i of n was seen n - i times; `day` tells versions apart."""

    def write(day: int = 0, n_items: int = 30) -> Path:
        settings = Settings.model_validate({"model": {"name": "popularity", "seed": day}})
        steps = np.repeat(np.arange(n_items), np.arange(n_items, 0, -1))
        model = Popularity(n_items, settings).fit(sessions_from_lists([steps]))
        return write_artifact(
            models_dir,
            parts={"popularity": model},
            vocabulary=Vocabulary([f"item {i}" for i in range(n_items)]),
            settings=settings,
            report={
                "models": [
                    {
                        "name": "popularity",
                        "metrics": {
                            "none": {
                                "recall@20": {"value": 0.25, "low": 0.2, "high": 0.3},
                                "mrr@20": {"value": 0.125, "low": 0.1, "high": 0.15},
                            }
                        },
                    }
                ]
            },
            data={"data_until": f"2026-11-{day + 1:02}T00:00:00Z"},
            created_at=datetime(2026, 11, 1, 2, 10, tzinfo=UTC) + timedelta(days=day),
        )

    return write
