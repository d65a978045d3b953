"""Models by name, each imported only when it is asked for."""

from importlib import import_module
from typing import cast

from recommender.models.contract import Model

_PLACES = {
    "popularity": ("recommender.models.popularity", "Popularity"),
    "sequential_rules": ("recommender.models.sequential_rules", "SequentialRules"),
    "word2vec": ("recommender.models.word2vec", "Word2Vec"),
    "softmax": ("recommender.models.softmax", "Softmax"),
}

MODEL_NAMES = tuple(_PLACES)
"""Every model's name, from the simplest to the network."""


def model_class(name: str) -> type[Model]:
    """Return the class of a model.

    Raises:
        ValueError: If no model has this name.

    Example:
        >>> model_class("popularity").name
        'popularity'
    """
    if name not in _PLACES:
        raise ValueError(f"{name!r} is no model; the models are {', '.join(_PLACES)}")
    module, attribute = _PLACES[name]
    return cast("type[Model]", getattr(import_module(module), attribute))
