import pytest

from recommender.models.popularity import Popularity
from recommender.models.registry import model_class


def test_a_model_by_name():
    assert model_class("popularity") is Popularity


def test_an_unknown_name_is_a_value_error():
    with pytest.raises(ValueError, match="'nope' is no model; the models are popularity,"):
        model_class("nope")
