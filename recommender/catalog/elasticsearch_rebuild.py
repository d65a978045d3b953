"""A new index in the place of the old one, while others search and write.

The new index is filled from the old one, which goes on answering. Then writes are held for a
moment, the last changes are taken over, the products are counted, and the alias is switched in
one call. The old index stays, closed to writes, until the next rebuild: `roll_back` returns to it,
and from there to the new one.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_documents import ALIVE, INDEX, document_of
from recommender.catalog.elasticsearch_index import (
    live_from,
    mark_live,
    new_index_name,
    put_alias_back,
    written_since_live,
)
from recommender.catalog.product import Product
from recommender.catalog.protocol import Changes, in_parts
from recommender.errors import CatalogError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_OPEN = {"index.blocks.write": None}

_QUEUE_WITHIN = "30s"

_CATCH_UPS = 20
"""Writers that are faster than this many rounds are held before the rest is taken over."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did.

    Attributes:
        index: The index that answers now.
        kept: The one that answered before, None if there was none.
        products: Number of products in it.
    """

    index: str
    kept: str | None
    products: int


@dataclass(frozen=True)
class RolledBack:
    """What a return to the other index did.

    Attributes:
        index: The index that answers now.
        kept: The one that answered before.
        n_written: Number of products that were written or taken out while that one answered; they
            are now as they were before. None if nobody knows.
    """

    index: str
    kept: str
    n_written: int | None


def rebuild(catalog: ElasticsearchCatalog) -> Rebuilt:
    """Fill a new index and let it answer; a failure leaves everything as it was.

    Where nobody can say which index answers, both stay, and the next rebuild clears up. An index
    that has lost its alias gets it back.

    Raises:
        CatalogError: If the server fails, refuses a product, or the counts differ.
    """
    alias = catalog.alias
    with catalog.connection.translated():
        client = catalog.connection.writer()
        put_alias_back(client, alias)
        catalog.count()
        (old, _), new = catalog.indices(), new_index_name(alias)
        client.indices.create(index=new, **INDEX)
        try:
            n_products = _fill(catalog, client, old, new)
            _switch(catalog, client, old, new)
        except BaseException:
            if _answering(catalog, client) == old:
                _open(catalog, client, old)
                _delete(catalog, client, new)
            raise
        for index in catalog.indices()[1]:
            if index != old:
                client.indices.delete(index=index, ignore_unavailable=True)
    return Rebuilt(new, old, n_products)


def roll_back(catalog: ElasticsearchCatalog) -> RolledBack:
    """Let the other index answer that is kept; the present one is kept in its place.

    What was written to the present one is not in the other; once more returns to it.

    Raises:
        CatalogError: If no other index has ever answered, or the server fails.
    """
    with catalog.connection.translated():
        client = catalog.connection.writer()
        present, others = catalog.indices()
        # One that never answered was left half filled by a rebuild that was cut off.
        kept = [index for index in others if live_from(client, index) is not None]
        if not kept:
            raise CatalogError(
                f"{catalog.connection.where} keeps no other index of {catalog.alias}; there is "
                "nothing to go back to"
            )
        # Those who write meanwhile are put off, and write to the other one.
        client.indices.add_block(index=present, block="write")
        try:
            n_written = written_since_live(client, present)
            client.indices.put_settings(index=kept[-1], settings=_OPEN)
            _switch(catalog, client, present, kept[-1])
        except BaseException:
            if _answering(catalog, client) == present:
                _open(catalog, client, present)
            raise
        return RolledBack(kept[-1], present, n_written)


def _answering(catalog: ElasticsearchCatalog, client: "Elasticsearch") -> str | None:
    """The index that answers after something failed; None if nobody knows.

    A switch whose answer did not come in time may still stand in the server's queue: to delete its
    index would be done after it.
    """
    with suppress(CatalogError), catalog.connection.translated():
        client.cluster.health(wait_for_events="languid", timeout=_QUEUE_WITHIN)
        return catalog.indices()[0]
    return None


def _open(catalog: ElasticsearchCatalog, client: "Elasticsearch", index: str) -> None:
    """Let writes go on, as far as the server lets us: what failed first is told."""
    with suppress(CatalogError), catalog.connection.translated():
        client.indices.put_settings(index=index, settings=_OPEN)


def _delete(catalog: ElasticsearchCatalog, client: "Elasticsearch", index: str) -> None:
    with suppress(CatalogError), catalog.connection.translated():
        client.indices.delete(index=index, ignore_unavailable=True)


def _fill(catalog: ElasticsearchCatalog, client: "Elasticsearch", old: str, new: str) -> int:
    cursor = catalog.change_cursor()
    for some in in_parts(catalog.scan()):
        _write(catalog, [_index(new, product) for product in some])
    for _ in range(_CATCH_UPS):
        changes = catalog.changes_since(cursor)
        _take_over(catalog, new, changes)
        cursor = changes.cursor
        if not changes.more:
            break
    client.indices.refresh(index=new)
    # Waits for the writes that have begun; those to come are sent again by their writers.
    client.indices.add_block(index=old, block="write")
    more = True
    while more:
        changes = catalog.changes_since(cursor)
        _take_over(catalog, new, changes)
        cursor, more = changes.cursor, changes.more
    client.indices.refresh(index=new)
    n_old, n_new = (int(client.count(index=i, query=ALIVE)["count"]) for i in (old, new))
    if n_old != n_new:
        raise CatalogError(
            f"{catalog.connection.where}: the new index has {n_new:,} products and the old one "
            f"{n_old:,}; the old one goes on answering. Run the rebuild again"
        )
    return n_new


def _switch(catalog: ElasticsearchCatalog, client: "Elasticsearch", old: str, new: str) -> None:
    """Let the new index answer; where that was done, a lost answer is no error."""
    mark_live(catalog.connection, client, new)
    try:
        with catalog.connection.translated():
            client.indices.update_aliases(
                actions=[
                    {"remove": {"index": old, "alias": catalog.alias, "must_exist": True}},
                    {"add": {"index": new, "alias": catalog.alias}},
                ]
            )
    except CatalogError:
        # Sent again to another host it is refused: the old one has no alias any more.
        if _answering(catalog, client) != new:
            raise


def _take_over(catalog: ElasticsearchCatalog, new: str, changes: Changes) -> None:
    deleted = [{"_op_type": "delete", "_index": new, "_id": i} for i in changes.deleted_ids]
    _write(catalog, [*(_index(new, product) for product in changes.products), *deleted])


def _write(catalog: ElasticsearchCatalog, actions: list[dict[str, Any]]) -> None:
    for result in catalog.connection.bulk(actions):
        if result.problem is not None:
            raise CatalogError(
                f"{catalog.connection.where} refuses product {result.item_id} in the new index: "
                f"{result.problem}; the old one goes on answering"
            )


def _index(index: str, product: Product) -> dict[str, Any]:
    document = document_of(product)
    return {"_op_type": "index", "_index": index, "_id": product.id, "_source": document}
