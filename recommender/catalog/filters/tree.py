"""A filter as a tree; what runs it needs to know these five kinds of nodes.

A product that lacks a field meets no comparison with it, and so meets the NOT of each. Of a field
with several values one that fits is enough. Texts are compared letter by letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Order = Literal["<", "<=", ">", ">="]
Value = str | float


@dataclass(frozen=True)
class AnyOf:
    """The field has one of the values; with one value it is `=`."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Compare:
    """The field's number lies on one side of a bound."""

    field: str
    order: Order
    bound: float


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Node"


@dataclass(frozen=True)
class And:
    """All parts hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Or:
    """At least one part holds."""

    parts: tuple["Node", ...]


Node = AnyOf | Compare | Not | And | Or


def merged(parts: Sequence[Node]) -> list[Node]:
    """The parts of an OR with one `AnyOf` a field: many values take hardly longer than one."""
    values: dict[str, tuple[Value, ...]] = {}
    rest: list[Node] = []
    for part in parts:
        if isinstance(part, AnyOf):
            values[part.field] = values.get(part.field, ()) + part.values
        else:
            rest.append(part)
    return [*(AnyOf(field, found) for field, found in values.items()), *rest]
