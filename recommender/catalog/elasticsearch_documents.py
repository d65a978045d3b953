"""Products as Elasticsearch keeps them, and searches as it is asked them.

Source: Elasticsearch Reference 9: mapping parameters, Query DSL, paginate search results.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from recommender.catalog.filters.fields import FIELDS
from recommender.catalog.filters.query import query_of
from recommender.catalog.product import Product
from recommender.catalog.protocol import MAX_FACET_VALUES, FacetValue, Search
from recommender.catalog.search_text import query_words, search_text

SEARCHED = ["search_title", "search_text"]
"""Fields beside the product's own, which nobody needs to read back."""

# A filter has at most 4,000 characters: what is longer cannot be asked for, and Lucene refuses a
# term of 32,766 bytes.
_LONGEST_TERM = 8191
_WITH_TEXT = ("title", "description", "brand", "product_type")
_WORDS = {
    "type": "text", "analyzer": "whitespace", "norms": False, "index_options": "docs",
    "index_prefixes": {"min_chars": 1, "max_chars": 5},
}  # fmt: skip


def _keyword(name: str) -> dict[str, Any]:
    keyword: dict[str, Any] = {"type": "keyword", "ignore_above": _LONGEST_TERM}
    return {**keyword, "fields": {"text": {"type": "text"}}} if name in _WITH_TEXT else keyword


INDEX: dict[str, Any] = {
    "settings": {
        # One shard: its sequence numbers put all changes of the catalog in one order.
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
    },
    "mappings": {
        "dynamic": "strict",
        "properties": {
            **{
                name: {"type": "double"} if kind == "number" else _keyword(name)
                for name, kind in FIELDS.items()
            },
            "attributes": {"type": "flattened", "ignore_above": _LONGEST_TERM},
            **dict.fromkeys(SEARCHED, _WORDS),
            "deleted": {"type": "boolean"},
            "deleted_at": {"type": "date"},
        },
    },
}
"""Settings and mapping of a new index."""

ALIVE: dict[str, Any] = {"bool": {"must_not": [{"term": {"deleted": True}}]}}
"""A deleted product stays as a mark, so that readers of changes hear of it."""


def document_of(product: Product) -> dict[str, Any]:
    """What is stored of a product."""
    words = search_text(product)
    return {
        **product.model_dump(mode="json", exclude_none=True),
        "search_title": words.title,
        "search_text": f"{words.title} {words.rest}",
    }


def deleted_document(item_id: str) -> dict[str, Any]:
    """What is stored of a product that was taken out."""
    return {"id": item_id, "deleted": True, "deleted_at": datetime.now(UTC).isoformat()}


def product_of(source: Mapping[str, Any]) -> Product:
    """The product of a stored document.

    Raises:
        pydantic.ValidationError: If it is none.
    """
    return Product.model_validate({k: v for k, v in source.items() if k not in SEARCHED})


def search_body(search: Search) -> dict[str, Any] | None:
    """Query, order and counts of a search; None if no product can have its words.

    Raises:
        ValueError: If there are too many words.
    """
    words = query_words(search.words)
    if search.words.strip() and not words:
        return None
    must = [ALIVE, *({"prefix": {"search_text": {"value": word}}} for word in words)]
    if search.filter is not None:
        must.append(query_of(search.filter))
    body = {
        "query": {"bool": {"filter": must, "should": [q for word in words for q in _points(word)]}},
        "sort": [{"_score": "desc"}, {"id": "asc"}],
        "track_total_hits": True,
    }
    counts = {name: {"terms": {"field": name, "size": MAX_FACET_VALUES}} for name in search.facets}
    return {**body, "aggs": counts} if counts else body


def _points(word: str) -> list[dict[str, Any]]:
    """The sums of `sqlite_search`: they depend on nothing but the product and the words."""
    clauses: list[tuple[dict[str, Any], int]] = [
        ({"prefix": {"search_title": {"value": word}}}, 1),
        ({"term": {"search_title": {"value": word}}}, 2),
        ({"term": {"search_text": {"value": word}}}, 1),
    ]
    return [{"constant_score": {"filter": clause, "boost": p}} for clause, p in clauses]


def facets_of(answer: Mapping[str, Any], search: Search) -> dict[str, tuple[FacetValue, ...]]:
    """The counts of an answer, by field."""
    counted = answer.get("aggregations", {})
    return {
        name: tuple(
            FacetValue(str(bucket["key"]), int(bucket["doc_count"]))
            for bucket in counted[name]["buckets"]
        )
        for name in search.facets
    }
