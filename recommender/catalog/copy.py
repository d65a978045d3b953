"""A copy of a catalog elsewhere, in a file here: it answers while the other one does not.

The copy is an embedded catalog. It reads what changed elsewhere by cursor and keeps that cursor in
the same transaction, so that it goes on where it ended, whatever ended it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog, Changes, in_parts
from recommender.errors import CatalogError, CursorExpiredError

_LOCK_WITHIN_S = 1.0


class LocalCopy(EmbeddedCatalog):
    """An embedded catalog that knows how far it is with another one."""

    def origin_cursor(self) -> str | None:
        """What of the origin is in it; None before all of it was taken over once."""
        with self._reading() as connection:
            (cursor,) = connection.execute("SELECT origin_cursor FROM state").fetchone()
        return None if cursor is None else str(cursor)

    def take_over(
        self, products: Iterable[Product], deleted_ids: Sequence[str], cursor: str
    ) -> None:
        """Do what was done in the origin up to a cursor, all or nothing."""
        with self._writer() as writer, self._turn(writer):
            for some in in_parts(products):
                writer.put(some)
            writer.remove(deleted_ids)
            writer.note_origin(cursor)

    def take_over_all(self, products: Iterable[Product], cursor: str) -> None:
        """Become what the origin is, all or nothing; what is so already is not written again."""
        with self._writer() as writer, self._turn(writer):
            for some in in_parts(products):
                writer.put(some)
                writer.note_kept([product.id for product in some])
            writer.remove(writer.not_kept())
            writer.note_origin(cursor)


class CatalogCopy:
    """Follows a catalog elsewhere; any number of processes may share one file.

    Args:
        origin: What is copied.
        path: Where the copy lies.

    Attributes:
        origin: What is copied.
        local: The copy, to read from.
        problem: Why the last attempt to follow failed; None when it did not.
    """

    def __init__(self, origin: Catalog, path: Path) -> None:
        self.origin, self.local = origin, LocalCopy(path)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self.problem: CatalogError | None = None

    @property
    def complete(self) -> bool:
        """Whether all products were copied once; until then the copy cannot answer.

        Raises:
            CatalogError: If the copy cannot be read.
        """
        return self.local.origin_cursor() is not None

    def follow(self) -> bool:
        """Take over what changed; where another process does, leave it to that one.

        A failure leaves the copy as it is and sets `problem`. Of one object one thread does this.

        Returns:
            Whether the copy is now as the origin was when this began.
        """
        try:
            with self._lock.acquire(timeout=_LOCK_WITHIN_S):
                self._take_over()
        except Timeout:
            return False
        except CatalogError as err:
            self.problem = err
            return False
        except OSError as err:
            self.problem = CatalogError(
                f"{self._lock.lock_file} cannot be written ({err.strerror}): products are "
                "copied beside it"
            )
            return False
        self.problem = None
        return True

    def close(self) -> None:
        """Give both catalogs back."""
        self.origin.close()
        self.local.close()

    def _changes_since(self, cursor: str) -> Changes:
        try:
            return self.origin.changes_since(cursor)
        except ValueError as err:
            # As it was kept here: of another kind of catalog, or spoiled.
            raise CursorExpiredError(str(err)) from err

    def _take_over(self) -> None:
        cursor, more = self.local.origin_cursor(), True
        try:
            while cursor is not None and more:
                changes = self._changes_since(cursor)
                if changes.cursor != cursor:
                    self.local.take_over(changes.products, changes.deleted_ids, changes.cursor)
                cursor, more = changes.cursor, changes.more
        except CursorExpiredError:
            cursor = None
        if cursor is None:
            # The cursor is taken first: what changes during the scan is told at the next look.
            cursor = self.origin.change_cursor()
            self.local.take_over_all(self.origin.scan(), cursor)
