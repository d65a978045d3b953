"""The embedded catalog: one SQLite file that many processes read while one writes."""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recommender.catalog.cursor import decode_cursor, encode_cursor
from recommender.catalog.product import Product
from recommender.catalog.protocol import Page, UpsertCounts
from recommender.errors import CatalogError

SCHEMA_VERSION = 1
"""Kept in SQLite's `user_version`."""

_BUSY_TIMEOUT_S = 10.0
_IDS_A_QUERY = 500

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS product (
    id TEXT NOT NULL PRIMARY KEY,
    availability TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS product_by_availability ON product (availability);
PRAGMA user_version = {SCHEMA_VERSION};
"""

_UPSERT = """
INSERT INTO product (id, availability, document) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET availability = excluded.availability, document = excluded.document
WHERE document <> excluded.document
"""

_UNKNOWN_KEPT = 100


@dataclass
class PatchCounts:
    """What a patch did.

    Attributes:
        changed: Products that are different now.
        unchanged: Products that were there as they are.
        unknown: Ids without a product.
        unknown_ids: The first of them.
    """

    changed: int = 0
    unchanged: int = 0
    unknown: int = 0
    unknown_ids: list[str] = field(default_factory=list)


class EmbeddedCatalog:
    """Products in SQLite (write-ahead log): readers never wait for a writer.

    Any number of threads may use one object. Reads share a connection; a scan and an upsert have
    their own, so that a scan sees one state of the catalog from its first product to its last.

    Args:
        path: The database file; opened when it is first needed.
        create: Whether to make the file when it is missing. Without it a missing file is a
            `CatalogError`, now and until somebody else has made it.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        self._create = create
        self._lock = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._opened_file: tuple[int, int] | None = None
        self._times_replaced = 0

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """The known ones among `item_ids`, in the order asked for."""
        documents: dict[str, str] = {}
        with self._reading() as connection:
            for start in range(0, len(item_ids), _IDS_A_QUERY):
                some = [_storable(item_id) for item_id in item_ids[start : start + _IDS_A_QUERY]]
                marks = ", ".join("?" * len(some))
                query = f"SELECT id, document FROM product WHERE id IN ({marks})"
                documents.update(connection.execute(query, some))
        return [self._product(documents[item_id]) for item_id in item_ids if item_id in documents]

    def scan(self) -> Iterator[Product]:
        """Every product, in id order, as the catalog is when the first one is asked for."""
        with self._translated(), closing(self._connect()) as connection:
            for (document,) in connection.execute("SELECT document FROM product ORDER BY id"):
                yield self._product(document)

    def page(self, cursor: str | None, limit: int) -> Page:
        """Up to `limit` products behind `cursor`.

        Raises:
            ValueError: If `cursor` was not made by this method, or `limit` is below 1.
        """
        if limit < 1:
            raise ValueError(f"limit: expected at least 1, got {limit}")
        last_id = "" if cursor is None else decode_cursor(cursor)
        query = "SELECT document FROM product WHERE id > ? ORDER BY id LIMIT ?"
        with self._reading() as connection:
            rows = connection.execute(query, (last_id, limit + 1)).fetchall()
        products = [self._product(document) for (document,) in rows[:limit]]
        return Page(products, encode_cursor(products[-1].id) if len(rows) > limit else None)

    def upsert(self, products: Iterable[Product]) -> UpsertCounts:
        """Add or replace whole products, all or none.

        A product that is already there as given is not written again. If `products` raises, the
        catalog stays as it was.
        """
        n_given = 0

        def rows() -> Iterator[tuple[str, str, str]]:
            nonlocal n_given
            for product in products:
                n_given += 1
                yield product.id, product.availability, product.model_dump_json(exclude_none=True)

        with self._translated(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                n_before = _count(connection)
                n_changes = connection.total_changes
                connection.executemany(_UPSERT, rows())
                n_written = connection.total_changes - n_changes
                added = _count(connection) - n_before
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
        return UpsertCounts(added, n_written - added, n_given - n_written)

    def patch(self, changes: Iterable[Mapping[str, Any]]) -> PatchCounts:
        """Change some fields of products that are there, all or none.

        Args:
            changes: `id` and the new values of other fields; None takes one away. If this raises,
                the catalog stays as it was.

        Raises:
            ValueError: If a value is not allowed.
        """
        counts = PatchCounts()
        with self._translated(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for change in changes:
                    self._patch(connection, change, counts)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
        return counts

    def _patch(
        self, connection: sqlite3.Connection, change: Mapping[str, Any], counts: PatchCounts
    ) -> None:
        query = "SELECT document FROM product WHERE id = ?"
        found = connection.execute(query, (_storable(change["id"]),)).fetchone()
        if found is None:
            counts.unknown += 1
            if len(counts.unknown_ids) < _UNKNOWN_KEPT:
                counts.unknown_ids.append(change["id"])
            return
        product = Product.model_validate({**self._product(found[0]).model_dump(), **change})
        document = product.model_dump_json(exclude_none=True)
        if document == found[0]:
            counts.unchanged += 1
            return
        counts.changed += 1
        connection.execute(_UPSERT, (product.id, product.availability, document))

    def count(self) -> int:
        """Number of products."""
        with self._reading() as connection:
            return _count(connection)

    def data_version(self) -> int:
        """A number that changes whenever anyone changed the catalog, this object included.

        Upserts have their own connection, so that SQLite counts them as somebody else's. An
        upsert that changed nothing leaves the number as it is; a file put in the place of the old
        one changes it. Compare numbers of one object only.
        """
        with self._reading() as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            return (self._times_replaced << 32) + int(version)

    def close(self) -> None:
        """Give the file back; a later call opens it again."""
        with self._lock:
            self._drop_reader()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            if self._reader is not None and self._file() != self._opened_file:
                self._drop_reader()
                self._times_replaced += 1
            if self._reader is None:
                self._reader = self._connect()
                self._opened_file = self._file()
            yield self._reader

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _file(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _connect(self) -> sqlite3.Connection:
        is_there = self._file() is not None
        if not is_there and not self._create:
            raise CatalogError(
                f"there is no catalog at {self._path}; run: recommender import items FILE"
            )
        mode = "rw" if is_there else "rwc"
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise CatalogError(
                f"{self._path} was written by a newer version of session-recommender; upgrade it"
            )
        if version < SCHEMA_VERSION:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as err:
            raise CatalogError(
                f"the catalog {self._path} cannot be used: {err}; check that no other program "
                "holds it, that its folder can be written and that the disk is not full"
            ) from err
        except sqlite3.Error as err:
            raise CatalogError(
                f"{self._path} is no sound catalog ({err}); move it away and run: "
                "recommender import items FILE"
            ) from err

    def _product(self, document: str) -> Product:
        try:
            return Product.model_validate_json(document)
        except ValidationError as err:
            raise CatalogError(
                f"{self._path} holds a product that cannot be read ({err.errors()[0]['msg']}); "
                "import the product feed again: recommender import items FILE"
            ) from err


def _count(connection: sqlite3.Connection) -> int:
    (n_products,) = connection.execute("SELECT count(*) FROM product").fetchone()
    return int(n_products)


def _storable(item_id: str) -> str:
    """Ids from requests may hold lone surrogates, which no stored id has and SQLite refuses."""
    return item_id.encode(errors="replace").decode()
