"""A product and what changes of one."""

import math

import pytest

from recommender.catalog.product import Product, ProductPatch


@pytest.mark.parametrize("name", ["price", "sale_price"])
@pytest.mark.parametrize("zero", [-0.0, "-0", "-0.0"])
def test_there_is_one_zero(name, zero):
    """Elasticsearch knows two, and a filter by the one would not find the other."""
    product = Product.model_validate({"id": "A", "title": "T", name: zero})
    patch = ProductPatch.model_validate({"id": "A", name: zero})
    for found in (product, patch, patch.of(Product(id="A", title="T", price=1))):
        assert math.copysign(1, getattr(found, name)) == 1
