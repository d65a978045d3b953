"""Products as rows of the embedded catalog, and how its file is laid out.

`product` holds whole products and the number of each one's last change. `field` repeats, in short
rows, what filters and counts look at. `words` is what is searched: folded words, so that SQLite's
tokenizer only has to split at spaces. `deleted` remembers ids, so that a reader of changes hears
of them. `state` has one row: which filling of the file this is, the number of the last change and,
in a copy of another catalog, what of that one is in it.
"""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recommender.catalog.filters.fields import FIELDS
from recommender.catalog.product import Product
from recommender.catalog.protocol import FACET_FIELDS, in_parts
from recommender.catalog.search_text import search_text

SCHEMA_VERSION = 3
"""Kept in SQLite's `user_version`."""

SEPARATOR = "\x1f"
"""Stands around each text of a list; the texts are JSON, which never holds it."""

LISTS = ("product_type", "attributes")
"""Columns of `field` with several texts."""

COLUMNS = (
    *(name for name in FIELDS if name not in ("description", "link", "image_link",
                                              "additional_image_link", "product_type")),
    *LISTS,
)  # fmt: skip
"""Columns of `field`; the long texts that are left out stay in the document alone."""

_LARGE_LOG = 16 * 2**20

_NUMBERS = [name for name, kind in FIELDS.items() if kind == "number"]
_FIELD_COLUMNS = ", ".join(f"{name} {'REAL' if name in _NUMBERS else 'TEXT'}" for name in COLUMNS)

_SCHEMA = (
    "CREATE TABLE product (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
    "change INTEGER NOT NULL, document TEXT NOT NULL) STRICT",
    "CREATE INDEX product_by_change ON product (change)",
    f"CREATE TABLE field (number INTEGER PRIMARY KEY, {_FIELD_COLUMNS}) STRICT",
    "CREATE UNIQUE INDEX field_by_id ON field (id)",
    # `ascii` takes every other character for part of a word, whatever this SQLite knows of it.
    "CREATE VIRTUAL TABLE words USING fts5 (title, rest, tokenize = ascii, prefix = '2 3')",
    "CREATE TABLE deleted (id TEXT NOT NULL PRIMARY KEY, change INTEGER NOT NULL) STRICT",
    "CREATE INDEX deleted_by_change ON deleted (change)",
    "CREATE TABLE state (filling TEXT NOT NULL, change INTEGER NOT NULL, origin_cursor TEXT) "
    "STRICT",
)

# A count of all products reads an index instead of every row; what no product has costs nothing.
_FACETS = [
    f"CREATE INDEX field_by_{name} ON field ({name}) WHERE {name} IS NOT NULL"
    for name in FACET_FIELDS
]

_PUT_PRODUCT = """
INSERT INTO product (id, change, document) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET change = excluded.change, document = excluded.document
"""
_PUT_FIELD = (
    f"INSERT OR REPLACE INTO field (number, {', '.join(COLUMNS)}) "
    f"VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
)
_PUT_WORDS = "INSERT OR REPLACE INTO words (rowid, title, rest) VALUES (?, ?, ?)"


def prepare(connection: sqlite3.Connection, read: Callable[[str], Product]) -> None:
    """Lay out a new file, or bring an older one up to date; nothing, if another process has.

    Args:
        connection: To the file; no transaction is open.
        read: Makes a product of its document.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < SCHEMA_VERSION:
            if version < 2:
                _lay_out(connection, read, version)
            for statement in _FACETS:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _lay_out(connection: sqlite3.Connection, read: Callable[[str], Product], version: int) -> None:
    if version == 1:
        connection.execute("ALTER TABLE product RENAME TO product_1")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO state VALUES (?, 0, NULL)", [uuid.uuid4().hex])
    if version == 1:
        _take_over(connection, read)


def _take_over(connection: sqlite3.Connection, read: Callable[[str], Product]) -> None:
    rows = connection.execute("SELECT document FROM product_1 ORDER BY id")
    writer = RowWriter(connection)
    for some in in_parts(rows):
        writer.put([read(document) for (document,) in some])
    writer.finish()
    connection.execute("DROP TABLE product_1")


def documents_of(connection: sqlite3.Connection, item_ids: Sequence[str]) -> dict[str, str]:
    """Documents by id, of the known ones."""
    found: dict[str, str] = {}
    for some in in_parts(item_ids):
        query = f"SELECT id, document FROM product WHERE id IN ({', '.join('?' * len(some))})"
        found.update(connection.execute(query, [storable(item_id) for item_id in some]))
    return found


def storable(text: str) -> str:
    """Texts from requests may hold lone surrogates, which nothing stored has and SQLite refuses."""
    return text.encode(errors="replace").decode()


def encode_texts(texts: Iterable[str]) -> str | None:
    """Several texts as one, in which each is found by `encode_text`."""
    encoded = SEPARATOR.join(json.dumps(text, ensure_ascii=False) for text in texts)
    return f"{SEPARATOR}{encoded}{SEPARATOR}" if encoded else None


def decode_texts(encoded: str) -> list[str]:
    """The texts that `encode_texts` was given."""
    return [json.loads(text) for text in encoded.strip(SEPARATOR).split(SEPARATOR)]


def shrink_log(connection: sqlite3.Connection, path: Path) -> None:
    """Give back the space of a write-ahead log that a long write has left; without a reader only.

    Args:
        connection: To the file; no transaction is open.
        path: The file.
    """
    try:
        n_bytes = path.with_name(f"{path.name}-wal").stat().st_size
    except FileNotFoundError:
        return
    if n_bytes > _LARGE_LOG:
        # Whoever reads an old state is not waited for: a later write finds the log as it is.
        connection.execute("PRAGMA busy_timeout = 200")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class RowWriter:
    """Writes products inside a transaction; `finish` numbers its changes.

    Attributes:
        added, changed, unchanged: What came of the products put so far.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._change = 0
        self.added = self.changed = self.unchanged = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that the block writes, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            (before,) = self._connection.execute("SELECT change FROM state").fetchone()
            self._change = int(before)
            yield
            self.finish()
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    def put(self, products: Sequence[Product]) -> None:
        """Add or replace a few thousand products at most; of one id the last counts."""
        known = documents_of(self._connection, [product.id for product in products])
        changed: dict[str, tuple[Product, str]] = {}
        for product in products:
            document = product.model_dump_json(exclude_none=True)
            before = known.get(product.id)
            if before == document:
                self.unchanged += 1
                continue
            self.added += before is None
            self.changed += before is not None
            known[product.id] = document
            changed[product.id] = product, document
        self._write(changed)

    def documents(self, item_ids: Sequence[str]) -> dict[str, str]:
        """What is there of some products, this transaction's own writes included."""
        return documents_of(self._connection, item_ids)

    def remove(self, item_ids: Iterable[str]) -> list[str]:
        """Take products out; return the ids that were of none."""
        unknown = []
        for item_id in item_ids:
            row = self._connection.execute(
                "DELETE FROM product WHERE id = ? RETURNING number", [storable(item_id)]
            ).fetchone()
            if row is None:
                unknown.append(item_id)
                continue
            self._connection.execute("DELETE FROM field WHERE number = ?", row)
            self._connection.execute("DELETE FROM words WHERE rowid = ?", row)
            values = (item_id, self._next_change())
            self._connection.execute("INSERT OR REPLACE INTO deleted VALUES (?, ?)", values)
        return unknown

    def note_origin(self, cursor: str) -> None:
        """Remember what of another catalog is in this one."""
        self._connection.execute("UPDATE state SET origin_cursor = ?", [cursor])

    def note_kept(self, item_ids: Iterable[str]) -> None:
        """Remember products until this transaction ends, for `not_kept`."""
        self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY)")
        insert = "INSERT OR IGNORE INTO temp.kept VALUES (?)"
        self._connection.executemany(insert, ([item_id] for item_id in item_ids))

    def not_kept(self) -> list[str]:
        """Products that were not noted."""
        self.note_kept(())
        query = "SELECT id FROM product WHERE id NOT IN (SELECT id FROM temp.kept)"
        return [item_id for (item_id,) in self._connection.execute(query)]

    def finish(self) -> None:
        """Write down the number of the last change; without a change nothing is written."""
        update = "UPDATE state SET change = ? WHERE change <> ?"
        self._connection.execute(update, [self._change, self._change])

    def _write(self, changed: dict[str, tuple[Product, str]]) -> None:
        rows = [(item_id, self._next_change(), text) for item_id, (_, text) in changed.items()]
        self._connection.executemany(_PUT_PRODUCT, rows)
        marks = ", ".join("?" * len(changed))
        query = f"SELECT id, number FROM product WHERE id IN ({marks})"
        numbers = dict(self._connection.execute(query, list(changed)))
        products = [(numbers[item_id], product) for item_id, (product, _) in changed.items()]
        self._connection.executemany(_PUT_FIELD, [(n, *_fields(p)) for n, p in products])
        self._connection.executemany(_PUT_WORDS, [(n, *search_text(p)) for n, p in products])
        forgotten = [[item_id] for item_id in changed]
        self._connection.executemany("DELETE FROM deleted WHERE id = ?", forgotten)

    def _next_change(self) -> int:
        self._change += 1
        return self._change


def _fields(product: Product) -> list[str | float | None]:
    plain = [getattr(product, name) for name in COLUMNS if name not in LISTS]
    pairs = (encode_pair(name, text) for name, text in product.attributes.items())
    attributes = SEPARATOR.join(pairs)
    return [
        *plain,
        encode_texts(product.product_type),
        f"{SEPARATOR}{attributes}{SEPARATOR}" if attributes else None,
    ]


def encode_pair(name: str, text: str) -> str:
    """An entry of `attributes`, as it stands between two separators."""
    return f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(text, ensure_ascii=False)}"
