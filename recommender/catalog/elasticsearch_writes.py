"""Writes to Elasticsearch: each product by itself, and none over somebody else's."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from recommender.catalog.elasticsearch_client import BulkResult, Connection
from recommender.catalog.elasticsearch_documents import document_of
from recommender.catalog.product import Product
from recommender.catalog.protocol import DocumentError, in_parts
from recommender.data.events import MAX_ID_BYTES

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_CONFLICT = 409
_TRIES = 20


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


def stored_documents(
    connection: Connection,
    client: "Elasticsearch",
    alias: str,
    item_ids: Sequence[str],
    without: Sequence[str] = (),
) -> dict[str, Stored]:
    """What is there of some ids.

    Args:
        connection: Words what the server refuses.
        client: Asks.
        alias: Of the index.
        item_ids: Any texts; what no product can have for an id is not asked for.
        without: Fields to leave out.
    """
    found: dict[str, Stored] = {}
    for some in in_parts(filter(_is_possible, item_ids)):
        ids = list(dict.fromkeys(some))
        answer = client.mget(index=alias, ids=ids, source_excludes=list(without) or None)
        for doc in answer["docs"]:
            if "error" in doc:
                # Not "unknown": nobody looked, e.g. while the server still starts.
                raise connection.refused_read(doc["error"])
            if doc.get("found"):
                version = {"if_seq_no": doc["_seq_no"], "if_primary_term": doc["_primary_term"]}
                found[doc["_id"]] = Stored(doc["_source"], version)
    return found


def _is_possible(item_id: str) -> bool:
    if any("\ud800" <= letter <= "\udfff" for letter in item_id):
        return False
    return 0 < len(item_id.encode()) <= MAX_ID_BYTES


class Writing:
    """One write, of one thread.

    Args:
        connection: To the server.
        alias: Of the index.
    """

    def __init__(self, connection: Connection, alias: str) -> None:
        self._connection, self._alias = connection, alias
        self._client = connection.writer()
        self._sent = False

    def put(self, products: Sequence[Product], counts: list[int]) -> list[DocumentError]:
        """Add or replace a few hundred products; of one id the last counts.

        Args:
            products: What is given.
            counts: Numbers of added, changed and unchanged products; they grow.

        Returns:
            What was refused.
        """
        there = {
            item_id: stored.source
            for item_id, stored in self._stored([product.id for product in products]).items()
            if not stored.deleted
        }
        documents: dict[str, dict[str, Any]] = {}
        came: dict[str, list[int]] = {}
        for product in products:
            document, before = document_of(product), there.get(product.id)
            if before == document:
                counts[2] += 1
                continue
            came.setdefault(product.id, [0, 0])[before is not None] += 1
            there[product.id] = documents[product.id] = document
        errors = []
        for result in self._bulk(map(self._index_action, documents.values())):
            if result.problem is None:
                counts[0] += came[result.item_id][0]
                counts[1] += came[result.item_id][1]
            else:
                errors.append(DocumentError(result.item_id, result.problem))
        return errors

    def rewrite(
        self, item_ids: Sequence[str], change: Callable[[str, Stored], dict[str, Any] | None]
    ) -> tuple[set[str], list[DocumentError]]:
        """Replace documents by what they become; those that others changed meanwhile, once more.

        Args:
            item_ids: Of what is changed, each once.
            change: The new document, or None to leave the old one.

        Returns:
            Ids that are of no product, and what was refused.
        """
        unknown: set[str] = set()
        errors: list[DocumentError] = []
        left = list(item_ids)
        sent: dict[str, dict[str, Any]] = {}
        for attempt in range(_TRIES):
            results = self._rewritten(left, change, unknown, sent)
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

    def refresh(self) -> None:
        """Let searches see what was written."""
        if self._sent:
            self._client.indices.refresh(index=self._alias)

    def _rewritten(
        self,
        item_ids: Sequence[str],
        change: Callable[[str, Stored], dict[str, Any] | None],
        unknown: set[str],
        sent: dict[str, dict[str, Any]],
    ) -> list[BulkResult]:
        results: list[BulkResult] = []
        for some in in_parts(item_ids):
            stored = self._stored(some)
            # Of a write whose answer was lost the client asks another host: the conflict that
            # comes of it is with ourselves.
            done = {i for i, there in stored.items() if there.source == sent.get(i)}
            left = {i: s for i, s in stored.items() if not s.deleted and i not in done}
            unknown.update(item_id for item_id in some if item_id not in left.keys() | done)
            new = {i: change(i, there) for i, there in left.items()}
            sent.update((i, document) for i, document in new.items() if document is not None)
            results += self._bulk(
                {**self._index_action(document), **left[item_id].version}
                for item_id, document in new.items()
                if document is not None
            )
        return results

    def _stored(self, item_ids: Sequence[str]) -> dict[str, Stored]:
        return stored_documents(self._connection, self._client, self._alias, item_ids)

    def _bulk(self, actions: Iterable[dict[str, Any]]) -> list[BulkResult]:
        some = list(actions)
        self._sent = self._sent or bool(some)
        return self._connection.bulk(some)

    def _index_action(self, document: dict[str, Any]) -> dict[str, Any]:
        return {
            "_op_type": "index", "_index": self._alias, "_id": document["id"], "_source": document,
            # Without the alias a write would make an index of its own.
            "require_alias": True,
        }  # fmt: skip
