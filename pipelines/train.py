"""The training procedure: choose on validation, train again on everything before the test."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from recommender.data.examples import Sessions
from recommender.data.split import Split
from recommender.data.vocabulary import Vocabulary
from recommender.evaluation.protocol import judge, ms_per_query
from recommender.evaluation.summary import Examination, JudgedModel
from recommender.evaluation.typical import shown_lists
from recommender.models.contract import Model, OnEpoch
from recommender.models.registry import model_class
from recommender.models.word2vec import Word2Vec
from recommender.settings import Settings

log = logging.getLogger(__name__)

OnTraining = Callable[[str], OnEpoch | None]
"""Asked at each stage of a training, by its name, for somebody to tell the epochs to."""


@dataclass(frozen=True)
class Choice:
    """What validation settled for a model, and what that took."""

    name: str
    settled: Mapping[str, Any]
    epochs: list[dict[str, Any]]
    took_s: float


@dataclass(frozen=True)
class Trained:
    """A fitted model with all that an artifact needs beside it."""

    model: Model
    vectors: Word2Vec | None
    vocabulary: Vocabulary
    sessions: Sessions
    choice: Choice
    took_s: float

    @property
    def parts(self) -> dict[str, Model]:
        """The models of an artifact by name: this one, popularity and the vectors."""
        popularity = model_class("popularity")(len(self.vocabulary), self.model.settings)
        parts: dict[str, Model] = {"popularity": popularity.fit(self.sessions, None)}
        if self.vectors is not None:
            parts[self.vectors.name] = self.vectors
        return {**parts, self.model.name: self.model}


def choose(name: str, split: Split, settings: Settings, on_training: OnTraining) -> Choice:
    """Let validation settle what a model leaves open; most models leave nothing open."""
    began = time.perf_counter()
    if not model_class(name).settles_on_validation:
        return Choice(name, {}, [], 0.0)
    model = fitted(name, split, settings, on_training(f"{name}: choosing"))
    took_s = time.perf_counter() - began
    log.info("%s settled %s in %.1f s", name, model.settled_, took_s)
    return Choice(name, model.settled_, model.epochs_, took_s)


def fitted(name: str, split: Split, settings: Settings, on_epoch: OnEpoch | None) -> Model:
    """Fit a model on one part of a split; what it leaves open, the other part settles."""
    vectors = None
    kind, n_items = model_class(name), len(split.vocabulary)
    may_start = settings.model.start != "random" and settings.word2vec.dim == settings.softmax.dim
    if kind.takes_vectors and may_start:
        vectors = train_vectors(split.train, n_items, settings).inputs_
    model = kind(n_items, settings, on_epoch=on_epoch)
    return model.fit(split.train, split.held_out, vectors=vectors, seed=settings.model.seed)


def train(
    choice: Choice,
    vocabulary: Vocabulary,
    sessions: Sessions,
    settings: Settings,
    on_training: OnTraining,
    *,
    with_vectors: bool,
) -> Trained:
    """Fit a model with what validation settled.

    Args:
        choice: Of `choose`.
        vocabulary: Of the sessions.
        sessions: All that may be learned from.
        settings: Of the workspace.
        on_training: Asked for somebody to tell the epochs to.
        with_vectors: Whether word2vec vectors are wanted even if the model does not need them.
    """
    began = time.perf_counter()
    kind, n_items = model_class(choice.name), len(vocabulary)
    vectors = None
    if with_vectors or choice.settled.get("start") == "word2vec":
        vectors = train_vectors(sessions, n_items, settings)
    if choice.name == Word2Vec.name and vectors is not None:
        model: Model = vectors
    else:
        told = on_training(f"{choice.name}: training")
        model = kind(n_items, settings, settled=choice.settled, on_epoch=told)
        start = None if vectors is None else vectors.inputs_
        model.fit(sessions, None, vectors=start, seed=settings.model.seed)
    took_s = time.perf_counter() - began
    log.info("%s trained on %d sessions in %.1f s", choice.name, sessions.n_sessions, took_s)
    return Trained(model, vectors, vocabulary, sessions, choice, choice.took_s + took_s)


def train_vectors(sessions: Sessions, n_items: int, settings: Settings) -> Word2Vec:
    """Learn word2vec on sessions."""
    return Word2Vec(n_items, settings).fit(sessions, None, seed=settings.model.seed)


def judged(trained: Trained, examination: Examination, settings: Settings) -> JudgedModel:
    """Rank with a trained model, and ask it for the lists of the typical visits."""
    model, k, queries = trained.model, settings.evaluation.k, examination.queries
    return JudgedModel(
        name=model.name,
        judgement=judge(
            model, queries, settings.evaluation.exclude, k, ties=settings.evaluation.ties
        ),
        train_s=trained.took_s,
        n_bytes=model.n_bytes,
        ms_per_query=ms_per_query(model, queries, k),
        epochs=trained.choice.epochs,
        settled=trained.choice.settled,
        shown=shown_lists(model, queries, examination.typical),
    )
