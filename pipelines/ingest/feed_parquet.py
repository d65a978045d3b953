"""Feeds in Parquet; memory holds some thousand rows and the pages that they lie on."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.ingest.columns import check_columns
from pipelines.ingest.records import CHANGEABLE, Record, attribute_name
from pipelines.ingest.sources import STDIN, OnBytes, reading
from recommender.errors import DataError, MissingExtraError, words_of

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_A_BATCH = 1000
_BUFFER_BYTES = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_NAMED = "columns are named as the attributes of a Merchant Center feed"


def parquet_records(
    stream: io.BufferedReader, path: str, on_bytes: OnBytes | None, *, partial: bool
) -> Iterator[Record]:
    """Products of a feed, in order.

    Args:
        stream: The file's bytes, unzipped.
        path: Where it lies; one that is gzipped is unzipped into a temporary file.
        on_bytes: Called with the bytes read since the last call.
        partial: Which columns have to be there.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        MappingError: If a column is missing.
        DataError: If the file cannot be read, or is stdin.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ModuleNotFoundError as err:
        raise MissingExtraError(
            "pyarrow is not installed; run: pip install 'session-recommender[train]'"
        ) from err
    if path == STDIN:
        raise DataError("Parquet cannot be read from stdin; save it to a file and import that")
    try:
        with Path(path).open("rb") as file:
            is_packed = file.read(2) == _GZIP_MAGIC
        if not is_packed:
            yield from _records(path, path, on_bytes, partial=partial)
            return
        with TemporaryDirectory() as folder:
            unpacked = Path(folder) / "feed.parquet"
            with unpacked.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
            yield from _records(str(unpacked), path, None, partial=partial)
    except pa.ArrowException as err:
        raise DataError(
            f"{path} is no readable Parquet ({words_of(err)}); write it again; nothing of it was "
            "imported"
        ) from err


def _records(place: str, path: str, on_bytes: OnBytes | None, *, partial: bool) -> Iterator[Record]:
    import pyarrow.parquet as pq

    with (
        reading(path),
        pq.ParquetFile(place, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file,
    ):
        columns = file.schema_arrow.names
        check_columns(columns, path, _NAMED, partial=partial)
        if partial:
            columns = [name for name in columns if attribute_name(name) in ("id", *CHANGEABLE)]
        bytes_a_row = Path(place).stat().st_size / max(file.metadata.num_rows, 1)
        number = 0
        for batch in file.iter_batches(_ROWS_A_BATCH, columns=columns, use_threads=False):
            for values in _rows(batch):
                number += 1
                reason = "not_utf8" if values is None else None
                yield Record(number, values or {}, values or {}, None, reason)
            if on_bytes is not None:
                on_bytes(round(batch.num_rows * bytes_a_row))


def _rows(batch: "pa.RecordBatch") -> Iterator[dict[str, Any] | None]:
    """The rows of a batch; None for one whose text is not UTF-8."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for place in range(batch.num_rows):
            try:
                yield batch.slice(place, 1).to_pylist()[0]
            except UnicodeDecodeError:
                yield None
