"""The catalog in Elasticsearch: an alias on an index of one shard."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from recommender.catalog.cursor import (
    decode_change,
    decode_place,
    encode_change,
    encode_place,
)
from recommender.catalog.elasticsearch_client import BulkResult, Connection
from recommender.catalog.elasticsearch_documents import (
    ALIVE,
    INDEX,
    SEARCHED,
    deleted_document,
    document_of,
    facets_of,
    product_of,
    search_body,
)
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import (
    Changes,
    DeleteCounts,
    DocumentError,
    Found,
    Health,
    PatchCounts,
    Search,
    UnknownIds,
    UpsertCounts,
    check_search,
    in_parts,
)
from recommender.data.events import MAX_ID_BYTES
from recommender.errors import CatalogError, CursorExpiredError, RecommenderError
from recommender.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

WRITE_WITHIN_S = 60.0
"""Longest wait for one request of a write or of an export, where nobody waits for an answer."""

_MAX_HITS = 9_999
"""One less than what the server gives at most; with the one that tells whether there are more."""

_SCAN_HITS = 2_000
_SCAN_KEEP_ALIVE = "5m"
_MAKE_WITHIN_S = 30.0
_FIRST = "00000000t000000000000z"
"""In the place of the time when an index was begun."""

_CONFLICT = 409
_TRIES = 20

Arguments = dict[str, Any]


class Stored(NamedTuple):
    """A document as it is there.

    Attributes:
        source: As written; the mark of a deletion too.
        version: What a write names that must not overwrite somebody else's.
    """

    source: dict[str, Any]
    version: dict[str, int]

    @property
    def deleted(self) -> bool:
        """Whether it only marks a deletion."""
        return bool(self.source.get("deleted"))


class _Writing:
    """One write, of one thread.

    Attributes:
        client: With the time limit of a write.
        sent: Whether anything was sent to be written.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self.client = connection, connection.writer()
        self.sent = False

    def bulk(self, actions: Iterable[Arguments]) -> list[BulkResult]:
        """As `Connection.bulk`."""
        some = list(actions)
        self.sent = self.sent or bool(some)
        return self._connection.bulk(some)


class ElasticsearchCatalog:
    """Products in Elasticsearch 9.

    Any number of threads and processes may use one object; each process has its own connections.
    A write is refreshed before it returns, so that every later search sees it.

    Args:
        settings: Where the server is and who we are.
        create: Whether to make the index when it is missing. Without it a missing index is a
            `CatalogError`, now and until somebody else has made it.
        write_within_s: Time limit of one request of a write or of an export.

    Attributes:
        all_or_nothing: A write that fails may have changed some products.
        alias: What names the index that answers.
        connection: To the server.
    """

    all_or_nothing = False

    def __init__(
        self,
        settings: ElasticsearchSettings,
        *,
        create: bool = True,
        write_within_s: float = WRITE_WITHIN_S,
    ) -> None:
        self.alias = settings.index
        self._create = create
        self.connection = Connection(settings, write_within_s)

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """The known ones among `item_ids`, in the order asked for."""
        with self._asking() as client:
            stored = self._stored(client, item_ids, without=SEARCHED)
        known = {i: self._product(s.source) for i, s in stored.items() if not s.deleted}
        return [known[item_id] for item_id in item_ids if item_id in known]

    def scan(self) -> Iterator[Product]:
        """Every product, in id order, as the catalog is when the first one is asked for."""
        for source in self.documents(without=SEARCHED):
            yield self._product(source)

    def documents(self, without: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Every product as it is stored, in id order, as the index is when this begins.

        Args:
            without: Fields to leave out.
        """
        with self._asking() as client:
            opened = client.open_point_in_time(index=self.alias, keep_alive=_SCAN_KEEP_ALIVE)
            point = {"id": opened["id"], "keep_alive": _SCAN_KEEP_ALIVE}
            try:
                yield from self._scanned(point, without)
            finally:
                client.close_point_in_time(id=point["id"])

    def _scanned(self, point: dict[str, str], without: Sequence[str]) -> Iterator[dict[str, Any]]:
        after: Arguments = {}
        while True:
            answer = self.connection.writer().search(
                pit=point, query=ALIVE, sort=[{"id": "asc"}], size=_SCAN_HITS,
                source_excludes=list(without) or None, track_total_hits=False, **after,
            )  # fmt: skip
            hits = answer["hits"]["hits"]
            for hit in hits:
                yield hit["_source"]
            if len(hits) < _SCAN_HITS:
                return
            point["id"] = answer["pit_id"]
            after = {"search_after": hits[-1]["sort"]}

    def search(self, search: Search) -> Found:
        """Products by words and filter, see `Catalog`.

        Raises:
            ValueError: If the cursor is none of a search's, the limit is below 1, a facet is no
                field that can be counted, or there are too many words.
        """
        check_search(search)
        after: Arguments = {}
        if search.cursor is not None:
            after["search_after"] = [*decode_place(search.cursor)]
        body, limit = search_body(search), min(search.limit, _MAX_HITS)
        if body is None:
            return Found([], None, 0, dict.fromkeys(search.facets, ()))
        with self._asking() as client:
            answer = client.search(
                index=self.alias, size=limit + 1, source_excludes=SEARCHED, **body, **after
            )
        hits = answer["hits"]["hits"]
        products = [self._product(hit["_source"]) for hit in hits[:limit]]
        last = hits[:limit][-1:]
        more = len(hits) > limit
        cursor = encode_place(int(last[0]["sort"][0]), products[-1].id) if more else None
        total = int(answer["hits"]["total"]["value"])
        return Found(products, cursor, total, facets_of(answer.body, search))

    def upsert(self, products: Iterable[Product]) -> UpsertCounts:
        """Add or replace products, each by itself; the same once more changes nothing.

        Raises:
            CatalogError: If the server fails on the way: what it took so far stays; give the same
                products again.
        """
        added = changed = unchanged = 0
        errors: list[DocumentError] = []
        with self._writing() as writing:
            for some in in_parts(products):
                stored = self._stored(writing.client, [product.id for product in some])
                there = {i: s.source for i, s in stored.items() if not s.deleted}
                documents: dict[str, dict[str, Any]] = {}
                came: dict[str, list[int]] = {}
                for product in some:
                    document, before = document_of(product), there.get(product.id)
                    if before == document:
                        unchanged += 1
                        continue
                    counts = came.setdefault(product.id, [0, 0])
                    counts[before is not None] += 1
                    there[product.id] = documents[product.id] = document
                for result in writing.bulk(map(self._index_action, documents.values())):
                    if result.problem is None:
                        added += came[result.item_id][0]
                        changed += came[result.item_id][1]
                    else:
                        errors.append(DocumentError(result.item_id, result.problem))
        return UpsertCounts(added, changed, unchanged, tuple(errors))

    def patch(self, patches: Iterable[ProductPatch]) -> PatchCounts:
        """Change price, currency or availability of products that are there, each by itself."""
        changed = unchanged = left_out = 0
        unknown = UnknownIds()
        errors: list[DocumentError] = []
        with self._writing() as writing:
            for some in in_parts(patches):
                counts, unknown_ids, refused = self._patched(writing, some)
                errors += refused
                changed += sum(n_changed for n_changed, _, _ in counts)
                unchanged += sum(n_unchanged for _, n_unchanged, _ in counts)
                left_out += sum(n_left_out for _, _, n_left_out in counts)
                for patch in some:
                    if patch.id in unknown_ids:
                        unknown.add(patch.id)
        first = tuple(unknown.first)
        return PatchCounts(changed, unchanged, unknown.count, first, tuple(errors), left_out)

    def _patched(
        self, writing: _Writing, patches: Sequence[ProductPatch]
    ) -> tuple[list[tuple[int, int, int]], set[str], list[DocumentError]]:
        """Unknown and refused ones, and how many patches did what to each of the others.

        Returns:
            Patches that changed the product, did not, left a sale price out; unknown; refused.
        """
        by_id: dict[str, list[ProductPatch]] = {}
        for patch in patches:
            by_id.setdefault(patch.id, []).append(patch)
        counts: dict[str, tuple[int, int, int]] = {}

        def patched(item_id: str, stored: Stored) -> dict[str, Any] | None:
            product, n_changed, n_left_out = self._product(stored.source), 0, 0
            for patch in by_id[item_id]:
                n_left_out += patch.sale_fault(product) is not None
                before, product = product, patch.of(product)
                n_changed += product != before
            counts[item_id] = n_changed, len(by_id[item_id]) - n_changed, n_left_out
            return document_of(product) if n_changed else None

        unknown, errors = self._rewrite(writing, list(by_id), patched)
        refused = {error.item_id for error in errors}
        done = [count for item_id, count in counts.items() if item_id not in refused]
        return done, unknown, errors

    def delete(self, item_ids: Sequence[str]) -> DeleteCounts:
        """Take products out; `changes_since` tells it.

        Raises:
            CatalogError: If the server fails on the way, or refuses one: give the same ids again.
        """
        known = list(dict.fromkeys(item_ids))
        with self._writing() as writing:
            unknown, errors = self._rewrite(
                writing, known, lambda item_id, _: deleted_document(item_id)
            )
        if errors:
            raise CatalogError(
                f"{self.connection.where} did not delete {errors[0].item_id}: {errors[0].problem}"
            )
        repeated = list(item_ids)
        for item_id in known:
            repeated.remove(item_id)
        given = [*(i for i in known if i in unknown), *repeated]
        return DeleteCounts(len(known) - len(unknown), tuple(given))

    def count(self) -> int:
        """Number of products."""
        with self._asking() as client:
            return int(client.count(index=self.alias, query=ALIVE)["count"])

    def change_cursor(self) -> str:
        """The present, for `changes_since`."""
        with self._asking() as client:
            index, filling, newest = self._position(client)
            # What lies below must show in a scan that begins now.
            client.indices.refresh(index=index)
        return encode_change(filling, newest)

    def changes_since(self, cursor: str, limit: int = 1000) -> Changes:
        """Up to `limit` changes behind a cursor, oldest first.

        The server numbers writes when they begin. One with a low number may end after one with a
        higher number; so only what lies below the checkpoint, up to which all have ended, is told.

        Raises:
            ValueError: If `cursor` is none of a change's, or `limit` is below 1.
            CursorExpiredError: If the index was rebuilt since.
        """
        if limit < 1:
            raise ValueError(f"limit: expected at least 1, got {limit}")
        filling, change = decode_change(cursor)
        limit = min(limit, _MAX_HITS)
        with self._asking() as client:
            index, present, newest = self._position(client)
            if filling != present or change > newest:
                raise CursorExpiredError(
                    f"{self.connection.where} holds {self.alias} in a new index: read all of it "
                    "again"
                )
            hits = self._changed(client, index, change, newest, limit) if change < newest else []
        products = [self._product(h["_source"]) for h in hits if not h["_source"].get("deleted")]
        deleted = [str(h["_source"]["id"]) for h in hits if h["_source"].get("deleted")]
        reached = int(hits[-1]["sort"][0]) if len(hits) == limit else newest
        return Changes(products, deleted, encode_change(filling, reached), reached < newest)

    def indices(self) -> tuple[str, list[str]]:
        """The index that answers, and those of earlier fillings, the oldest first."""
        with self._asking() as client:
            (answering,) = client.indices.get_alias(name=self.alias)
            there = client.indices.get(index=f"{self.alias}-*", filter_path="*.settings.index.uuid")
        made = re.compile(rf"{re.escape(self.alias)}-\d{{8}}t\d{{12}}z")
        names = sorted(str(name) for name in there if made.fullmatch(str(name)))
        return str(answering), [name for name in names if name != str(answering)]

    def health(self) -> Health:
        """Whether the server answers, takes changes and has all copies; never raises."""
        where, version = self.connection.where, None
        try:
            version = self.connection.version()
            with self._asking() as client:
                index, _, _ = self._position(client)
                status = client.cluster.health(index=index)["status"]
                settings = client.indices.get_settings(index=index)[index]["settings"]["index"]
        except RecommenderError as err:
            return Health("unavailable", where, version, str(err))
        blocks = settings.get("blocks", {})
        if "read_only_allow_delete" in blocks:
            problem = "its disk is nearly full and the index is read-only; free space on it"
            return Health("degraded", where, version, f"{where}: {problem}")
        if blocks.get("write") == "true":
            return Health("degraded", where, version, self.connection.held())
        if status != "green":
            problem = f"index {index} is {status}: copies are missing; look at the server's nodes"
            return Health("degraded", where, version, f"{where}: {problem}")
        return Health("ok", where, version)

    def close(self) -> None:
        """Give the connections back; a later call opens others."""
        self.connection.close()

    @contextmanager
    def _asking(self) -> Iterator["Elasticsearch"]:
        with self.connection.translated():
            client = self.connection.client()
            if self._create:
                self._make_index(client)
                self._create = False
            yield client

    @contextmanager
    def _writing(self) -> Iterator[_Writing]:
        """What was written can be searched when the block ends, even by an error."""
        with self._asking():
            writing = _Writing(self.connection)
            try:
                yield writing
            except BaseException:
                # What failed first is told; without us the server refreshes a little later.
                with suppress(CatalogError), self.connection.translated():
                    self._refresh(writing)
                raise
            self._refresh(writing)

    def _refresh(self, writing: _Writing) -> None:
        if writing.sent:
            writing.client.indices.refresh(index=self.alias)

    def _make_index(self, client: "Elasticsearch") -> None:
        patient = client.options(request_timeout=_MAKE_WITHIN_S)
        if not client.indices.exists_alias(name=self.alias):
            if client.indices.exists(index=self.alias):
                raise CatalogError(
                    f"{self.connection.where} has an index named {self.alias} where our alias "
                    "would be; choose another name in catalog.elasticsearch.index"
                )
            self._make_first(patient)
        # Another may have made it a moment ago. If it does not start, what reads it says so.
        patient.options(ignore_status=408).cluster.health(
            index=self.alias, wait_for_active_shards=1, timeout="10s"
        )

    def _make_first(self, client: "Elasticsearch") -> None:
        # Of two that are first one makes it: an alias on two indices could not be written.
        first = f"{self.alias}-{_FIRST}"
        with self.connection.unless_there():
            client.indices.create(index=first, aliases={self.alias: {}}, **INDEX)
        if not client.indices.exists_alias(name=self.alias):
            raise CatalogError(
                f"{self.connection.where} has an index {first} that the alias {self.alias} does "
                "not stand for; put the alias on it, or delete it"
            )

    def _position(self, client: "Elasticsearch") -> tuple[str, str, int]:
        """Index behind the alias, which filling it is, and the newest change that all lie below."""
        stats = client.indices.stats(index=self.alias, metric="docs", level="shards")
        if len(stats["indices"]) != 1:
            raise CatalogError(
                f"{self.connection.where}: the alias {self.alias} stands for "
                f"{len(stats['indices'])} indices; leave it on one"
            )
        ((index, of_index),) = stats["indices"].items()
        for copy in of_index["shards"].get("0", []):
            # A primary that recovers has no number yet.
            if copy["routing"]["primary"] and "seq_no" in copy:
                # Below the global checkpoint a change survives the loss of a node.
                return index, str(of_index["uuid"]), int(copy["seq_no"]["global_checkpoint"])
        raise CatalogError(f"{self.connection.where}: index {index} is not started; look at it")

    def _changed(
        self, client: "Elasticsearch", index: str, change: int, newest: int, limit: int
    ) -> list[dict[str, Any]]:
        client.indices.refresh(index=index)
        answer = client.search(
            index=index, query={"range": {"_seq_no": {"gt": change, "lte": newest}}},
            sort=[{"_seq_no": "asc"}], size=limit, source_excludes=SEARCHED,
            track_total_hits=False,
        )  # fmt: skip
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits

    def _stored(
        self, client: "Elasticsearch", item_ids: Sequence[str], without: Sequence[str] = ()
    ) -> dict[str, Stored]:
        """What is there of some ids."""
        found: dict[str, Stored] = {}
        possible = (i for i in item_ids if 0 < len(i.encode(errors="replace")) <= MAX_ID_BYTES)
        for some in in_parts(i for i in possible if not _has_surrogate(i)):
            ids = list(dict.fromkeys(some))
            answer = client.mget(index=self.alias, ids=ids, source_excludes=list(without) or None)
            for doc in answer["docs"]:
                if "error" in doc:
                    # Not "unknown": nobody looked, e.g. while the server still starts.
                    raise self.connection.refused_read(doc["error"])
                if doc.get("found"):
                    version = {"if_seq_no": doc["_seq_no"], "if_primary_term": doc["_primary_term"]}
                    found[doc["_id"]] = Stored(doc["_source"], version)
        return found

    def _rewrite(
        self,
        writing: _Writing,
        item_ids: Sequence[str],
        change: Callable[[str, Stored], dict[str, Any] | None],
    ) -> tuple[set[str], list[DocumentError]]:
        """Replace documents by what they become; those that others changed meanwhile, once more.

        Returns:
            Ids that are of no product, and what was refused.
        """
        unknown: set[str] = set()
        errors: list[DocumentError] = []
        left = list(item_ids)
        for attempt in range(_TRIES):
            results = self._rewritten(writing, left, change, unknown)
            left = [result.item_id for result in results if result.status == _CONFLICT]
            errors += [
                DocumentError(result.item_id, result.problem)
                for result in results
                if result.problem is not None and result.status != _CONFLICT
            ]
            if not left:
                break
            time.sleep(0.01 * (attempt + 1))
        errors += [DocumentError(item_id, "others change it all the time") for item_id in left]
        return unknown, errors

    def _rewritten(
        self,
        writing: _Writing,
        item_ids: Sequence[str],
        change: Callable[[str, Stored], dict[str, Any] | None],
        unknown: set[str],
    ) -> list[BulkResult]:
        results: list[BulkResult] = []
        for some in in_parts(item_ids):
            stored = {i: s for i, s in self._stored(writing.client, some).items() if not s.deleted}
            unknown.update(item_id for item_id in some if item_id not in stored)
            results += writing.bulk(
                {**self._index_action(document), **there.version}
                for item_id, there in stored.items()
                if (document := change(item_id, there)) is not None
            )
        return results

    def _index_action(self, document: dict[str, Any]) -> dict[str, Any]:
        return {
            "_op_type": "index", "_index": self.alias, "_id": document["id"], "_source": document,
            # Without the alias a write would make an index of its own.
            "require_alias": True,
        }  # fmt: skip

    def _product(self, source: dict[str, Any]) -> Product:
        try:
            return product_of(source)
        except ValidationError as err:
            raise CatalogError(
                f"{self.connection.where} holds a product that cannot be read "
                f"({err.errors()[0]['msg']}); import the product feed again: "
                "recommender import items FILE"
            ) from err


def new_index_name(alias: str) -> str:
    """A name that says when the index was begun."""
    return f"{alias}-{datetime.now(UTC):%Y%m%dt%H%M%S%fz}"


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
