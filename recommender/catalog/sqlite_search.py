"""Searches of the embedded catalog as SQL.

What is found is first noted in a table of the connection's own; then it is counted, and a page of
it is read. Scores are small whole numbers that depend on the product and the words alone.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from recommender.catalog.cursor import decode_place
from recommender.catalog.filters.fields import ATTRIBUTES, kind_of
from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or, merged
from recommender.catalog.protocol import FACET_FIELDS, MAX_FACET_VALUES, FacetValue, Search
from recommender.catalog.search_text import query_words
from recommender.catalog.sqlite_rows import (
    COLUMNS,
    LISTS,
    SEPARATOR,
    decode_texts,
    encode_pair,
    storable,
)

_FOUND = "CREATE TEMP TABLE found (number INTEGER PRIMARY KEY, score INTEGER)"

_POINTS = ((1, 'title : "{}" *'), (2, 'title : "{}"'), (1, '"{}"'))
"""A word that begins one of the title is worth 1, one that is a word of the title 2 more, one that
is a word anywhere 1 more. Elasticsearch is asked for the same sums."""

_ADD_POINTS = """
UPDATE temp.found SET score = score + ?
WHERE number IN (SELECT rowid FROM words WHERE words MATCH ?)
"""

_MANY = 2_000
"""Among so many products that match alike the next page is near."""

_FEW = 8
"""Looking so many texts up one by one takes less than taking the column apart."""

_ROWS_AT_ONCE = 10_000

Values = list[str | float]


class Matches(NamedTuple):
    """What a search finds.

    Attributes:
        total: Number of products.
        table: Has a row `number` for each of them.
        scored: Whether `table` has a score too; without words every score is 0.
    """

    total: int
    table: str
    scored: bool


def find(connection: sqlite3.Connection, search: Search, check_time: Callable[[], None]) -> Matches:
    """Note the products that a search finds.

    The note is gone when the caller's transaction is rolled back.

    Args:
        connection: In a transaction.
        search: What is looked for.
        check_time: Called between queries; what it raises ends the search.

    Raises:
        ValueError: If there are too many words.
    """
    words = query_words(search.words)
    if search.filter is None and not search.words.strip():
        (total,) = connection.execute("SELECT count(*) FROM product").fetchone()
        return Matches(int(total), "field", False)
    connection.execute(_FOUND)
    if search.words.strip() and not words:
        return Matches(0, "temp.found", True)
    every_word = " AND ".join(f'"{word}" *' for word in words)
    found, values = _finding(every_word, search.filter)
    total = connection.execute(f"INSERT INTO temp.found {found}", values).rowcount
    # Where nothing was found there is nothing to put in order.
    for word in words if total else ():
        for points, place in _POINTS:
            check_time()
            # Asked alone: to ask for all the words each time takes up to ten times as long.
            connection.execute(_ADD_POINTS, [points, place.format(word)])
    return Matches(total, "temp.found", bool(words))


def _finding(every_word: str, node: Node | None) -> tuple[str, Values]:
    """What selects the products that a search finds, all with score 0, and the values of its marks.

    Args:
        every_word: What the index of words is asked; empty for every product.
        node: Leaves other products out.
    """
    hits = "SELECT rowid AS number, 0 FROM words WHERE words MATCH ?"
    if node is None:
        return hits, [every_word]
    where, values = condition_of(node)
    if not every_word:
        return f"SELECT number, 0 FROM field WHERE {where}", values
    query = f"SELECT number, 0 FROM ({hits}) AS hit JOIN field USING (number) WHERE {where}"
    return query, [every_word, *values]


def found_page(
    connection: sqlite3.Connection, search: Search, matches: Matches
) -> list[tuple[int, str, str]]:
    """Score, id and document of up to `limit` + 1 products behind the cursor, best first.

    Raises:
        ValueError: If the cursor is none of a search's.
    """
    place = None if search.cursor is None else decode_place(search.cursor)
    if not matches.scored and matches.total > _MANY:
        return _page_by_id(connection, search, matches, place)
    behind, values = "1", []
    if place is not None:
        behind, values = "score < ? OR score = ? AND field.id > ?", [place[0], *place]
    score = "score" if matches.table == "temp.found" else "0 AS score"
    query = (
        "SELECT score, page.id, document FROM "
        f"(SELECT field.number, {score}, field.id AS id FROM {_with_fields(matches)} "
        f"WHERE {behind} ORDER BY score DESC, field.id LIMIT ?) AS page "
        "JOIN product USING (number) ORDER BY score DESC, page.id"
    )
    return connection.execute(query, [*values, search.limit + 1]).fetchall()


def _page_by_id(
    connection: sqlite3.Connection,
    search: Search,
    matches: Matches,
    place: tuple[int, str] | None,
) -> list[tuple[int, str, str]]:
    """Where many products match alike, the first ones come soon when ids are gone through."""
    behind: Values = []
    if place is not None and place[0] <= 0:
        behind = [place[1]] if place[0] == 0 else ["\U0010ffff"]
    within = "" if matches.table == "field" else "CROSS JOIN temp.found USING (number) "
    query = (
        "SELECT 0, field.id, document FROM field INDEXED BY field_by_id "
        f"{within}CROSS JOIN product USING (number) "
        f"{'WHERE field.id > ? ' if behind else ''}ORDER BY field.id LIMIT ?"
    )
    return connection.execute(query, [*behind, search.limit + 1]).fetchall()


def _with_fields(matches: Matches) -> str:
    return "field" if matches.table == "field" else "temp.found JOIN field USING (number)"


def count_facets(
    connection: sqlite3.Connection, names: Sequence[str], matches: Matches
) -> dict[str, tuple[FacetValue, ...]]:
    """The values of some fields among all products found, most frequent first."""
    if matches.table == "field":
        counted = {name: _counted(connection, name) for name in names if name in FACET_FIELDS}
    else:
        counted = {}
    rest = [name for name in names if name not in counted]
    counted |= _counted_in_rows(connection, rest, matches)
    return {name: _facet(name, counted[name]) for name in names}


def _counted(connection: sqlite3.Connection, name: str) -> Counter[str | None]:
    """The texts of a column among all products; its index is all that is read."""
    query = f"SELECT {name}, count(*) FROM field WHERE {name} IS NOT NULL GROUP BY {name}"
    return Counter(dict(connection.execute(query)))


def _counted_in_rows(
    connection: sqlite3.Connection, names: Sequence[str], matches: Matches
) -> dict[str, Counter[str | None]]:
    """The texts of some columns among the products found."""
    if not names:
        return {}
    columns = ["attributes" if name.startswith(ATTRIBUTES) else name for name in names]
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {_with_fields(matches)}")
    encoded: list[Counter[str | None]] = [Counter() for _ in names]
    # One pass counts all: SQLite would sort once a field.
    while some := rows.fetchmany(_ROWS_AT_ONCE):
        for counts, column in zip(encoded, zip(*some, strict=True), strict=True):
            counts.update(column)
    return dict(zip(names, encoded, strict=True))


def _facet(name: str, encoded: Counter[str | None]) -> tuple[FacetValue, ...]:
    counts: Counter[str] = Counter()
    for text, n_products in encoded.items():
        for value in () if text is None else _values_of(name, text):
            counts[value] += n_products
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(FacetValue(value, n) for value, n in ordered[:MAX_FACET_VALUES])


def _values_of(name: str, encoded: str) -> set[str]:
    if name in LISTS:
        return set(decode_texts(encoded))
    if not name.startswith(ATTRIBUTES):
        return {encoded}
    pairs = json.loads("{" + encoded.strip(SEPARATOR).replace(SEPARATOR, ",") + "}")
    wanted = name.removeprefix(ATTRIBUTES)
    return {pairs[wanted]} if wanted in pairs else set()


def condition_of(node: Node) -> tuple[str, Values]:
    """A filter as a condition on `field`, with the values of its marks."""
    match node:
        case And(parts):
            return _joined(" AND ", parts)
        case Or(parts):
            return _joined(" OR ", merged(parts))
        case Not(part):
            where, values = condition_of(part)
            return f"(NOT {where})", values
        case Compare(field, order, bound):
            return f"ifnull(field.{field} {order} ?, 0)", [bound]
        case AnyOf():
            return _any_of(node)


def _joined(word: str, parts: Sequence[Node]) -> tuple[str, Values]:
    conditions = [condition_of(part) for part in parts]
    where = word.join(condition for condition, _ in conditions)
    return f"({where})", [value for _, values in conditions for value in values]


def _any_of(node: AnyOf) -> tuple[str, Values]:
    field = node.field
    values: Values = [v if isinstance(v, float) else storable(v) for v in node.values]
    marks = ", ".join("?" * len(values))
    if field in LISTS or field.startswith(ATTRIBUTES):
        return _few_inside(field, values) if len(values) <= _FEW else _many_inside(field, values)
    if field in COLUMNS:
        return f"ifnull(field.{field} IN ({marks}), 0)", values
    document = "(SELECT document FROM product WHERE product.number = field.number)"
    if kind_of(field) == "texts":
        inside = f"SELECT 1 FROM json_each({document}, '$.{field}') WHERE value IN ({marks})"
        return f"EXISTS ({inside})", values
    return f"ifnull(json_extract({document}, '$.{field}') IN ({marks}), 0)", values


def _few_inside(field: str, values: Values) -> tuple[str, Values]:
    """One of a few texts stands in a column with several: each is looked for as it stands there."""
    if field in LISTS:
        texts = (json.dumps(value, ensure_ascii=False) for value in values)
    else:
        name = storable(field.removeprefix(ATTRIBUTES))
        texts = (encode_pair(name, str(value)) for value in values)
    column = field if field in LISTS else "attributes"
    found = " OR ".join(f"instr(field.{column}, ?)" for _ in values)
    return f"ifnull({found}, 0)", [f"{SEPARATOR}{text}{SEPARATOR}" for text in texts]


def _many_inside(field: str, values: Values) -> tuple[str, Values]:
    """One of many texts stands in a column with several, which is taken apart once a row."""
    column, brackets, name, names = field, "[]", "", []
    if field not in LISTS:
        column, brackets = "attributes", "{}"
        name, names = "key = ? AND ", [storable(field.removeprefix(ATTRIBUTES))]
    texts = f"replace(trim(field.{column}, '{SEPARATOR}'), '{SEPARATOR}', ',')"
    found = (
        f"SELECT 1 FROM json_each('{brackets[0]}' || {texts} || '{brackets[1]}') "
        f"WHERE {name}value IN ({', '.join('?' * len(values))})"
    )
    return f"EXISTS ({found})", [*names, *values]
