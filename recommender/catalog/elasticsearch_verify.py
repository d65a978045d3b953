"""Whether an index is what this version would make of the catalog's products.

Searches go by fields beside a product's own and by how the index was laid out; an index of an
earlier version, or one that somebody else wrote to, may answer wrongly without any error. What
differs goes away with a rebuild.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from recommender.catalog.elasticsearch import ElasticsearchCatalog
from recommender.catalog.elasticsearch_documents import INDEX, document_of, product_of
from recommender.catalog.product import Product
from recommender.catalog.protocol import Catalog

TOLD_IDS = 20
"""Of the products that differ in one way so many are named; all are counted."""

LAYOUT, UNREADABLE, OUTDATED = "layout", "unreadable", "outdated"
NOT_IN_COPY, NOT_IN_INDEX, UNLIKE_COPY = "not_in_copy", "not_in_index", "unlike_copy"

IN_WORDS = {
    LAYOUT: "fields of the index are laid out in another way",
    UNREADABLE: "documents are no products",
    OUTDATED: "products are stored in another way than this version stores them",
    NOT_IN_COPY: "products are in the index and not in the service's copy",
    NOT_IN_INDEX: "products are in the service's copy and not in the index",
    UNLIKE_COPY: "products are different in the service's copy",
}


@dataclass
class Difference:
    """One way of being different: how many are, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < TOLD_IDS:
            self.first.append(name)


@dataclass
class Verified:
    """What a comparison found.

    Attributes:
        products: Number of documents that were looked at.
        differences: By a name of `IN_WORDS`; empty where all is as it should be.
    """

    products: int = 0
    differences: dict[str, Difference] = field(default_factory=dict)

    def differ(self, how: str, name: str) -> None:
        """Note a difference."""
        self.differences.setdefault(how, Difference()).add(name)


def verify(catalog: ElasticsearchCatalog, copy: Catalog | None = None) -> Verified:
    """Compare every document with what this version would store, and with a copy.

    Args:
        catalog: What is looked at.
        copy: Has the same products, if all is well; None where there is none.

    Raises:
        CatalogError: If one of them cannot be read.
    """
    found = Verified()
    for name in _laid_out_otherwise(catalog):
        found.differ(LAYOUT, name)
    indexed = ((item_id, "index", product) for item_id, product in _indexed(catalog, found))
    copied = ((one.id, "copy", one) for one in (() if copy is None else copy.scan()))
    in_order = merge(indexed, copied, key=itemgetter(0))
    for item_id, group in groupby(in_order, key=itemgetter(0)):
        sides = {side: product for _, side, product in group}
        if copy is None:
            continue
        if "copy" not in sides:
            found.differ(NOT_IN_COPY, item_id)
        elif "index" not in sides:
            found.differ(NOT_IN_INDEX, item_id)
        elif sides["copy"] != sides["index"]:
            found.differ(UNLIKE_COPY, item_id)
    return found


def _indexed(
    catalog: ElasticsearchCatalog, found: Verified
) -> Iterator[tuple[str, Product | None]]:
    """Every id with its product, or None for a document that is none; notes what is not right."""
    for source in catalog.documents():
        found.products += 1
        item_id = str(source.get("id"))
        try:
            product = product_of(source)
        except ValidationError:
            found.differ(UNREADABLE, item_id)
            yield item_id, None
            continue
        if document_of(product) != source:
            found.differ(OUTDATED, item_id)
        yield item_id, product


def _laid_out_otherwise(catalog: ElasticsearchCatalog) -> Iterator[str]:
    """Names of fields whose mapping is not this version's."""
    with catalog.connection.translated():
        (answer,) = catalog.connection.client().indices.get_mapping(index=catalog.alias).values()
    there: Mapping[str, Any] = answer["mappings"]
    wanted = INDEX["mappings"]
    if there.get("dynamic") != wanted["dynamic"]:
        yield "dynamic"
    fields: Mapping[str, Any] = there.get("properties", {})
    for name in sorted({*fields, *wanted["properties"]}):
        if fields.get(name) != wanted["properties"].get(name):
            yield name
