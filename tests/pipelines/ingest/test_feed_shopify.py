"""Shopify's product CSV, both generations of headers."""

import csv
import io

import pytest

from pipelines.ingest.feed import feed_rows
from recommender.catalog.product import Product
from recommender.errors import MappingError

OLD = [
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Product Category",
    "Type",
    "Tags",
    "Published",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "Option3 Name",
    "Option3 Value",
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Fulfillment Service",
    "Variant Price",
    "Variant Compare At Price",
    "Variant Requires Shipping",
    "Variant Taxable",
    "Variant Barcode",
    "Image Src",
    "Image Position",
    "Image Alt Text",
    "Gift Card",
    "SEO Title",
    "SEO Description",
    "Google Shopping / Google Product Category",
    "Google Shopping / Gender",
    "Google Shopping / Age Group",
    "Google Shopping / MPN",
    "Google Shopping / Condition",
    "Google Shopping / Custom Product",
    "Google Shopping / Custom Label 0",
    "Variant Image",
    "Variant Weight Unit",
    "Variant Tax Code",
    "Cost per item",
    "Status",
]
NEW = [
    "Title",
    "URL handle",
    "Description",
    "Vendor",
    "Product category",
    "Type",
    "Tags",
    "Published on online store",
    "Status",
    "SKU",
    "Barcode",
    "Option1 name",
    "Option1 value",
    "Option1 Linked To",
    "Option2 name",
    "Option2 value",
    "Option2 Linked To",
    "Option3 name",
    "Option3 value",
    "Option3 Linked To",
    "Price",
    "Compare-at price",
    "Cost per item",
    "Charge tax",
    "Tax code",
    "Unit price total measure",
    "Inventory tracker",
    "Inventory quantity",
    "Continue selling when out of stock",
    "Weight value (grams)",
    "Weight unit for display",
    "Requires shipping",
    "Fulfillment service",
    "Product image URL",
    "Image position",
    "Image alt text",
    "Variant image URL",
    "Gift card",
    "SEO title",
    "SEO description",
    "Color (product.metafields.shopify.color-pattern)",
    "Google Shopping / Google product category",
    "Google Shopping / Gender",
    "Google Shopping / Age group",
    "Google Shopping / Manufacturer part number (MPN)",
    "Google Shopping / Condition",
    "Google Shopping / Custom label 0",
]
OLD_OF = {
    "URL handle": "Handle",
    "Description": "Body (HTML)",
    "Product category": "Product Category",
    "Published on online store": "Published",
    "SKU": "Variant SKU",
    "Barcode": "Variant Barcode",
    "Option1 name": "Option1 Name",
    "Option1 value": "Option1 Value",
    "Option2 name": "Option2 Name",
    "Option2 value": "Option2 Value",
    "Price": "Variant Price",
    "Compare-at price": "Variant Compare At Price",
    "Inventory tracker": "Variant Inventory Tracker",
    "Inventory quantity": "Variant Inventory Qty",
    "Continue selling when out of stock": "Variant Inventory Policy",
    "Product image URL": "Image Src",
    "Image position": "Image Position",
    "Variant image URL": "Variant Image",
    "Google Shopping / Google product category": "Google Shopping / Google Product Category",
    "Google Shopping / Age group": "Google Shopping / Age Group",
    "Google Shopping / Manufacturer part number (MPN)": "Google Shopping / MPN",
    "Google Shopping / Custom label 0": "Google Shopping / Custom Label 0",
}


def export(columns: list[str], *rows: dict[str, str]) -> str:
    """A file with one of the headers; rows are written with the new names."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="")
    writer.writeheader()
    for row in rows:
        names = {} if columns is NEW else OLD_OF
        renamed = {names.get(name, name): value for name, value in row.items()}
        writer.writerow({name: renamed[name] for name in columns if name in renamed})
    return file.getvalue()


def tracked(quantity: str, policy: str = "DENY") -> dict[str, str]:
    return {
        "Inventory tracker": "shopify",
        "Inventory quantity": quantity,
        "Continue selling when out of stock": policy,
    }


SHIRT = {
    "URL handle": "linen-shirt",
    "Title": "Linen shirt",
    "Description": "<p>Cool &amp; light</p>",
    "Vendor": "Acme",
    "Product category": "Apparel & Accessories > Clothing > Shirts",
    "Type": "Shirts",
    "Tags": "summer, linen",
    "Published on online store": "TRUE",
    "Status": "active",
    "SKU": "'0017",
    "Barcode": "'4006381333931",
    "Option1 name": "Color",
    "Option1 value": "Red",
    "Option2 name": "Fit",
    "Option2 value": "Slim",
    "Price": "19.90",
    "Compare-at price": "29.90",
    "Product image URL": "https://cdn.example/1.jpg",
    "Image position": "1",
    "Google Shopping / Google product category": "212",
    "Google Shopping / Gender": "unisex",
    "Google Shopping / Age group": "adult",
    "Google Shopping / Manufacturer part number (MPN)": "M-1",
    "Google Shopping / Condition": "new",
    "Google Shopping / Custom label 0": "top",
    "Cost per item": "3.33",
} | tracked("5")
BLUE = {
    "URL handle": "linen-shirt",
    "Option1 value": "Blue",
    "Option2 value": "Slim",
    "Price": "19.90",
    "Product image URL": "https://cdn.example/3.jpg",
    "Image position": "3",
    "Variant image URL": "https://cdn.example/blue.jpg",
} | tracked("0", "CONTINUE")
PICTURE = {
    "URL handle": "linen-shirt",
    "Product image URL": "https://cdn.example/2.jpg",
    "Image position": "2",
}
MUG = {
    "URL handle": "mug",
    "Title": "Mug",
    "Option1 name": "Title",
    "Option1 value": "Default Title",
    "Price": "8.00",
}


@pytest.mark.parametrize("columns", [OLD, NEW], ids=["old", "new"])
def test_variants_become_products(columns, write, take_items, products):
    counts = take_items(write("export.csv", export(columns, SHIRT, BLUE, PICTURE, MUG)))

    shirt = Product(
        id="0017",
        title="Linen shirt",
        description="Cool & light",
        link="/products/linen-shirt",
        image_link="https://cdn.example/1.jpg",
        additional_image_link=["https://cdn.example/2.jpg", "https://cdn.example/3.jpg"],
        price=29.9,
        sale_price=19.9,
        availability="in_stock",
        product_type=["Shirts"],
        google_product_category="212",
        brand="Acme",
        item_group_id="linen-shirt",
        gtin="4006381333931",
        mpn="M-1",
        color="Red",
        gender="unisex",
        age_group="adult",
        condition="new",
        custom_label_0="top",
        attributes={"Tags": "summer, linen", "Fit": "Slim"},
    )
    blue = shirt.model_copy(
        update={
            "id": "linen-shirt/Blue/Slim",
            "image_link": "https://cdn.example/blue.jpg",
            "additional_image_link": [f"https://cdn.example/{n}.jpg" for n in (1, 2, 3)],
            "price": 19.9,
            "sale_price": None,
            "availability": "backorder",
            "gtin": None,
            "color": "Blue",
        }
    )
    mug = Product(id="mug", title="Mug", link="/products/mug", price=8.0, item_group_id="mug")
    assert products() == {product.id: product for product in (shirt, blue, mug)}
    assert (counts.files[0].rows, counts.files[0].imported) == (3, 3)


@pytest.mark.parametrize("columns", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize(
    ("cells", "availability"),
    [
        (tracked("3"), "in_stock"),
        (tracked("0"), "out_of_stock"),
        (tracked("-2"), "out_of_stock"),
        (tracked("0", "CONTINUE"), "backorder"),
        (tracked("-2", "continue"), "backorder"),
        (tracked("0") | {"Inventory tracker": ""}, "in_stock"),
        (tracked(""), "in_stock"),
        (tracked("3") | {"Status": "draft"}, "out_of_stock"),
        (tracked("3") | {"Status": "Archived"}, "out_of_stock"),
        (tracked("3") | {"Status": "unlisted"}, "out_of_stock"),
        (tracked("3") | {"Published on online store": "FALSE"}, "out_of_stock"),
    ],
)
def test_availability(columns, cells, availability, write, take_items, products):
    take_items(write("export.csv", export(columns, MUG | cells)))

    assert products()["mug"].availability == availability


def test_metafields_are_attributes_and_costs_are_not(write, take_items, products):
    column = "Color (product.metafields.shopify.color-pattern)"
    take_items(write("export.csv", export(NEW, MUG | {column: "blue", "Cost per item": "3.33"})))

    assert products()["mug"].attributes == {column: "blue"}


def test_refused_rows(write):
    rows = [
        SHIRT | {"Description": "Cool\nand\nlight"},
        BLUE | {"Price": "cheap"},
        MUG | {"URL handle": ""},
        MUG | tracked("many"),
        MUG | {"URL handle": "no-title", "Title": ""},
        MUG | {"URL handle": "evil", "Product image URL": "javascript:alert(1)"},
        MUG | {"Compare-at price": "more"},
        MUG | tracked("nan"),
        MUG | {"URL handle": "pictures", "Image position": "9" * 5000},
    ]
    found = feed_rows(str(write("a.csv", export(NEW, *rows))))

    assert [(row.line, row.reason, row.column, row.item_id) for row in found] == [
        (2, None, None, "0017"),
        (5, "bad_price", "Price", "linen-shirt/Blue/Slim"),
        (6, "missing_id", None, None),
        (7, "bad_availability", "Inventory quantity", "mug"),
        (8, "missing_title", None, "no-title"),
        (9, "bad_link", "Product image URL", "evil"),
        (10, "bad_price", "Compare-at price", "mug"),
        (11, "bad_availability", "Inventory quantity", "mug"),
        (12, None, None, "pictures"),
    ]


def test_the_format_can_be_named(write, take_items):
    path = write("a.csv", "Handle,Variant Price\nmug,5\n")
    with pytest.raises(MappingError, match="no column 'title'"):
        take_items(path, file_format="shopify")
    with pytest.raises(MappingError, match="no column 'id'"):
        take_items(write("b.csv", export(NEW, MUG)), file_format="csv")


@pytest.mark.parametrize("columns", [OLD, NEW], ids=["old", "new"])
def test_a_partial_feed(columns, write, take_items, products):
    take_items(write("all.csv", export(columns, SHIRT, BLUE, MUG)))
    before = products()
    ended = SHIRT | {"Title": "Another", "Compare-at price": ""} | tracked("0")
    counts = take_items(write("some.csv", export(columns, ended)), partial=True)

    assert (counts.changed, counts.unchanged, counts.unknown) == (1, 0, 0)
    changes = {"price": 19.9, "sale_price": None, "availability": "out_of_stock"}
    assert products() == before | {"0017": before["0017"].model_copy(update=changes)}
