"""A small examination with real models, and the report that comes of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from recommender.catalog.product import Product
from recommender.data.examples import Sessions, sessions_from_lists
from recommender.data.split import Split
from recommender.data.vocabulary import Vocabulary
from recommender.evaluation.protocol import judge, queries_of
from recommender.evaluation.slices import Lookup
from recommender.evaluation.summary import Examination, JudgedModel, examine, summarize
from recommender.evaluation.typical import shown_lists
from recommender.models.registry import model_class
from recommender.settings import EvaluationSettings, Settings

N_ITEMS = 24
FROM_US = 1_613_952_000_000_000
MakeExamination = Callable[..., Examination]
MakeReport = Callable[..., dict[str, Any]]


def walks(n_sessions: int, length: int, seed: int) -> Sessions:
    """Steps along a ring, now and then a step back: rules find them, popularity does not."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(n_sessions):
        first, back = int(random.integers(N_ITEMS)), random.random(length) < 0.2
        steps = np.cumsum(np.where(back, -1, 1))
        rows.append(((first + steps) % N_ITEMS).tolist())
    return sessions_from_lists(rows)


def ids(n_items: int = N_ITEMS) -> list[str]:
    return [f"P{number:02}" for number in range(n_items)]


@pytest.fixture(scope="session")
def make_examination() -> MakeExamination:
    def make(
        held_out: Sessions | None = None,
        lookup: Lookup = lambda _: None,
        item_ids: Sequence[str] | None = None,
    ) -> Examination:
        train = walks(300, 5, 0)._replace(times_us=np.arange(300) * 1_000_000 + FROM_US // 2)
        split = Split(
            vocabulary=Vocabulary(item_ids or ids()),
            train=train,
            held_out=walks(60, 7, 1) if held_out is None else held_out,
            from_us=FROM_US,
            until_us=None,
            n_dropped_unknown=3,
            n_crossing=2,
        )
        return examine(split, queries_of(split.held_out), lookup)

    return make


@pytest.fixture(scope="session")
def judged_model() -> Callable[[str, Examination], JudgedModel]:
    def judged(name: str, examination: Examination) -> JudgedModel:
        settings = Settings()
        model = model_class(name)(len(examination.split.vocabulary), settings)
        model.fit(examination.split.train, None)
        queries = examination.queries
        return JudgedModel(
            name, judge(model, queries, settings.evaluation.exclude, 5), 0.1, model.n_bytes, 0.05,
            shown=shown_lists(model, queries, examination.typical),
        )  # fmt: skip

    return judged


@pytest.fixture(scope="session")
def make_report(make_examination: Any, judged_model: Any) -> MakeReport:
    def make(
        models: Sequence[str] = ("sequential_rules", "popularity"), **options: Any
    ) -> dict[str, Any]:
        examination = make_examination(**options)
        rows = [judged_model(name, examination) for name in models]
        return summarize(examination, rows, EvaluationSettings(k=5, bootstrap_samples=200))

    return make


def product(item_id: str, **more: Any) -> Product:
    return Product(id=item_id, title=f"Title of {item_id}", **more)
