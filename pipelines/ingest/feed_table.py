"""Rows of a feed between tabs, commas or semicolons."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pipelines.ingest.columns import check_columns
from pipelines.ingest.records import Record
from recommender.errors import DataError

if TYPE_CHECKING:
    import _csv

_MAX_HEADER = 1 << 16
_MAX_LINE = 1 << 20
"""Characters; a longer line comes in pieces, so that no file can fill the memory."""

_MAX_RECORD = 1 << 20
"""Characters; a row that has more, over line ends between quotation marks, is a broken one."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)

_NAMED = (
    "the first line must name the attributes of a Merchant Center feed, between tabs, commas or "
    "semicolons"
)


class Header(NamedTuple):
    """The names of the columns, as they stand in the file, what stands between them, its line."""

    columns: list[str]
    delimiter: str
    line: int


class Row(NamedTuple):
    """A row behind the header.

    Attributes:
        number: Its place; the first behind the header is 1, rows without text are not counted.
        line: Where it begins in the file.
        cells: None if the row cannot be taken apart.
        reason: Why it is refused.
    """

    number: int
    line: int
    cells: list[str]
    reason: str | None = None


def open_table(
    stream: io.BufferedReader, path: str, delimiters: str
) -> tuple[Header, Iterator[Row]] | None:
    """Read the header of a table; its rows can be read then. None for an empty file.

    Args:
        stream: The file's bytes.
        path: Of the file, for messages.
        delimiters: The signs that may stand between cells; the header's most frequent one does.
            A spreadsheet writes semicolons where the comma is the decimal sign.

    Raises:
        DataError: If the first line has no end.
    """
    # Bytes that are no UTF-8 become lone surrogates: their row is refused, not the file.
    texts = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    line = printable(texts.readline(_MAX_HEADER))
    if not line.strip():
        return None
    if len(line) == _MAX_HEADER:
        raise DataError(f"{path} is no product feed: its first line has no end; check the file")
    if "\0" in line:
        raise DataError(f"{path} is no text in UTF-8; save it as CSV in UTF-8, and import that")
    n_lines = 1
    if named := _SEPARATOR_LINE.fullmatch(line.strip()):
        # A spreadsheet's own line above the header.
        line, delimiters = printable(texts.readline(_MAX_HEADER)), named[1]
        n_lines = 2
    sign = max(delimiters, key=line.count)
    columns = [name.strip() for name in next(csv.reader([line], delimiter=sign))]
    header = Header(columns, sign, n_lines)
    return header, _rows(texts, header)


def table_records(
    header: Header, rows: Iterator[Row], path: str, *, partial: bool
) -> Iterator[Record]:
    """Products of a Merchant Center table.

    Raises:
        MappingError: If a column is missing in the header.
    """
    check_columns(header.columns, path, _NAMED, partial=partial)
    for row in rows:
        yield Record(row.number, row_values(header, row), row.cells, row.line, row.reason)


def row_values(header: Header, row: Row) -> dict[str, str]:
    """The cells of a row by column; of columns with one name the first that is not empty."""
    values: dict[str, str] = {}
    for column, cell in zip(header.columns, row.cells, strict=False):
        if not values.get(column):
            values[column] = cell
    return values


def printable(text: str) -> str:
    """Bytes that were no UTF-8 as U+FFFD."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _rows(texts: io.TextIOWrapper, header: Header) -> Iterator[Row]:
    lines = _Lines(texts)
    reader = csv.reader(lines, delimiter=header.delimiter)
    number = 0
    for line, cells in _records(reader, lines, header):
        if cells is not None and not any(cells):
            continue
        number += 1
        if cells is None:
            yield Row(number, line, [], "broken_row")
        elif not all(cell.isascii() or _is_utf8(cell) for cell in cells):
            yield Row(number, line, [printable(cell) for cell in cells], "not_utf8")
        elif any(cell.strip() for cell in cells[len(header.columns) :]):
            yield Row(number, line, cells, "column_count")
        else:
            yield Row(number, line, cells)


class _Lines:
    """The lines of a table.

    Attributes:
        n_quotes: Quotation marks so far.
        n_record: Characters of the row that is being read.
    """

    def __init__(self, texts: io.TextIOWrapper) -> None:
        self._texts = texts
        self.n_quotes = 0
        self.n_record = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.n_record > _MAX_RECORD:
            # The reader drops the row, and takes the next line as the beginning of one.
            raise csv.Error("a row is too long")
        line = self._texts.readline(_MAX_LINE)
        if not line:
            raise StopIteration
        self.n_record += len(line)
        self.n_quotes += line.count('"')
        return line


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _records(
    reader: "_csv.Reader", lines: _Lines, header: Header
) -> Iterator[tuple[int, list[str] | None]]:
    """The rows of a reader with the lines they begin in; None for one that it cannot take apart.

    A quotation mark that is opened and never closed swallows rows. Each counts as a broken one:
    as part of a single row they would be missed by nobody, and go out of stock.
    """
    while True:
        n_lines, n_quotes = reader.line_num, lines.n_quotes
        lines.n_record = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        # The reader knows of no line up to the header.
        first = header.line + n_lines + 1
        if reader.line_num > n_lines + 1 and (lines.n_quotes - n_quotes) % 2:
            cells = None
        if cells is None or any(_holds_a_row(cell, len(header.columns)) for cell in cells):
            last = header.line + reader.line_num
            yield from zip(range(first, last + 1), itertools.repeat(None), strict=False)
        else:
            yield first, cells


def _holds_a_row(cell: str, n_columns: int) -> bool:
    """Whether a line inside a cell has the tabs of a row."""
    if n_columns < 2 or "\n" not in cell or "\t" not in cell:
        return False
    return any(line.count("\t") >= n_columns - 1 for line in cell.split("\n")[1:])
