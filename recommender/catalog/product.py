"""A product: the attributes of Google's Merchant Center, by their names."""

from collections.abc import Mapping, Set
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from recommender.data.events import MAX_ID_BYTES

MAX_ENTRIES = 200
"""Of a list of a product's, or of its `attributes`."""

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]

SaleFault = Literal["sale_without_price", "sale_in_other_currency", "sale_above_price"]
SALE_FAULTS: Mapping[str, str] = {
    "sale_without_price": "a sale price needs the price beside it",
    "sale_in_other_currency": "a sale price has the currency of the price",
    "sale_above_price": "a sale price is at most the price",
}
"""Why a sale price cannot be: it lowers a price, in the price's own currency."""


def sale_fault(
    price: float | None, sale_price: float | None, *, currencies: Set[str | None] = frozenset()
) -> SaleFault | None:
    """Why a sale price cannot stand beside a price; None where it can, or where there is none.

    Args:
        price: Without a sale.
        sale_price: Equal to the price it says nothing, but nothing wrong either.
        currencies: Of both; None is one that is not known.
    """
    if sale_price is None:
        return None
    if len(currencies - {None}) > 1:
        return "sale_in_other_currency"
    if price is None:
        return "sale_without_price"
    return "sale_above_price" if sale_price > price else None


def _one_zero(price: float) -> float:
    """A term of Elasticsearch tells -0.0 from 0.0, a shop does not."""
    return price + 0.0


_Price = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_one_zero)]


class Product(BaseModel):
    """One product of the catalog; names are those of the Merchant Center feed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    description: str | None = None
    link: str | None = None
    image_link: str | None = None
    additional_image_link: list[str] = []
    price: _Price | None = None
    sale_price: _Price | None = None
    currency: str | None = None
    availability: Availability = "in_stock"
    availability_date: str | None = None
    expiration_date: str | None = None
    product_type: list[str] = []
    """Path from the widest category to the narrowest, e.g. `["Furniture", "Chairs"]`."""
    google_product_category: str | None = None
    brand: str | None = None
    item_group_id: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    color: str | None = None
    size: str | None = None
    material: str | None = None
    gender: str | None = None
    age_group: str | None = None
    condition: str | None = None
    custom_label_0: str | None = None
    custom_label_1: str | None = None
    custom_label_2: str | None = None
    custom_label_3: str | None = None
    custom_label_4: str | None = None
    attributes: dict[str, str] = {}
    """What else the feed says, by its own column names."""

    @field_validator("id")
    @classmethod
    def _short_id(cls, item_id: str) -> str:
        if len(item_id.encode()) > MAX_ID_BYTES:
            raise ValueError(f"an id has at most {MAX_ID_BYTES} bytes")
        return item_id

    @field_validator("link", "image_link")
    @classmethod
    def _web_link(cls, link: str | None) -> str | None:
        """Only http(s) and relative links: a `javascript:` link would run on the shop's page."""
        if link is not None and urlsplit(link.strip()).scheme not in ("", "http", "https"):
            raise ValueError("a link is http(s) or relative")
        return link


class ProductPatch(BaseModel):
    """What changes often, of one product; a field that is not named stays as it is.

    A price or currency of None takes it away.

    Example:
        >>> ProductPatch(id="SKU_1", price=9.5, sale_price=None).changes()
        {'price': 9.5, 'sale_price': None}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    price: _Price | None = None
    sale_price: _Price | None = None
    currency: str | None = None
    availability: Availability = "in_stock"

    def changes(self) -> dict[str, Any]:
        """The fields that were named."""
        return self.model_dump(exclude_unset=True, exclude={"id"})

    def sale_fault(self, product: Product) -> SaleFault | None:
        """Why a sale price, this one or the product's, could not stand after these changes."""
        named = self.model_fields_set
        if not named & {"price", "sale_price", "currency"}:
            return None
        after = product.model_copy(update=self.changes())
        # Named without prices, or with both, a currency is that of both.
        is_of_one = ("price" in named) != ("sale_price" in named)
        currencies = {product.currency, after.currency} if is_of_one else set()
        return sale_fault(after.price, after.sale_price, currencies=currencies)

    def of(self, product: Product) -> Product:
        """The product with these changes; a sale price that could not stand is left out."""
        changes = self.changes()
        fault = self.sale_fault(product)
        if fault is not None:
            changes["sale_price"] = None
        if fault == "sale_in_other_currency" and "price" not in changes:
            # It was the currency of what is left out.
            del changes["currency"]
        return product.model_copy(update=changes)
