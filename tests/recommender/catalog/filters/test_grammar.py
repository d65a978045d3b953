"""The words of a filter, and what is said where they are wrong."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.catalog.filters.grammar import MAX_DEPTH, MAX_LENGTH, MAX_VALUES, parse_filter
from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or
from recommender.errors import FilterError
from tests.small_filters import text_of, trees


def test_the_filter_of_the_conventions() -> None:
    text = (
        'price<=50 AND brand IN ("Acme","B") AND NOT product_type:"Gift cards" '
        'AND availability="in_stock"'
    )
    assert parse_filter(text) == And((
        Compare("price", "<=", 50.0),
        AnyOf("brand", ("Acme", "B")),
        Not(AnyOf("product_type", ("Gift cards",))),
        AnyOf("availability", ("in_stock",)),
    ))  # fmt: skip


def test_not_binds_before_and_and_before_or() -> None:
    a, b, c = (AnyOf("brand", (name,)) for name in "abc")
    assert parse_filter('brand="a" or not brand="b" and brand="c"') == Or((a, And((Not(b), c))))
    assert parse_filter('(brand="a" Or brand="b") aNd brand="c"') == And((Or((a, b)), c))


@settings(max_examples=200, deadline=None)
@given(trees)
def test_what_is_written_is_read(tree: Node) -> None:
    assert parse_filter(text_of(tree)) == tree


@pytest.mark.parametrize("text", ["price=-0", "price<=-0.0", "price IN (-0e3)"])
def test_there_is_one_zero(text: str) -> None:
    """Elasticsearch knows two, and a term of the one is none of the other."""
    assert repr(parse_filter(text)) == repr(parse_filter(re.sub(r"-0[.0e3]*", "0", text)))


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "did not expect the end; expected ( or NOT or a field"),
        ("price", 6, "did not expect the end"),
        ("price < ", 9, "expected a number"),
        ("prise=3", 1, "there is no field 'prise'; did you mean price?"),
        ('Brand="x"', 1, "did you mean brand?"),
        ('zzz="x"', 1, "a column of your own is attributes.NAME"),
        ('price<5 AND price="x"', 19, 'price is a number, got "x"'),
        ("brand=3", 7, "brand is a text: ask with \"double quotes\", got 3"),
        ('brand<"x"', 6, "brand is a text: ask with =, != or IN"),
        ("price=1e999", 7, "1e999 is too large a number"),
        ('brand="x', 7, "this text has no closing quote"),
        ("price=1 price=2", 9, "did not expect 'price=2'; expected AND or OR or the end"),
        ('brand="a"\nAND colour="b"', 15, "did you mean color?"),
        ("price=1)", 8, "did not expect ')'"),
        ("(price=1", 9, "did not expect the end; expected )"),
        ("brand IN ()", 11, 'expected a number or a text in "double quotes"'),
        ("price=1; DROP TABLE product", 8, "did not expect ';'"),
        ("\x00", 1, "did not expect"),
    ],
)  # fmt: skip
def test_mistakes_are_shown_where_they_are(text: str, column: int, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert caught.value.column == column
    assert words in caught.value.problem
    assert str(caught.value).startswith(f"filter, column {column}: ")


def test_there_are_limits() -> None:
    with pytest.raises(FilterError, match=f"at most {MAX_LENGTH} characters"):
        parse_filter("price=1 OR " * MAX_LENGTH + "price=1")
    with pytest.raises(FilterError, match=f"at most {MAX_DEPTH} levels deep"):
        parse_filter("NOT " * (MAX_LENGTH // 4 - 2) + "price=1")
    with pytest.raises(FilterError, match=f"at most {MAX_VALUES} values"):
        parse_filter(f"price IN ({', '.join(['1'] * (MAX_VALUES + 1))})")
    assert parse_filter("(" * 1900 + "price=1" + ")" * 1900) == AnyOf("price", (1.0,))


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.text('()"\\ <>=!:,.andorti 0123price', max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    caught = None
    try:
        parse_filter(text)
    except FilterError as err:
        caught = err
    if caught is not None:
        assert 1 <= caught.column <= len(text) + 1
        assert not re.search(r"lark|Token|Traceback", str(caught))
