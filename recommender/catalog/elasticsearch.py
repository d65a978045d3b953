"""The catalog in Elasticsearch: an alias on an index of one shard."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from recommender.catalog.answers import (
    change_behind,
    changes_of,
    expired,
    found_of,
    in_order,
    unreadable,
)
from recommender.catalog.cursor import decode_place, encode_change
from recommender.catalog.elasticsearch_client import Connection
from recommender.catalog.elasticsearch_documents import (
    ALIVE,
    SEARCHED,
    deleted_document,
    document_of,
    facets_of,
    product_of,
    search_body,
)
from recommender.catalog.elasticsearch_index import (
    changed_documents,
    health_of,
    indices_of,
    live_from,
    make_index,
    position_of,
    written_since_live,
)
from recommender.catalog.elasticsearch_writes import Stored, Writing, stored_documents
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
from recommender.errors import CatalogError
from recommender.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

WRITE_WITHIN_S = 60.0
"""Longest wait for one request of a write or of an export, where nobody waits for an answer."""

_MAX_HITS = 9_999
"""One less than what the server gives at most; with the one that tells whether there are more."""

_SCAN_HITS = 2_000
_SCAN_KEEP_ALIVE = "5m"

Arguments = dict[str, Any]


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
        alias: What names the index that answers.
        connection: To the server.
    """

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
            stored = stored_documents(self.connection, client, self.alias, item_ids, SEARCHED)
        known = {i: self._product(s.source) for i, s in stored.items() if not s.deleted}
        return in_order(item_ids, known)

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
        rows = [(int(hit["sort"][0]), self._product(hit["_source"])) for hit in hits]
        total = int(answer["hits"]["total"]["value"])
        return found_of(rows, limit, total, facets_of(answer.body, search))

    def upsert(self, products: Iterable[Product]) -> UpsertCounts:
        """Add or replace products, each by itself; the same once more changes nothing.

        Raises:
            CatalogError: If the server fails on the way: what it took so far stays; give the same
                products again.
        """
        counts = [0, 0, 0]
        errors: list[DocumentError] = []
        with self._writing() as writing:
            for some in in_parts(products):
                errors += writing.put(some, counts)
        return UpsertCounts(counts[0], counts[1], counts[2], tuple(errors))

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
        self, writing: Writing, patches: Sequence[ProductPatch]
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

        unknown, errors = writing.rewrite(list(by_id), patched)
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
            unknown, errors = writing.rewrite(known, lambda item_id, _: deleted_document(item_id))
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

    def had_products(self) -> bool:
        """Whether it has a product or had one since the last rebuild, which forgets deletions."""
        with self._asking() as client:
            return int(client.count(index=self.alias)["count"]) > 0

    def change_cursor(self) -> str:
        """The present, for `changes_since`."""
        with self._asking() as client:
            at = position_of(self.connection, client, self.alias)
            # What lies below must show in a scan that begins now.
            client.indices.refresh(index=at.name)
        return encode_change(at.filling, at.newest)

    def changes_since(self, cursor: str, limit: int = 1000) -> Changes:
        """Up to `limit` changes behind a cursor, oldest first.

        The server numbers writes when they begin. One with a low number may end after one with a
        higher number; so only what lies below the checkpoint, up to which all have ended, is told.

        Raises:
            ValueError: If `cursor` is none of a change's, or `limit` is below 1.
            CursorExpiredError: If the index was rebuilt since.
        """
        filling, change = change_behind(cursor, limit)
        limit = min(limit, _MAX_HITS)
        with self._asking() as client:
            at = position_of(self.connection, client, self.alias)
            if filling != at.filling or change > at.newest:
                raise expired(f"{self.connection.where}: {self.alias}")
            hits = changed_documents(client, at, change, limit) if change < at.newest else []
        rows = [(int(hit["sort"][0]), *self._told(hit["_source"])) for hit in hits]
        return changes_of(rows, limit, at.filling, at.newest)

    def _told(self, source: dict[str, Any]) -> tuple[str, Product | None]:
        """Id and, unless it was deleted, product."""
        return str(source["id"]), None if source.get("deleted") else self._product(source)

    def indices(self) -> tuple[str, list[str]]:
        """The index that answers, and those of earlier fillings, the oldest first."""
        with self._asking() as client:
            return indices_of(self.connection, client, self.alias)

    def has_answered(self, index: str) -> bool:
        """Whether an index ever answered; if not, a rebuild is filling it or was cut off."""
        with self._asking() as client:
            return live_from(client, index) is not None

    def written_since_live(self) -> int | None:
        """How many products were written or taken out since the index answers, if that is known."""
        with self._asking() as client:
            return written_since_live(client, indices_of(self.connection, client, self.alias)[0])

    def health(self) -> Health:
        """Whether the server answers, takes changes and has all copies; never raises."""
        return health_of(self.connection, self.alias)

    def close(self) -> None:
        """Give the connections back; a later call opens others."""
        self.connection.close()

    @contextmanager
    def _asking(self) -> Iterator["Elasticsearch"]:
        with self.connection.translated():
            client = self.connection.client()
            if self._create:
                make_index(self.connection, client, self.alias)
                self._create = False
            yield client

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        """What was written can be searched when the block ends, even by an error."""
        with self._asking():
            writing = Writing(self.connection, self.alias)
            try:
                yield writing
            except BaseException:
                # What failed first is told; without us the server refreshes a little later.
                with suppress(CatalogError), self.connection.translated():
                    writing.refresh()
                raise
            writing.refresh()

    def _product(self, source: dict[str, Any]) -> Product:
        try:
            return product_of(source)
        except ValidationError as err:
            raise unreadable(self.connection.where, err) from err
