"""The table of what may be tuned fits the settings."""

import pytest

from pipelines.tuning.space import (
    TUNED,
    Options,
    changed,
    present_values,
    setting,
    space_of,
)
from recommender.errors import SettingsError
from recommender.models.registry import MODEL_NAMES
from recommender.settings import Settings


def settings(**sections: dict[str, object]) -> Settings:
    return Settings.model_validate(sections)


@pytest.mark.parametrize("model", TUNED)
def test_every_value_of_the_table_is_allowed(model: str) -> None:
    assert model in MODEL_NAMES
    for one in TUNED[model]:
        values = one.values if isinstance(one, Options) else (one.low, one.high)
        for value in values:
            assert setting(changed(Settings(), {one.name: value}), one.name) == value
        assert one.holds(setting(Settings(), one.name)), "the default lies inside"


def test_the_present_value_is_always_allowed() -> None:
    odd = settings(softmax={"dim": 77, "learning_rate": 0.5, "epochs": 3})
    space = space_of("softmax", odd)
    present = present_values(space, odd)
    assert present["softmax.dim"] == 77
    assert all(one.holds(present[one.name]) for one in space)


def test_a_model_without_an_entry_has_nothing_to_tune() -> None:
    assert space_of("sequential_rules", Settings()) == ()


def test_a_value_that_is_not_allowed_is_an_error() -> None:
    with pytest.raises(SettingsError, match="greater than or equal to 1"):
        changed(Settings(), {"softmax.dim": 0})
