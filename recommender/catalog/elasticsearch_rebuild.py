"""A new index in the place of the old one, while others search and write.

The new index is filled from the old one, which goes on answering. Then writes are held for a
moment, the last changes are taken over, the products are counted, and the alias is switched in
one call. The old index stays, closed to writes, until the next rebuild: `roll_back` returns to it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_documents import ALIVE, INDEX, document_of
from recommender.catalog.elasticsearch_index import new_index_name
from recommender.catalog.product import Product
from recommender.catalog.protocol import Changes, in_parts
from recommender.errors import CatalogError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

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


def rebuild(catalog: ElasticsearchCatalog) -> Rebuilt:
    """Fill a new index and let it answer; a failure leaves everything as it was.

    Raises:
        CatalogError: If the server fails, refuses a product, or the counts differ.
    """
    alias = catalog.alias
    with catalog.connection.translated():
        client = catalog.connection.writer()
        catalog.count()
        (old, _), new = catalog.indices(), new_index_name(alias)
        client.indices.create(index=new, **INDEX)
        try:
            n_products = _fill(catalog, client, old, new)
        except BaseException:
            client.indices.put_settings(index=old, settings={"index.blocks.write": None})
            client.indices.delete(index=new, ignore_unavailable=True)
            raise
        for index in catalog.indices()[1]:
            if index != old:
                client.indices.delete(index=index)
    return Rebuilt(new, old, n_products)


def roll_back(catalog: ElasticsearchCatalog) -> str:
    """Let the index answer that the last rebuild replaced; what was written since is not in it.

    Returns:
        The index that answers now.

    Raises:
        CatalogError: If there is none, or the server fails.
    """
    alias = catalog.alias
    with catalog.connection.translated():
        client = catalog.connection.writer()
        present, kept = catalog.indices()
        older = [index for index in kept if index < present]
        if not older:
            raise CatalogError(
                f"{catalog.connection.where} keeps no older index of {alias}; there is nothing to "
                "go back to"
            )
        client.indices.put_settings(index=older[-1], settings={"index.blocks.write": None})
        _switch(client, alias, present, older[-1])
        return older[-1]


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
    _switch(client, catalog.alias, old, new)
    return n_new


def _switch(client: "Elasticsearch", alias: str, old: str, new: str) -> None:
    client.indices.update_aliases(
        actions=[
            {"remove": {"index": old, "alias": alias, "must_exist": True}},
            {"add": {"index": new, "alias": alias}},
        ]
    )


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
