"""The embedded catalog: one SQLite file that many processes read while one writes."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import ValidationError

from recommender.catalog.answers import (
    change_behind,
    changes_of,
    expired,
    found_of,
    in_order,
    unreadable,
)
from recommender.catalog.cursor import encode_change
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import (
    Changes,
    DeleteCounts,
    Found,
    Health,
    PatchCounts,
    Search,
    UnknownIds,
    UpsertCounts,
    check_search,
    in_parts,
)
from recommender.catalog.sqlite_readers import Readers, file_of, time_limit
from recommender.catalog.sqlite_rows import (
    SCHEMA_VERSION,
    RowWriter,
    documents_of,
    prepare,
    shrink_log,
)
from recommender.catalog.sqlite_search import count_facets, find, found_page
from recommender.catalog.sqlite_turns import TURN_WITHIN_S, Turns, held_too_long
from recommender.errors import CatalogError, MissingCatalogError

ROWS_A_TURN = 2_000
"""Of a long write, so that others wait a fraction of a second for it."""

_CHANGES = """
SELECT * FROM (SELECT change, id, document FROM product WHERE change > ? ORDER BY change LIMIT ?)
UNION ALL
SELECT * FROM (SELECT change, id, NULL FROM deleted WHERE change > ? ORDER BY change LIMIT ?)
ORDER BY 1 LIMIT ?
"""


class EmbeddedCatalog:
    """Products in SQLite (write-ahead log): readers never wait for a writer, writers take turns.

    Any number of threads may use one object: what is done at the same time has a connection each.
    A scan sees one state of the catalog from its first product to its last.

    Args:
        path: The database file; opened when it is first needed.
        create: Whether to make the file when it is missing. Without it a missing file is a
            `CatalogError`, now and until somebody else has made it.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        self._create = create
        self._turns = Turns(path)
        self._readers = Readers(path, self._connect)

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """The known ones among `item_ids`, in the order asked for."""
        with self._reading() as connection:
            documents = documents_of(connection, item_ids)
        known = {item_id: self._product(document) for item_id, document in documents.items()}
        return in_order(item_ids, known)

    def scan(self) -> Iterator[Product]:
        """Every product, in id order, as the catalog is when the first one is asked for."""
        with self._translated(), closing(self._connect()) as connection:
            for (document,) in connection.execute("SELECT document FROM product ORDER BY id"):
                yield self._product(document)

    def upsert(self, products: Iterable[Product]) -> UpsertCounts:
        """Add or replace whole products, a turn's worth at a time, those all or none.

        A product that is already there as given is not written again.
        """
        with self._writer() as writer:
            for some in in_parts(products, ROWS_A_TURN):
                with self._turn(writer):
                    writer.put(some)
        return UpsertCounts(writer.added, writer.changed, writer.unchanged)

    def patch(self, patches: Iterable[ProductPatch]) -> PatchCounts:
        """Change price, currency or availability of products that are there, as `upsert` does."""
        unknown, n_left_out = UnknownIds(), 0
        with self._writer() as writer:
            for some in in_parts(patches, ROWS_A_TURN):
                with self._turn(writer):
                    after, n_sales = self._patched(writer, some, unknown)
                    writer.put(after)
                    n_left_out += n_sales
        return PatchCounts(
            writer.changed,
            writer.unchanged,
            unknown.count,
            tuple(unknown.first),
            sales_left_out=n_left_out,
        )

    def delete(self, item_ids: Sequence[str]) -> DeleteCounts:
        """Take products out, all or none; `changes_since` tells it."""
        with self._writer() as writer, self._turn(writer):
            unknown = writer.remove(item_ids)
        return DeleteCounts(len(item_ids) - len(unknown), tuple(unknown))

    def search(self, search: Search) -> Found:
        """Products by words and filter, see `Catalog`.

        Raises:
            ValueError: If the cursor is none of a search's, the limit is below 1, a facet is no
                field that can be counted, or there are too many words.
            SlowSearchError: If it takes longer than `SEARCH_WITHIN_S`.
        """
        check_search(search)
        with (
            self._reading() as connection,
            _one_state(connection),
            time_limit(connection) as check_time,
        ):
            matches = find(connection, search, check_time)
            rows = found_page(connection, search, matches)
            facets = count_facets(connection, search.facets, matches)
        hits = [(score, self._product(document)) for score, _, document in rows]
        return found_of(hits, search.limit, matches.total, facets)

    def count(self) -> int:
        """Number of products."""
        with self._reading() as connection:
            return _count(connection)

    def had_products(self) -> bool:
        """Whether it has a product or had one."""
        with self._reading() as connection:
            return _state(connection)[1] > 0

    def change_cursor(self) -> str:
        """The present, for `changes_since`."""
        with self._reading() as connection:
            return encode_change(*_state(connection))

    def changes_since(self, cursor: str, limit: int = 1000) -> Changes:
        """Up to `limit` changes behind a cursor, oldest first.

        Raises:
            ValueError: If `cursor` is none of a change's, or `limit` is below 1.
            CursorExpiredError: If another catalog took the place of this one since.
        """
        filling, change = change_behind(cursor, limit)
        with self._reading() as connection, _one_state(connection):
            present, newest = _state(connection)
            if filling != present or change > newest:
                raise expired(str(self._path))
            rows = connection.execute(_CHANGES, (change, limit, change, limit, limit)).fetchall()
        told = [
            (number, item_id, None if document is None else self._product(document))
            for number, item_id, document in rows
        ]
        return changes_of(told, limit, filling, newest)

    def health(self) -> Health:
        """Whether the file can be read; never raises."""
        version = sqlite3.sqlite_version
        try:
            self.count()
        except CatalogError as err:
            return Health("unavailable", f"SQLite at {self._path}", version, str(err))
        return Health("ok", f"SQLite at {self._path}", version)

    def close(self) -> None:
        """Give the file back; a later call opens it again."""
        self._readers.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._readers.one() as connection:
            yield connection

    def _patched(
        self, writer: RowWriter, patches: Sequence[ProductPatch], unknown: UnknownIds
    ) -> tuple[list[Product], int]:
        """The products as they become, one for each patch of a known one; sales left out."""
        documents = writer.documents([patch.id for patch in patches])
        there = {item_id: self._product(text) for item_id, text in documents.items()}
        after, n_left_out = [], 0
        for patch in patches:
            if patch.id in there:
                n_left_out += patch.sale_fault(there[patch.id]) is not None
                there[patch.id] = patch.of(there[patch.id])
                after.append(there[patch.id])
            else:
                unknown.add(patch.id)
        return after, n_left_out

    @contextmanager
    def _writer(self) -> Iterator[RowWriter]:
        """What writes, on a connection of its own."""
        with self._translated(), closing(self._connect()) as connection:
            yield RowWriter(connection)
            shrink_log(connection, self._path)

    @contextmanager
    def _turn(self, writer: RowWriter) -> Iterator[None]:
        """A transaction: all of it is kept, or nothing."""
        with self._turns.take(), writer.transaction():
            yield

    def _connect(self) -> sqlite3.Connection:
        is_there = file_of(self._path) is not None
        if not is_there and not self._create:
            raise MissingCatalogError(
                f"there is no catalog at {self._path}; run: recommender import items FILE"
            )
        mode = "rw" if is_there else "rwc"
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            # Programs that know nothing of turns, such as SQLite's own shell, are waited for too.
            timeout=TURN_WITHIN_S,
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
            prepare(connection, self._product)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as err:
            if err.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise held_too_long(self._path) from err
            raise CatalogError(
                f"the catalog {self._path} cannot be used: {err}; check that its folder can "
                "be written and that the disk is not full"
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
            raise unreadable(str(self._path), err) from err


def _count(connection: sqlite3.Connection) -> int:
    (n_products,) = connection.execute("SELECT count(*) FROM product").fetchone()
    return int(n_products)


def _state(connection: sqlite3.Connection) -> tuple[str, int]:
    """Which filling of the file this is, and the number of its last change."""
    filling, change = connection.execute("SELECT filling, change FROM state").fetchone()
    return str(filling), int(change)


@contextmanager
def _one_state(connection: sqlite3.Connection) -> Iterator[None]:
    """Several queries see one state of the catalog; nothing of it is changed."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()
