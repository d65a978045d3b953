"""A product feed of the REES46 electronics log: `python -m tests.rees46_feed LOG FEED.jsonl`.

The log has no titles: a title is the brand and the last part of `category_code`, so that many
products have the same one. A price is the first that the log names, what a feed of that day said.
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq


def write_feed(log: Path, feed: Path) -> int:
    """Write one product a line; return how many have no category."""
    events = pq.read_table(log, columns=["ts", "product_id", "category_code", "brand", "price"])
    first: dict[int, dict] = {}
    for event in events.sort_by("ts").to_pylist():
        first.setdefault(event["product_id"], event)
    products = [_product(event) for _, event in sorted(first.items())]
    feed.write_text("".join(json.dumps(product) + "\n" for product in products), "utf-8")
    return sum("product_type" not in product for product in products)


def _product(event: dict) -> dict:
    categories = (event["category_code"] or "").split(".")
    words = [event["brand"] or "", categories[-1].replace("_", " ")]
    product = {
        "id": str(event["product_id"]),
        "title": " ".join(filter(None, words)) or f"product {event['product_id']}",
        "price": round(event["price"], 2),
        "currency": "USD",
    }
    if event["brand"]:
        product["brand"] = event["brand"]
    if event["category_code"]:
        product["product_type"] = categories
    return product


if __name__ == "__main__":
    sys.stdout.write(f"{write_feed(Path(sys.argv[1]), Path(sys.argv[2]))} without a category\n")
