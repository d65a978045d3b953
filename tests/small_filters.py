"""Random products and random filters over them, and what a filter means product by product."""

from hypothesis import strategies as st

from recommender.catalog.filters.fields import ATTRIBUTES, kind_of
from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or
from recommender.catalog.product import Product

TEXTS = ["", "Acme", "acme", "B", 'say "hi"', "back\\slash", "ä ö", "a" * 300, "*", "x OR y"]
NO_PRODUCT_S = tuple(f"x{number}" for number in range(9))
"""With them there are many values."""
NUMBERS = [0.0, -0.0, 0.1, 1.0, 9.99, 10.0, 49.95, 1e6, 0.1 + 0.2]
FIELDS = ["brand", "color", "availability", "product_type", "price", "sale_price",
          "custom_label_0", ATTRIBUTES + "fabric"]  # fmt: skip

_text = st.sampled_from(TEXTS)
_maybe = st.none() | _text


def products(n: int) -> st.SearchStrategy[list[Product]]:
    """`n` products with missing fields, several categories, and the same few texts."""
    one = st.fixed_dictionaries({
        "brand": _maybe, "color": _maybe, "custom_label_0": _maybe,
        "availability": st.sampled_from(["in_stock", "out_of_stock", "preorder"]),
        "product_type": st.lists(_text, max_size=3),
        "price": st.none() | st.sampled_from(NUMBERS),
        "sale_price": st.none() | st.sampled_from(NUMBERS),
        "attributes": st.dictionaries(st.sampled_from(["fabric", "other"]), _text),
    })  # fmt: skip
    return st.lists(one, min_size=n, max_size=n).map(
        lambda rows: [Product(id=f"p{i:04}", title="t", **row) for i, row in enumerate(rows)]
    )


def _leaf() -> st.SearchStrategy[Node]:
    texts = [field for field in FIELDS if kind_of(field) != "number"]
    numbers = [field for field in FIELDS if kind_of(field) == "number"]
    few = st.lists(_text | st.just("in_stock"), min_size=1, max_size=4).map(tuple)
    values = few | few.map(lambda some: (*some, *NO_PRODUCT_S))
    amounts = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4).map(tuple)
    return st.one_of(
        st.builds(AnyOf, st.sampled_from(texts), values),
        st.builds(AnyOf, st.sampled_from(numbers), amounts),
        st.builds(Compare, st.sampled_from(numbers), st.sampled_from(["<", "<=", ">", ">="]),
                  st.sampled_from(NUMBERS)),
    )  # fmt: skip


def filters(fields: list[str], texts: list[str]) -> st.SearchStrategy[Node]:
    """Filters of some fields of texts."""
    leaf = st.builds(
        AnyOf, st.sampled_from(fields), st.lists(st.sampled_from(texts), min_size=1).map(tuple)
    )
    return st.recursive(leaf, _branch, max_leaves=5)


def _branch(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, parts), st.builds(And, some), st.builds(Or, some))


trees: st.SearchStrategy[Node] = st.recursive(_leaf(), _branch, max_leaves=8)


def text_of(node: Node) -> str:
    """A filter as somebody would write it."""
    match node:
        case And(parts):
            return " AND ".join(f"({text_of(part)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({text_of(part)})" for part in parts)
        case Not(part):
            return f"NOT ({text_of(part)})"
        case Compare(field, order, bound):
            return f"{field}{order}{bound!r}"
        case AnyOf(field, values):
            return f"{field} IN ({', '.join(map(_quoted, values))})"


def _quoted(value: str | float) -> str:
    if isinstance(value, float):
        return repr(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def holds(node: Node, product: Product) -> bool:
    """What a filter says of one product, word by word."""
    match node:
        case And(parts):
            return all(holds(part, product) for part in parts)
        case Or(parts):
            return any(holds(part, product) for part in parts)
        case Not(part):
            return not holds(part, product)
        case Compare(field, order, bound):
            number = getattr(product, field)
            return number is not None and {
                "<": number < bound, "<=": number <= bound,
                ">": number > bound, ">=": number >= bound,
            }[order]  # fmt: skip
        case AnyOf(field, values):
            return any(value in values for value in _values(field, product))


def _values(field: str, product: Product) -> list[str | float]:
    if field.startswith(ATTRIBUTES):
        found = product.attributes.get(field.removeprefix(ATTRIBUTES))
    else:
        found = getattr(product, field)
    if isinstance(found, list):
        return found
    return [] if found is None else [found]
