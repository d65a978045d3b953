"""The training procedure: choose on validation, train again on everything before the test."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.decomposition import spectral_vectors
from recommender.data.examples import Sessions, hold_out
from recommender.data.split import Split
from recommender.data.vocabulary import Vocabulary
from recommender.densities.price_fit import ALONE, Powers, PriceFit
from recommender.densities.price_powers import likeliest_powers
from recommender.evaluation.protocol import judge, ms_per_query
from recommender.evaluation.summary import Examination, JudgedModel
from recommender.evaluation.typical import shown_lists
from recommender.models.contract import Model, OnEpoch
from recommender.models.registry import model_class
from recommender.models.word2vec import Word2Vec
from recommender.settings import Settings, Start, row_length

log = logging.getLogger(__name__)


class LearnedFit(NamedTuple):
    """How prices fit the products of a model.

    Attributes:
        fit: The same for every model that asks.
        took_s: What learning it took, whoever asked first: a cost of each model that uses it.
    """

    fit: PriceFit
    took_s: float


PriceFitOf = Callable[[Vocabulary], LearnedFit | None]
"""Asked how prices fit; None where that is not known."""

OnTraining = Callable[[str], OnEpoch | None]
"""Asked at each stage of a training, by its name, for somebody to tell the epochs to."""


@dataclass(frozen=True)
class Choice:
    """What validation settled for a model, and what that took."""

    name: str
    settled: Mapping[str, Any]
    epochs: list[dict[str, Any]]
    took_s: float
    carried: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    powers: Powers = ALONE

    @property
    def told(self) -> dict[str, Any]:
        """All that was settled, for a report."""
        if not self.powers.price:
            return dict(self.settled)
        return {**self.settled, "own_power": self.powers.own, "price_fit": self.powers.price}


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


def choose(
    name: str,
    split: Split,
    settings: Settings,
    on_training: OnTraining,
    price_fit_of: PriceFitOf = lambda _: None,
) -> Choice:
    """Let validation settle what a model leaves open; most models leave nothing open."""
    kind = model_class(name)
    model = kind(len(split.vocabulary), settings)
    if not model.leaves_choices:
        return Choice(name, {}, [], 0.0)
    kind.load_libraries()
    priced = price_fit_of(split.vocabulary) if model.takes_blend else None
    began = time.perf_counter()
    sessions, held_out = hold_out(split.train, split.held_out, model.min_held_out)
    model.on_epoch = on_training("choosing")
    fitted(model, sessions, held_out)
    powers = ALONE
    if priced is not None:
        fit, wanted = priced.fit, settings.densities.price_fit
        # Of validation only: what is held out besides, the price density has learned from.
        later = split.held_out
        powers = likeliest_powers(model, fit, later) if wanted is None else Powers(1.0, wanted)
        if powers.price:
            model.blend = fit.with_powers(powers)
            model.calibrate(later)
    took_s = time.perf_counter() - began + (0.0 if priced is None else priced.took_s)
    choice = Choice(name, model.settled_, model.epochs_, took_s, model.carried_, powers)
    log.info("%s settled %s in %.1f s", name, choice.told, took_s)
    return choice


def fitted(model: Model, sessions: Sessions, held_out: Sessions) -> Model:
    """Fit a model with the vectors that its start needs; held-out sessions settle the rest."""
    chosen = model.settings.model
    start = chosen.start if model.starts_from_vectors else "random"
    vectors = start_vectors(start, sessions, model.n_items, model.settings)
    return model.fit(sessions, held_out, vectors=vectors, seed=chosen.seed)


def train(
    choice: Choice,
    vocabulary: Vocabulary,
    sessions: Sessions,
    settings: Settings,
    on_training: OnTraining,
    *,
    with_vectors: bool,
    price_fit_of: PriceFitOf = lambda _: None,
) -> Trained:
    """Fit a model with what validation settled.

    Args:
        choice: Of `choose`.
        vocabulary: Of the sessions.
        sessions: All that may be learned from.
        settings: Of the workspace.
        on_training: Asked for somebody to tell the epochs to.
        with_vectors: Whether word2vec vectors are wanted even if the model does not need them.
        price_fit_of: Asked where validation has settled powers for it.
    """
    kind, n_items = model_class(choice.name), len(vocabulary)
    kind.load_libraries()
    priced = price_fit_of(vocabulary) if choice.powers.price else None
    began = time.perf_counter()
    start = choice.settled.get("start", "random")
    vectors = train_vectors(sessions, n_items, settings) if with_vectors else None
    if choice.name == Word2Vec.name and vectors is not None:
        model: Model = vectors
    else:
        told = on_training("training")
        model = kind(
            n_items, settings, settled=choice.settled, carried=choice.carried, on_epoch=told
        )
        if start == "word2vec" and vectors is not None:
            starts = {start: vectors.inputs_}
        else:
            starts = start_vectors(start, sessions, n_items, settings)
        model.fit(sessions, None, vectors=starts, seed=settings.model.seed)
    if priced is not None:
        model.blend = priced.fit.with_powers(choice.powers)
    took_s = time.perf_counter() - began + (0.0 if priced is None else priced.took_s)
    log.info("%s trained on %d sessions in %.1f s", choice.name, sessions.n_sessions, took_s)
    return Trained(model, vectors, vocabulary, sessions, choice, choice.took_s + took_s)


def start_vectors(
    start: Start, sessions: Sessions, n_items: int, settings: Settings
) -> dict[str, NDArray[np.float32]]:
    """Learn the vectors that a network's table may start from; `auto` takes all of them."""
    vectors = {}
    if start in ("auto", "word2vec"):
        vectors["word2vec"] = train_vectors(sessions, n_items, settings).inputs_
    if start in ("auto", "spectral"):
        vectors["spectral"] = spectral_vectors(
            sessions.items,
            sessions.starts,
            n_items,
            dim=row_length(n_items, settings.softmax),
            seed=settings.model.seed,
        )
    return vectors


def train_vectors(sessions: Sessions, n_items: int, settings: Settings) -> Word2Vec:
    """Learn word2vec on sessions."""
    return Word2Vec(n_items, settings).fit(sessions, None, seed=settings.model.seed)


def judged(trained: Trained, examination: Examination, settings: Settings) -> JudgedModel:
    """Rank with a trained model, and ask it for the lists of the typical visits."""
    model, queries = trained.model, examination.queries
    k, ties = settings.evaluation.k, settings.evaluation.ties
    return JudgedModel(
        name=model.name,
        judgement=judge(model, queries, settings.evaluation.exclude, k, ties=ties),
        train_s=trained.took_s,
        choosing_s=trained.choice.took_s,
        n_bytes=model.n_bytes,
        ms_per_query=ms_per_query(model, queries, k),
        epochs=trained.choice.epochs,
        settled=trained.choice.told,
        shown=shown_lists(model, queries, examination.typical, ties),
    )
