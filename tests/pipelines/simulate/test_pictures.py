"""Pictures are drawings and nothing else, and tell category and brand apart."""

import re
from datetime import date
from xml.etree import ElementTree

import numpy as np
import pytest

from pipelines.simulate.categories import BRANDS, CATEGORIES
from pipelines.simulate.pictures import picture
from pipelines.simulate.shop import Assortment, make_assortment

DRAWN = {
    *("svg", "title", "defs", "linearGradient", "radialGradient", "stop", "clipPath"),
    *("g", "rect", "ellipse", "path", "polygon"),
}
DAY = date(2026, 3, 31)


@pytest.fixture(scope="module")
def shelf() -> Assortment:
    return make_assortment(1500, 0)


def slot_of(shelf: Assortment, category: int, brand: int) -> int:
    return int(np.flatnonzero((shelf.category == category) & (shelf.brand == brand))[0])


@pytest.mark.parametrize("category", range(len(CATEGORIES)))
def test_drawings_only(shelf: Assortment, category: int) -> None:
    for brand in range(len(BRANDS)):
        slot = slot_of(shelf, category, brand)
        text = picture(shelf, slot, shelf.item_id(slot, DAY))
        root = ElementTree.fromstring(text)
        assert {element.tag.partition("}")[2] for element in root.iter()} <= DRAWN
        names = {name for element in root.iter() for name in element.attrib}
        assert not {name for name in names if name.startswith("on") or "href" in name}
        used = set(re.findall(r"url\(#(\w+)\)", text))
        assert used <= {element.get("id") for element in root.iter()}
        assert len(text) < 20_000


def test_no_two_categories_and_no_two_brands_look_alike(shelf: Assortment) -> None:
    drawn = {
        # The same id everywhere: what is left of a difference is category and brand.
        picture(shelf, slot_of(shelf, category, brand), "X-1")
        for category in range(len(CATEGORIES))
        for brand in range(len(BRANDS))
    }
    assert len(drawn) == len(CATEGORIES) * len(BRANDS)
