"""A filter as an Elasticsearch query.

Source: Elasticsearch Reference 9, "Query DSL": bool, term(s), range; filters do not score.
"""

from typing import Any

from recommender.catalog.filters.tree import And, AnyOf, Compare, Node, Not, Or, Order

_SIDES: dict[Order, str] = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def query_of(node: Node) -> dict[str, Any]:
    """The query whose hits are the products that a filter lets through."""
    match node:
        case And(parts):
            return {"bool": {"filter": [query_of(part) for part in parts]}}
        case Or(parts):
            should = [query_of(part) for part in parts]
            return {"bool": {"should": should, "minimum_should_match": 1}}
        case Not(part):
            return {"bool": {"must_not": [query_of(part)]}}
        case Compare(field, order, bound):
            return {"range": {field: {_SIDES[order]: bound}}}
        case AnyOf(field, values):
            return {"terms": {field: list(values)}}
