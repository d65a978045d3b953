"""A product: the attributes of Google's Merchant Center, by their names."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from recommender.data.events import MAX_ID_BYTES

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]


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

    def of(self, product: Product) -> Product:
        """The product with these changes."""
        return product.model_copy(update=self.changes())
