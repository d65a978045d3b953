"""A catalog of about a hundred thousand products: H&M's articles where they are, else made up."""

import os
import random
import zlib
from pathlib import Path

from recommender.catalog.product import Product

N_MADE_UP = 105_542


def catalog_shop() -> tuple[str, list[Product]]:
    """What the products are, and the products in id order; prices and stock are made up."""
    folder = os.environ.get("REALDATA_DIR")
    if folder:
        return "H&M articles", articles(Path(folder))
    return "made-up products", _made_up()


def articles(folder: Path) -> list[Product]:
    """H&M's articles, 105,542."""
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "catalogue" / "hm_articles.parquet").to_pylist()
    return sorted((_article(row) for row in rows), key=lambda product: product.id)


def _article(row: dict[str, str | int]) -> Product:
    number = int(row["article_id"])
    path = ("index_group_name", "product_group_name", "product_type_name")
    return Product.model_validate({
        "id": f"{number:010}", "title": row["title"], "brand": row["department_name"],
        "product_type": [row[name] for name in path], "color": row["colour_group_name"],
        "custom_label_0": row["garment_group_name"],
        "attributes": {"section": row["section_name"], "fabric": row["graphical_appearance_name"]},
        **_made_up_offer(number),
    })  # fmt: skip


def _made_up_offer(number: int) -> dict[str, str | float]:
    chance = zlib.crc32(str(number).encode())
    stock = "out_of_stock" if chance % 10 == 0 else "in_stock"
    return {"price": round(5 + chance % 9500 / 100, 2), "currency": "EUR", "availability": stock}


def _made_up() -> list[Product]:
    rng = random.Random(1)
    letters = "abcdefghiklmnoprstuvwz"
    words = ["".join(rng.choices(letters, k=rng.randrange(3, 9))) for _ in range(4000)]

    def some(n: int) -> str:
        # A few words are everywhere and most are rare, as in titles of a shop.
        return " ".join(words[min(int(rng.paretovariate(0.7)) - 1, 3999)] for _ in range(n))

    def one(number: int) -> Product:
        path = [f"Group {number % 5}", f"Type {number % 100}"]
        return Product.model_validate({
            "id": f"{number:010}", "title": some(4), "brand": f"Brand {rng.randrange(200)}",
            "product_type": path, "color": rng.choice(["red", "blue", "black", None]),
            "attributes": {"section": some(1)}, **_made_up_offer(number),
        })  # fmt: skip

    return [one(number) for number in range(N_MADE_UP)]
