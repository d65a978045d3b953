"""Merchant Center feeds in XML, RSS 2.0 and Atom, read piece by piece and without trust.

The parser is the standard library's expat. A document type is refused before it is read, and with
it every entity but XML's own five; nothing outside the file is ever opened. What a file may nest,
and how long a tag or a text may be, is limited, so that no file can fill the memory.
"""

import io
from collections import deque
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from pipelines.ingest.records import MAX_TEXT, Record, attribute_name
from recommender.errors import DataError

MAX_DEPTH = 64
"""Elements inside each other."""

MAX_TAG = 1 << 20
"""Bytes of one tag, comment or instruction."""

MAX_NAMES = 10_000
"""Different names of elements, attributes and prefixes of a file: expat never forgets one."""

_MAX_ITEM = 1 << 20
"""Characters of all texts and names of one product."""

_MAX_PARTS = 1000
_BLOCK_BYTES = 1 << 16
_ROOTS = ("rss", "feed", "RDF")
_ITEMS = ("item", "entry")
_ATOM = "http://www.w3.org/2005/Atom"
_OF_ATOM = {"id": "id", "title": "title", "link": "link", "summary": "description"} | {
    "content": "description"
}
_GOOGLE = (
    "http://base.google.com/ns/1.0",
    "https://base.google.com/ns/1.0",
    "http://base.google.com/cns/1.0",
)
_NOT_OURS = ("guid", "pubdate", "author", "category", "comments", "source", "enclosure")
_LISTED = "additional_image_link"


def xml_records(stream: io.BufferedReader, path: str) -> Iterator[Record]:
    """Products of a feed, in order.

    Raises:
        DataError: If it is no well-formed XML, no feed, or more than is allowed; with the line.
    """
    reader = _FeedReader(path)
    while block := stream.read(_BLOCK_BYTES):
        reader.feed(block)
        while reader.records:
            yield reader.records.popleft()
    reader.feed(b"")
    yield from reader.records


class _FeedReader:
    """Turns what expat reports into records."""

    def __init__(self, path: str) -> None:
        self.records: deque[Record] = deque()
        self._path = path
        self._depth = 0
        self._number = 0
        self._n_fed = 0
        self._item: _Item | None = None
        self._item_depth = 0
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = _BLOCK_BYTES
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._doctype
        # Asked only so that prefixes are counted among the names.
        parser.StartNamespaceDeclHandler = _nothing
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def feed(self, block: bytes) -> None:
        """Read on; nothing is the end of the file."""
        self._n_fed += len(block)
        try:
            self._parser.Parse(block, not block)
        except expat.ExpatError as err:
            raise self._error(_in_words(err), err.lineno, err.offset) from err
        except (UnicodeError, LookupError, ValueError) as err:
            raise self._error("its encoding cannot be read; save it as UTF-8") from err
        # Behind the place of the last thing read there is only what has not ended yet.
        if self._n_fed - max(self._parser.CurrentByteIndex, 0) > MAX_TAG + _BLOCK_BYTES:
            raise self._error(f"a tag or comment is longer than {MAX_TAG:,} bytes")
        if len(self._parser.intern) > MAX_NAMES:
            raise self._error(
                f"it has more than {MAX_NAMES:,} different names of elements and attributes; "
                "write what differs as text"
            )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"elements are nested deeper than {MAX_DEPTH}")
        space, _, local = name.rpartition(" ")
        if self._depth == 1 and local not in _ROOTS:
            raise self._error(f"its first element is <{local[:40]}>, not <rss> or <feed>")
        if self._item is not None:
            self._item.start(self._depth - self._item_depth, space, local, attributes)
        elif local in _ITEMS:
            self._item, self._item_depth = _Item(self._parser.CurrentLineNumber), self._depth

    def _end(self, _: str) -> None:
        if self._item is not None:
            if self._depth == self._item_depth:
                self._number += 1
                self.records.append(self._item.record(self._number))
                self._item = None
            else:
                self._item.end(self._depth - self._item_depth)
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self._item is not None:
            self._item.text(text)

    def _doctype(self, name: str, *_: Any) -> int:
        if name.lower() == "html":
            raise self._error("it is an HTML page; look what the feed's address answers")
        raise self._error("it has a document type (<!DOCTYPE>), which is not read; remove it")

    def _error(self, problem: str, line: int | None = None, column: int | None = None) -> DataError:
        line = self._parser.CurrentLineNumber if line is None else line
        column = self._parser.CurrentColumnNumber if column is None else column
        return DataError(
            f"{self._path} is no product feed in XML that can be read: line {line}, column "
            f"{column + 1}: {problem}; nothing of it was imported"
        )


def _nothing(*_: Any) -> None:
    """What is told is not needed."""


def _in_words(err: expat.ExpatError) -> str:
    text = expat.ErrorString(err.code) or "it is not well-formed"
    if err.code == expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]:
        return f'{text}; the first element must say xmlns:g="{_GOOGLE[0]}"'
    if err.code == expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]:
        return f"{text}; XML knows &amp; &lt; &gt; &quot; &apos; and numbers only"
    if err.code == expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]:
        return f"{text}; look for a bare & or <, or text that is not in the encoding it names"
    if err.code == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]:
        return f"{text}: the file ends too early"
    return text


class _Item:
    """One product while it is read."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._google: dict[str, Any] = {}
        self._plain: dict[str, Any] = {}
        self._name: str | None = None
        self._space = ""
        self._parts: list[list[str]] = []
        self._n_text = 0
        self._n_item = 0
        self._reason: str | None = None

    def start(self, depth: int, space: str, local: str, attributes: dict[str, str]) -> None:
        self._n_item += len(local)
        if depth > 1:
            self._parts.append([])
            return
        self._name, self._space, self._parts, self._n_text = local, space, [[]], 0
        if space == _ATOM and local == "link":
            self._name = local if attributes.get("rel", "alternate") == "alternate" else None
            self.text(attributes.get("href", ""))

    def text(self, text: str) -> None:
        if self._name is None:
            return
        self._n_text += len(text)
        self._n_item += len(text)
        if self._n_text > MAX_TEXT or self._n_item > _MAX_ITEM or len(self._parts) > _MAX_PARTS:
            self._reason = "text_too_long"
            self._parts = [[]]
        else:
            self._parts[-1].append(text)

    def end(self, depth: int) -> None:
        if depth > 1:
            # What comes behind an inner element is another part.
            self._parts.append([])
            return
        name, self._name = self._name, None
        if name is None:
            return
        texts = ("".join(part).strip() for part in self._parts)
        if self._space in _GOOGLE:
            # Parts of one attribute, as a table writes them: `US:Standard:4.95 USD`.
            _add(self._google, f"g:{name}", ":".join(text for text in texts if text))
        elif self._space == _ATOM:
            if name in _OF_ATOM:
                _add(self._plain, _OF_ATOM[name], " ".join(texts).strip())
        elif not self._space and name.lower() not in _NOT_OURS:
            _add(self._plain, name, " ".join(texts).strip())

    def record(self, number: int) -> Record:
        # Google's attributes count before those of RSS and Atom.
        values = self._google | self._plain
        return Record(number, values, values, self._line, self._reason)


def _add(values: dict[str, Any], name: str, text: str) -> None:
    """Of an attribute that comes again the first one counts, of picture links all do."""
    if not text:
        values.setdefault(name, text)
    elif attribute_name(name) == _LISTED:
        links = values[name] = values.get(name) or []
        links.append(text)
    elif not values.get(name):
        values[name] = text
