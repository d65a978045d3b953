"""CSV in any of its usual shapes as Arrow batches of texts."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from recommender.data.lines import LINE_SCHEMA
from recommender.errors import DataError, words_of

_BLOCK_BYTES = 1 << 23
_DELIMITERS = ",;\t|"
_HEADER_BYTES = 1 << 16


class CsvHeader(NamedTuple):
    """The first line of a file."""

    names: list[str]
    delimiter: str


def csv_header(stream: io.BufferedReader) -> CsvHeader:
    """Look at the names of the columns and what stands between them; nothing is consumed."""
    start = stream.peek(_HEADER_BYTES)[:_HEADER_BYTES].removeprefix(codecs.BOM_UTF8)
    line = start.partition(b"\n")[0].partition(b"\r")[0].decode(errors="replace")
    delimiter = max(_DELIMITERS, key=line.count)
    names = next(csv.reader([line.replace("\0", "\ufffd")], delimiter=delimiter), [])
    return CsvHeader([name.strip() for name in names], delimiter)


def csv_batches(
    stream: io.BufferedReader, path: str, header: CsvHeader, columns: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """Read the rows behind the header.

    Args:
        stream: The file from its beginning.
        path: For messages.
        header: What `csv_header` found.
        columns: The wanted columns by the names they get.

    Yields:
        Batches with `ordinal` (the row's place, from 0), `problem` and `columns` as text; and
        batches of `LINE_SCHEMA` with the rows that have another number of columns than the header.
    """
    bad_rows: dict[int, str] = {}

    def on_bad_row(row: pacsv.InvalidRow) -> str:
        # The header is row 1, the first row behind it has the ordinal 0.
        bad_rows[row.number - 2] = row.text
        return "skip"

    places = [header.names.index(column) for column in columns.values()]
    all_names = [str(place) for place in range(len(header.names))]
    try:
        reader = pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                block_size=_BLOCK_BYTES, use_threads=False, column_names=all_names, skip_rows=1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=on_bad_row
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(all_names, pa.binary()),
                include_columns=sorted({str(place) for place in places}),
            ),
        )
        first = 0
        for batch in reader:
            ordinals = _ordinals(first, batch.num_rows, bad_rows)
            first = int(ordinals[-1]) + 1 if len(ordinals) else first
            chosen = [batch.column(str(place)) for place in places]
            yield with_texts(ordinals, chosen, list(columns))
            yield from _bad_lines(bad_rows, first)
        yield from _bad_lines(bad_rows, None)
    except pa.ArrowInvalid as err:
        raise DataError(
            f"{path} cannot be read as CSV: {words_of(err)}; look for a quotation mark that is "
            "opened and never closed; nothing of the file was imported"
        ) from err


def with_texts(
    ordinals: NDArray[np.int64], columns: list[pa.Array], names: list[str]
) -> pa.RecordBatch:
    """Columns with `ordinal` and `problem` before them, bytes made texts.

    Bytes that are no UTF-8 come out as U+FFFD, and the problem of their row is `not_utf8`.
    """
    problems = np.full(len(ordinals), None, object)
    texts = [_text(column, problems) for column in columns]
    return pa.record_batch(
        [pa.array(ordinals), pa.array(problems, pa.string()), *texts],
        names=["ordinal", "problem", *names],
    )


def _text(column: pa.Array, problems: NDArray[np.object_]) -> pa.Array:
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        values = column.to_pylist()
    texts = [None if value is None else value.decode(errors="replace") for value in values]
    for position, (value, text) in enumerate(zip(values, texts, strict=True)):
        if text is not None and text.encode() != value:
            problems[position] = "not_utf8"
    return pa.array(texts, pa.string())


def _ordinals(first: int, n_rows: int, bad_rows: Iterable[int]) -> NDArray[np.int64]:
    """The places of the next rows when those in `bad_rows` are passed over."""
    passed_over = np.array([row for row in bad_rows if row >= first], np.int64)
    candidates = np.arange(first, first + n_rows + len(passed_over))
    return candidates[~np.isin(candidates, passed_over)][:n_rows]


def _bad_lines(bad_rows: dict[int, str], before: int | None) -> Iterator[pa.RecordBatch]:
    """Take the bad rows that have been passed, so that they do not pile up."""
    passed = sorted(row for row in bad_rows if before is None or row < before)
    if passed:
        texts = [bad_rows.pop(row) for row in passed]
        problems = ["column_count"] * len(passed)
        yield pa.record_batch([pa.array(passed), texts, problems], schema=LINE_SCHEMA)
