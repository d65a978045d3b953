r"""From the text of a filter to its tree.

    price<=50 AND brand IN ("Acme", "B") AND NOT product_type:"Gift cards"

NOT binds closer than AND, AND closer than OR; the words may be written small. A text stands in
double quotes, with `\"` and `\\` inside for a quote and a backslash. `:` is `=`. Parentheses group
and leave nothing in the tree, so they are no levels of it.
"""

import math
import re
from typing import Any, NamedTuple, cast

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from recommender.catalog.filters.fields import ATTRIBUTES, kind_of, nearest
from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or, Order, Value
from recommender.errors import FilterError

MAX_LENGTH = 4_000
MAX_DEPTH = 16
MAX_VALUES = 500

_TOO_DEEP = (
    f"a filter is at most {MAX_DEPTH} levels deep; AND, OR, NOT and the comparison inside count, "
    "parentheses alone do not"
)

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction ("OR"i conjunction)*
?conjunction: negation ("AND"i negation)*
?negation: "NOT"i negation -> inverse
    | "(" disjunction ")"
    | FIELD ORDER value -> comparison
    | FIELD "IN"i "(" value ("," value)* ")" -> membership
    | FIELD "NOT"i "IN"i "(" value ("," value)* ")" -> exclusion
?value: TEXT | NUMBER
ORDER: "<=" | ">=" | "!=" | "<" | ">" | "=" | ":"
FIELD: /(?!(?:and|or|not|in)\b)[a-z_][a-z0-9_]*(\.[^\s<>=!:()",]+)?/i
TEXT: /"(?:[^"\\]|\\["\\])*"/
NUMBER: /[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.])/i
%ignore /\s+/
"""
_EXPECTED = {
    "TEXT": 'a text in "double quotes"', "NUMBER": "a number", "FIELD": "a field", "LPAR": "(",
    "RPAR": ")", "COMMA": "a comma", "$END": "the end", "ORDER": "a comparison such as = or <=",
    "NOT": "NOT", "IN": "IN", "AND": "AND", "OR": "OR",
}  # fmt: skip


class _Part(NamedTuple):
    """A tree with its height and the number of values in it."""

    node: Node
    depth: int
    n_values: int


def parse_filter(text: str) -> Node:
    """Parse a filter.

    Raises:
        FilterError: If it cannot be understood, is too long or too deep, or names a field that
            products do not have; with the column of the mistake, counted from 1.

    Example:
        >>> parse_filter('NOT price<50')
        Not(part=Compare(field='price', order='<', bound=50.0))
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter has at most {MAX_LENGTH} characters, got {len(text)}", 1)
    try:
        part = cast("_Part", _PARSER.parse(text))
    except UnexpectedInput as err:
        raise _explained(text, err) from err
    except VisitError as err:
        if isinstance(err.orig_exc, FilterError):
            raise err.orig_exc from err
        raise
    return part.node


def _explained(text: str, err: UnexpectedInput) -> FilterError:
    place, wanted = len(text), set[str]()
    if isinstance(err, UnexpectedToken):
        wanted = err.accepts or err.expected
        if err.token.type != "$END":
            place = err.token.start_pos or 0
    elif isinstance(err, UnexpectedCharacters):
        # The stubs of lark know no `pos_in_stream` here.
        place, wanted = cast("int", err.pos_in_stream), err.allowed or set()
    if text[place : place + 1] == '"' and "TEXT" in wanted:
        return FilterError("this text has no closing quote", place + 1)
    words = sorted(_EXPECTED[name] for name in wanted if name in _EXPECTED)
    found = repr(text[place : place + 12].split(" ")[0]) if place < len(text) else "the end"
    hint = f"; expected {' or '.join(words)}" if words else ""
    return FilterError(f"did not expect {found}{hint}", place + 1)


@v_args(inline=True)
class _Tree(Transformer[Token, _Part]):
    """Runs while the text is parsed: however deep a filter is, nothing here calls itself."""

    def disjunction(self, *parts: _Part) -> _Part:
        return _joined(Or(tuple(part.node for part in parts)), parts)

    def conjunction(self, *parts: _Part) -> _Part:
        return _joined(And(tuple(part.node for part in parts)), parts)

    def inverse(self, *parts: _Part) -> _Part:
        return _joined(Not(parts[-1].node), parts[-1:])

    def comparison(self, field: Token, order: Token, value: Token) -> _Part:
        known = _value(field, value)
        if order.value in ("=", ":"):
            return _Part(AnyOf(field.value, (known,)), 1, 1)
        if order.value == "!=":
            return _Part(Not(AnyOf(field.value, (known,))), 1, 1)
        if isinstance(known, str):
            raise FilterError(f"{field.value} is a text: ask with =, != or IN", _column(order))
        return _Part(Compare(field.value, cast("Order", order.value), known), 1, 1)

    def membership(self, field: Token, *values: Token) -> _Part:
        known = tuple(_value(field, value) for value in values)
        return _joined(AnyOf(field.value, known), [_Part(AnyOf(field.value, known), 0, len(known))])

    def exclusion(self, field: Token, *values: Token) -> _Part:
        inside = self.membership(field, *values)
        return inside._replace(node=Not(inside.node))


def _joined(node: Node, parts: Any) -> _Part:
    depth = 1 + max(part.depth for part in parts)
    n_values = sum(part.n_values for part in parts)
    if depth > MAX_DEPTH:
        raise FilterError(_TOO_DEEP, 1)
    if n_values > MAX_VALUES:
        raise FilterError(f"a filter compares with at most {MAX_VALUES} values", 1)
    return _Part(node, depth, n_values)


def _value(field: Token, value: Token) -> Value:
    """What a field is compared with, of the field's own kind."""
    kind = kind_of(field.value)
    if kind is None:
        near = nearest(field.value)
        hint = f"; did you mean {near}?" if near else f"; a column of your own is {ATTRIBUTES}NAME"
        raise FilterError(f"there is no field {field.value!r}{hint}", _column(field))
    if (kind == "number") != (value.type == "NUMBER"):
        wanted = "a number" if kind == "number" else 'a text: ask with "double quotes"'
        raise FilterError(f"{field.value} is {wanted}, got {value.value}", _column(value))
    if value.type == "NUMBER":
        number = float(value.value)
        if not math.isfinite(number):
            raise FilterError(f"{value.value} is too large a number", _column(value))
        # There is one zero: a term of Elasticsearch tells -0.0 from 0.0.
        return number + 0.0
    return re.sub(r"\\(.)", r"\1", value.value[1:-1])


def _column(token: Token) -> int:
    """Counted from 1, over line ends too."""
    return (token.start_pos or 0) + 1


_PARSER = Lark(_GRAMMAR, parser="lalr", transformer=_Tree(), maybe_placeholders=False)
