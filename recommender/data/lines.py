"""Lines of NDJSON as Arrow batches, block by block, so that no file need fit into memory."""

import codecs
import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 22
"""A good size of the blocks that are read."""

MAX_LINE_BYTES = 1 << 20
"""Longer lines are cut and reported: a file without line ends must not fill the memory."""

LINE_SCHEMA = pa.schema([("ordinal", pa.int64()), ("line", pa.string()), ("problem", pa.string())])
"""`ordinal` counts lines from 0; `problem` is null, `not_utf8` or `line_too_long`."""

_NEWLINE = ord("\n")


def line_batches(blocks: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
    """Cut blocks of bytes into lines.

    A line keeps its newline; a last line without one counts. Bytes that are no UTF-8 come out as
    U+FFFD. A byte order mark in front of the first line is dropped.

    Args:
        blocks: The bytes of one file, in order.

    Yields:
        Batches of `LINE_SCHEMA`.
    """
    first_ordinal = 0
    for text in _whole_lines(blocks):
        batch = _batch(text, first_ordinal)
        first_ordinal += batch.num_rows
        yield batch


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces that end where a line ends; of an overlong line only its beginning."""
    rest, dropping, is_first = b"", False, True
    for block in blocks:
        if is_first:
            block, is_first = block.removeprefix(codecs.BOM_UTF8), False
        if dropping:
            _, newline, block = block.partition(b"\n")
            dropping = not newline
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
        if len(rest) > MAX_LINE_BYTES:
            yield rest[: MAX_LINE_BYTES + 1]
            rest, dropping = b"", True
    if rest:
        yield rest


def _batch(text: bytes, first_ordinal: int) -> pa.RecordBatch:
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE) + 1
    if not len(ends) or ends[-1] != len(text):
        ends = np.append(ends, len(text))
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    # The block itself is the column: no line is copied.
    lines = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text))
    problems = np.full(len(ends), None, object)
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        lines = _repair(text, offsets, problems)
    problems[np.diff(offsets) > MAX_LINE_BYTES] = "line_too_long"
    ordinals = pa.array(np.arange(first_ordinal, first_ordinal + len(ends)))
    return pa.record_batch([ordinals, lines, pa.array(problems, pa.string())], schema=LINE_SCHEMA)


def _repair(text: bytes, offsets: NDArray[np.int32], problems: NDArray[np.object_]) -> pa.Array:
    lines = []
    for position, (start, end) in enumerate(itertools.pairwise(offsets)):
        try:
            lines.append(text[start:end].decode())
        except UnicodeDecodeError:
            lines.append(text[start:end].decode(errors="replace"))
            problems[position] = "not_utf8"
    return pa.array(lines, pa.string())
