"""Which ids a feed has shown so far, in a temporary file: a set of millions fills the memory."""

import sqlite3
from typing import Literal

from recommender.errors import DataError, words_of

_CACHE_KIB = 32 * 1024
_PAGES = 1 << 24
"""Of 4 KiB: the file never gets larger than 64 GiB."""

Sight = Literal["new", "in_this_file", "in_another_file"]


class SeenIds:
    """Ids by the file that had them last; gone when closed."""

    def __init__(self) -> None:
        # A database without a name lies in a temporary file that SQLite removes.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._connection.execute(f"PRAGMA max_page_count = {_PAGES}")
        self._connection.execute(
            "CREATE TABLE seen (id BLOB PRIMARY KEY, file INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._connection.execute("BEGIN")

    def add(self, item_id: str, file: int) -> Sight:
        """Note an id, and say whether it was there."""
        key = item_id.encode()
        if self._run("INSERT OR IGNORE INTO seen VALUES (?, ?)", key, file).rowcount:
            return "new"
        changed = self._run("UPDATE seen SET file = ? WHERE id = ? AND file <> ?", file, key, file)
        return "in_another_file" if changed.rowcount else "in_this_file"

    def __contains__(self, item_id: str) -> bool:
        found = self._run("SELECT 1 FROM seen WHERE id = ?", item_id.encode())
        return found.fetchone() is not None

    def _run(self, sql: str, *values: bytes | int) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except sqlite3.Error as err:
            raise DataError(
                f"the ids of the feed cannot be noted in a temporary file ({words_of(err)}); make "
                "room where temporary files go, or name another folder in SQLITE_TMPDIR"
            ) from err

    def close(self) -> None:
        """Remove the file."""
        self._connection.close()
