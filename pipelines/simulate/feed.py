"""The product feed: a Merchant Center TSV, and what is true about it."""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32

from pipelines.simulate.categories import BRANDS, CATEGORIES, Category
from pipelines.simulate.lines import CURRENCY, product_link
from pipelines.simulate.shop import CYCLE_DAYS, NEW_DAYS, Assortment, model_name

COLUMNS = (
    "id",
    "title",
    "description",
    "link",
    "image_link",
    "price",
    "availability",
    "brand",
    "product_type",
    "material",
    "condition",
)
_LEVEL_WORDS = (
    "A fair price for every day.",
    "Made to last, at a sensible price.",
    "From our better range, carefully finished.",
    "From the top of our range, finished by hand.",
)
_TASTE_WORDS = (
    "Light and calm, in the northern manner.",
    "Straight lines with a workshop look.",
    "Warm and classic, at home in old rooms.",
    "Playful, with a shine of brass.",
)


@dataclass(frozen=True)
class Listing:
    """One product of the feed.

    Attributes:
        slot: Its place on the shelf.
        item_id: Its id.
        came: The day it came, None if it was always there.
        sold_out: The first day without it, None while it can be bought.
        last_day: A day on which the slot holds it.
    """

    slot: int
    item_id: str
    came: date | None
    sold_out: date | None
    last_day: date

    def is_new(self, until: date) -> bool:
        """Whether it came in the last days before `until`, that day included."""
        return self.came is not None and (until - self.came).days < NEW_DAYS


def listings(shelf: Assortment, since: date, until: date) -> list[Listing]:
    """Every product that was on the shelf between two days, both included, in order of slots.

    A sold-out product stays in the feed after the next one has taken its slot.
    """
    found = []
    for slot in range(shelf.n_slots):
        if shelf.phase[slot] < 0:
            found.append(Listing(slot, shelf.item_id(slot, until), None, None, until))
            continue
        came = until - timedelta(int(shelf.age(until)[slot]))
        products = []
        while came + timedelta(int(shelf.days_on_sale[slot])) > since:
            sold_out = came + timedelta(int(shelf.days_on_sale[slot]))
            item_id = shelf.item_id(slot, came)
            gone = sold_out if sold_out <= until else None
            products.append(Listing(slot, item_id, came, gone, came))
            came -= timedelta(CYCLE_DAYS)
        found += reversed(products)
    return found


def feed_text(shelf: Assortment, products: list[Listing]) -> str:
    """The feed: a header, then one product a line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for product in products:
        writer.writerow(_row(shelf, product))
    return out.getvalue()


def _row(shelf: Assortment, product: Listing) -> dict[str, str]:
    slot = product.slot
    category = CATEGORIES[shelf.category[slot]]
    brand = BRANDS[shelf.brand[slot]]
    material = _material(category, product.item_id)
    name = model_name(shelf, slot, product.last_day)
    return {
        "id": product.item_id,
        "title": f"{brand.name} {name} {category.noun}, {material}",
        "description": " ".join(
            (category.text, _TASTE_WORDS[brand.taste], _LEVEL_WORDS[shelf.level[slot]])
        ),
        "link": product_link(product.item_id),
        "image_link": f"/pictures/{picture_name(product.item_id)}",
        "price": f"{shelf.price[slot]:.2f} {CURRENCY}",
        "availability": "out_of_stock" if product.sold_out else "in_stock",
        "brand": brand.name,
        "product_type": " > ".join(category.path) if shelf.typed[slot] else "",
        "material": material,
        "condition": "new",
    }


def picture_name(item_id: str) -> str:
    """File of a product's picture; our ids are letters, digits and hyphens."""
    return f"{item_id.lower()}.svg"


def _material(category: Category, item_id: str) -> str:
    return category.materials[crc32(item_id.encode()) % len(category.materials)]
