"""Files of a shop as bytes: plain, gzipped or from stdin, with their errors in words."""

import codecs
import glob
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from recommender.errors import DataError, words_of

STDIN = "-"

OnBytes = Callable[[int], None]
"""Called with the number of bytes read since the last call, as they lie on disk."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_PARQUET_MAGIC = b"PAR1"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PEEK_BYTES = 1 << 16


def expand(patterns: Sequence[str]) -> list[str]:
    """File names, with those that have wildcards replaced by what they match, sorted.

    A name that is a file is never taken for a pattern.

    Raises:
        DataError: If a pattern matches nothing.
    """
    paths: list[str] = []
    for pattern in patterns:
        if pattern == STDIN or not glob.has_magic(pattern) or Path(pattern).exists():
            paths.append(pattern)
            continue
        matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        if not matches:
            raise DataError(f"no file matches {pattern}; check the path")
        paths += matches
    return list(dict.fromkeys(paths))


def size_of(paths: Sequence[str]) -> int | None:
    """Bytes of all files together; None with stdin among them, or where one is missing."""
    try:
        return None if STDIN in paths else sum(Path(path).stat().st_size for path in paths)
    except OSError:
        return None


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Translate what goes wrong while a file is read.

    Raises:
        DataError: With the file and the next step.
    """
    try:
        yield
    except FileNotFoundError as err:
        raise DataError(f"there is no file {path}; check the path") from err
    except IsADirectoryError as err:
        raise DataError(
            f"{path} is a folder; name a file in it, or a pattern like {path}/*"
        ) from err
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise DataError(
            f"{path} is damaged gzip ({words_of(err)}); fetch it again; nothing of it was imported"
        ) from err
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror or err}") from err


@contextmanager
def open_bytes(path: str, on_bytes: OnBytes | None = None) -> Iterator[io.BufferedReader]:
    """Open a file, or stdin for `-`; gzip is told by its first bytes, not by the name."""
    with reading(path):
        file = sys.stdin.buffer if path == STDIN else Path(path).open("rb")  # noqa: SIM115
        try:
            stream = _buffered(_Counted(cast("io.BufferedReader", file), on_bytes))
            if stream.peek(2)[:2] == _GZIP_MAGIC:
                stream = _buffered(cast("io.RawIOBase", gzip.GzipFile(fileobj=stream)))
            if stream.peek(4)[:4] == _ZIP_MAGIC:
                raise DataError(
                    f"{path} is a spreadsheet or a ZIP archive; save it as CSV in UTF-8, or unzip "
                    "it, and import that"
                )
            if stream.peek(2)[:2] in _UTF16_MARKS:
                raise DataError(f"{path} is UTF-16; save it as UTF-8 and import it again")
            yield stream
        finally:
            if path != STDIN:
                file.close()


def format_of(path: str, stream: io.BufferedReader) -> str:
    """`ndjson`, `csv` or `parquet`: by the first bytes, then by the name."""
    start = stream.peek(_PEEK_BYTES)
    name = path.removesuffix(".gz")
    if start[:4] == _PARQUET_MAGIC or name.endswith((".parquet", ".pq")):
        return "parquet"
    if name.endswith((".ndjson", ".jsonl", ".json")):
        return "ndjson"
    if name.endswith((".csv", ".tsv")):
        return "csv"
    return "ndjson" if start.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[") else "csv"


def _buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return cast("io.BufferedReader", io.BufferedReader(raw, _PEEK_BYTES))


class _Counted(io.RawIOBase):
    """A file that reports how much of it was read."""

    def __init__(self, file: io.BufferedReader, on_bytes: OnBytes | None) -> None:
        self._file = file
        self._on_bytes = on_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, in short reads: Ctrl-C is noticed between them."""
        n_filled = 0
        while n_filled < len(buffer) and (block := self._file.read1(len(buffer) - n_filled)):
            buffer[n_filled : n_filled + len(block)] = block
            n_filled += len(block)
        if self._on_bytes is not None and n_filled:
            self._on_bytes(n_filled)
        return n_filled
