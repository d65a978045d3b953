"""Models by name, each imported only when it is asked for."""

from importlib import import_module
from typing import cast, get_args

from recommender.models.contract import Model
from recommender.settings import Settings

_PLACES = {
    "popularity": ("recommender.models.popularity", "Popularity"),
    "markov": ("recommender.models.markov", "Markov"),
    "sequential_rules": ("recommender.models.sequential_rules", "SequentialRules"),
    "neighbors": ("recommender.models.neighbors", "Neighbors"),
    "word2vec": ("recommender.models.word2vec", "Word2Vec"),
    "softmax": ("recommender.models.softmax", "Softmax"),
    "mdn": ("recommender.models.mdn", "Mdn"),
    "onehot": ("recommender.models.onehot", "OneHot"),
}

MODEL_NAMES = tuple(_PLACES)
"""Every model's name, from the simplest to the largest."""


def chosen_model(name: str, settings: Settings) -> tuple[str, Settings]:
    """Part `NAME:VARIANT` into the model's name and settings that choose the variant.

    A variant is a value of the setting `variant` in the model's own section.

    Args:
        name: A model's name, with or without a variant.
        settings: Of the workspace.

    Returns:
        The model's name, and the settings to build it with.

    Raises:
        ValueError: If no model has this name or the model no such variant.
    """
    model, _, variant = name.partition(":")
    model_class(model)
    if not variant:
        return model, settings
    section = getattr(settings, model, None)
    field = None if section is None else type(section).model_fields.get("variant")
    variants = () if field is None else get_args(field.annotation)
    if section is None or variant not in variants:
        known = ", ".join(f"{model}:{one}" for one in variants) or "none"
        raise ValueError(f"{name!r}: the variants of {model} are: {known}")
    chosen = section.model_copy(update={"variant": variant})
    return model, settings.model_copy(update={model: chosen})


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
