"""Parquet files batch by batch; memory holds one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.sources import STDIN, OnBytes, reading
from recommender.errors import DataError, words_of


@contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file and translate what goes wrong until it is closed.

    Raises:
        DataError: If it cannot be read, or is stdin.
    """
    if path == STDIN:
        raise DataError("Parquet cannot be read from stdin; save it to a file and import that")
    try:
        with reading(path), pq.ParquetFile(path) as file:
            yield file
    except pa.ArrowException as err:
        raise DataError(
            f"{path} is no readable Parquet ({words_of(err)}); write it again; nothing of it was "
            "imported"
        ) from err


def parquet_batches(
    file: pq.ParquetFile, path: str, columns: Sequence[str], n_rows: int, on_bytes: OnBytes | None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Read some columns.

    Args:
        file: Of `open_parquet`.
        path: Where it lies.
        columns: Their names.
        n_rows: Rows of a batch, at most.
        on_bytes: Called after each batch with about as many bytes as its rows take in the file.

    Yields:
        The place of the batch's first row in the file, from 0, and the batch.
    """
    bytes_a_row = Path(path).stat().st_size / max(file.metadata.num_rows, 1)
    first = 0
    for batch in file.iter_batches(n_rows, columns=list(columns)):
        yield first, batch
        first += batch.num_rows
        if on_bytes is not None:
            on_bytes(round(batch.num_rows * bytes_a_row))
