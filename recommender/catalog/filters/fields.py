"""The fields of a product that a filter may name, and what can be asked of each."""

import difflib
from typing import Literal

from recommender.catalog.product import Product

Kind = Literal["text", "texts", "number"]
"""One text, several, or a number; any of them may be missing."""

ATTRIBUTES = "attributes."
"""What stands before the name of a column that only this shop has."""

NUMBERS = ("price", "sale_price")
TEXTS = ("product_type", "additional_image_link")
FIELDS: dict[str, Kind] = {
    name: "number" if name in NUMBERS else "texts" if name in TEXTS else "text"
    for name in Product.model_fields
    if name != "attributes"
}


def kind_of(name: str) -> Kind | None:
    """What a field holds; None for a name that is no field."""
    if name.startswith(ATTRIBUTES) and len(name) > len(ATTRIBUTES):
        return "text"
    return FIELDS.get(name)


def nearest(name: str) -> str | None:
    """The field that somebody may have meant."""
    near = difflib.get_close_matches(name.lower(), FIELDS, n=1, cutoff=0.5)
    return near[0] if near else None
