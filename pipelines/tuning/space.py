"""What tuning may change: a small table of settings for every model.

To let it change one more setting, add a line to `TUNED`; a model without an entry has nothing to
tune.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from recommender.errors import SettingsError
from recommender.settings import Settings


@dataclass(frozen=True)
class Options:
    """A setting that takes one of a few values; None is "chosen from the data".

    Attributes:
        name: `section.key`.
        values: What may be tried.
    """

    name: str
    values: tuple[Any, ...]

    def holding(self, value: Any) -> "Options":
        """The same with a value among the options."""
        return self if self.holds(value) else replace(self, values=(*self.values, value))

    def holds(self, value: Any) -> bool:
        """Whether the value may be tried."""
        return value in self.values


@dataclass(frozen=True)
class Range:
    """A setting that takes any number between two, tried with two digits.

    Attributes:
        name: `section.key`.
        low: The smallest value.
        high: The largest.
        log: Whether steps are by ratio: .001 to .002 is as far as .01 to .02.
    """

    name: str
    low: float
    high: float
    log: bool = False

    def holding(self, value: Any) -> "Range":
        """The same, as wide as a value needs."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def holds(self, value: Any) -> bool:
        """Whether the value may be tried."""
        return isinstance(value, int | float) and self.low <= value <= self.high


Tuned = Options | Range

_NETWORK: tuple[Tuned, ...] = (
    Options("softmax.dim", (None, 32, 64, 100, 128)),
    Options("softmax.hidden", (None, 64, 128, 256)),
    Options("softmax.window", (5, 10, 20, 30)),
    Options("softmax.epochs", (None, 4, 6, 9, 13)),
    Range("softmax.learning_rate", 0.001, 0.02, log=True),
    Range("softmax.input_dropout", 0.05, 0.5),
    Range("softmax.dropout", 0.1, 0.6),
    Range("softmax.temperature", 0.04, 0.15, log=True),
)

TUNED: Mapping[str, tuple[Tuned, ...]] = {
    "softmax": _NETWORK,
    "mdn": (*_NETWORK, Options("mdn.components", (2, 3, 4))),
    "word2vec": (
        Options("word2vec.dim", (32, 64, 100, 150)),
        Options("word2vec.window", (1, 2, 3, 5)),
        Options("word2vec.epochs", (15, 30, 50, 100)),
        Options("word2vec.negatives", (5, 10, 20)),
        Range("word2vec.ns_exponent", -0.5, 1.0),
    ),
}
"""By model. The present value is always allowed, whatever the table says."""


def space_of(model: str, settings: Settings) -> tuple[Tuned, ...]:
    """The settings of a model that tuning may change; empty for one that has none."""
    table = TUNED.get(model, ())
    return widened(table, [present_values(table, settings)])


def widened(space: tuple[Tuned, ...], tried: Iterable[Mapping[str, Any]]) -> tuple[Tuned, ...]:
    """A space that holds some values too."""
    for values in tried:
        space = tuple(one.holding(values[one.name]) for one in space)
    return space


def setting(settings: Settings, name: str) -> Any:
    """The value of `section.key`."""
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)


def present_values(space: tuple[Tuned, ...], settings: Settings) -> dict[str, Any]:
    """The tuned settings as they are now."""
    return {one.name: setting(settings, one.name) for one in space}


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with some values changed.

    Raises:
        SettingsError: If they do not go together.
    """
    plain = settings.model_dump(by_alias=True)
    for name, value in values.items():
        section, _, key = name.partition(".")
        plain[section][key] = value
    try:
        return Settings.model_validate(plain)
    except ValidationError as err:
        raise SettingsError(err.errors()[0]["msg"].removeprefix("Value error, ")) from err
