"""Product feeds of all formats, row by row: a product, or the reason why there is none."""

import codecs
import io
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pipelines.ingest.feed_json import json_records
from pipelines.ingest.feed_parquet import parquet_records
from pipelines.ingest.feed_shopify import is_shopify, shopify_records
from pipelines.ingest.feed_table import open_table, table_records
from pipelines.ingest.feed_xml import xml_records
from pipelines.ingest.records import Record, Refusal, change_of, id_of, product_of
from pipelines.ingest.sources import OnBytes, open_bytes
from recommender.catalog.product import Product, SaleFault

FeedFormat = Literal["tsv", "csv", "shopify", "xml", "jsonl", "parquet"]
FORMATS: tuple[FeedFormat, ...] = ("tsv", "csv", "shopify", "xml", "jsonl", "parquet")

_ENDINGS = {
    ".xml": "xml", ".rss": "xml", ".atom": "xml", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".json": "jsonl", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_DELIMITERS = {"tsv": "\t", "csv": ",;", "shopify": ",;", "table": "\t,;"}
_PEEK_BYTES = 1 << 12


class FeedRow(NamedTuple):
    """A product of a feed as it was read.

    Attributes:
        number: Its place in the file; the first is 1.
        product: None if it is refused, or if the feed is a partial one.
        change: Of a partial feed: `id` and what changes.
        reason: Why it is refused.
        text: Its source, if it is refused.
        item_id: The id, if it could be read.
        line: Where it begins in the file, if that has lines.
        column: Which attribute is at fault, by the file's name.
        left_out: Why it is taken without its sale price.
    """

    number: int
    product: Product | None = None
    change: Mapping[str, Any] | None = None
    reason: str | None = None
    text: str = ""
    item_id: str | None = None
    line: int | None = None
    column: str | None = None
    left_out: SaleFault | None = None


def feed_rows(
    path: str,
    on_bytes: OnBytes | None = None,
    *,
    file_format: FeedFormat | None = None,
    partial: bool = False,
) -> Iterator[FeedRow]:
    """Read a feed in constant memory, gzipped or not.

    Attribute names may have spaces, capitals and the prefix `g:`; what is no attribute of ours
    comes into `attributes` by its own name.

    Args:
        path: A file, or `-` for stdin.
        on_bytes: Called with the bytes read since the last call.
        file_format: By default told by the first bytes, then by the name.
        partial: Whether rows are changes of prices and stock instead of products.

    Raises:
        MappingError: If a column is missing in the header.
        MissingExtraError: If Parquet is to be read without pyarrow.
        DataError: If the file cannot be read.
    """
    with open_bytes(path, on_bytes) as stream:
        if not stream.peek(1):
            return
        for record in _records(stream, path, on_bytes, file_format, partial=partial):
            yield _row(record, partial=partial)


def format_of_feed(path: str, stream: io.BufferedReader) -> str:
    """`xml`, `jsonl`, `parquet` or `table`: by the first bytes, then by the name."""
    start = stream.peek(_PEEK_BYTES)
    if start[:4] == b"PAR1":
        return "parquet"
    sign = start.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if sign in (b"<", b"{", b"["):
        return "xml" if sign == b"<" else "jsonl"
    name = path.removesuffix(".gz").lower()
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), "table")


def _records(
    stream: io.BufferedReader,
    path: str,
    on_bytes: OnBytes | None,
    file_format: FeedFormat | None,
    *,
    partial: bool,
) -> Iterator[Record]:
    kind = file_format or format_of_feed(path, stream)
    if kind == "xml":
        return xml_records(stream, path)
    if kind == "jsonl":
        return json_records(stream, path)
    if kind == "parquet":
        return parquet_records(stream, path, on_bytes, partial=partial)
    table = open_table(stream, path, _DELIMITERS[kind])
    if table is None:
        return iter(())
    header, rows = table
    if kind == "shopify" or (kind == "table" and is_shopify(header.columns)):
        return shopify_records(header, rows, path, partial=partial)
    return table_records(header, rows, path, partial=partial)


def _row(record: Record, *, partial: bool) -> FeedRow:
    """A record as what it describes, or as refused."""
    try:
        if record.reason is not None:
            raise Refusal(record.reason, item_id=id_of(record.values))
        if partial:
            change, left_out = change_of(record.values)
            row = FeedRow(record.number, change=change, item_id=change["id"], line=record.line)
        else:
            product, left_out = product_of(record.values)
            row = FeedRow(record.number, product, item_id=product.id, line=record.line)
    except Refusal as err:
        return FeedRow(
            record.number,
            reason=err.reason,
            text=record.text(),
            item_id=err.item_id,
            line=record.line,
            column=record.columns.get(err.column or "", err.column),
        )
    if left_out is None:
        return row
    column = record.columns.get(left_out.column, left_out.column)
    return row._replace(left_out=left_out.reason, column=column)
