"""What an event is: names, fields, limits, and the columns of the event log.

The same shape travels on the wire and lies in files. In the log an event of several items is one
row per item, in their order; an event without items is one row with a null `item_id`.
"""

SCHEMA_VERSION = 1

EVENT_NAMES = (
    "view_item",
    "view_item_list",
    "select_item",
    "add_to_cart",
    "remove_from_cart",
    "add_to_wishlist",
    "view_cart",
    "begin_checkout",
    "purchase",
    "refund",
    "search",
    "view_search_results",
)

ITEM_EVENT_NAMES = frozenset(
    {
        "view_item",
        "select_item",
        "add_to_cart",
        "remove_from_cart",
        "add_to_wishlist",
        "purchase",
    }
)
"""Events that mean nothing without an item; a refund or a list may come without one."""

SYNONYMS = {
    "view": "view_item",
    "click": "view_item",
    "product_viewed": "view_item",
    "detail-page-view": "view_item",
    "detail_page_view": "view_item",
    "pageview": "view_item",
    "collection_viewed": "view_item_list",
    "category-page-view": "view_item_list",
    "cart": "add_to_cart",
    "addtocart": "add_to_cart",
    "add-to-cart": "add_to_cart",
    "product_added_to_cart": "add_to_cart",
    "remove": "remove_from_cart",
    "removefromcart": "remove_from_cart",
    "product_removed_from_cart": "remove_from_cart",
    "cart_viewed": "view_cart",
    "checkout_started": "begin_checkout",
    "transaction": "purchase",
    "buy": "purchase",
    "order": "purchase",
    "checkout_completed": "purchase",
    "purchase-complete": "purchase",
    "search_submitted": "search",
}
"""Names of other systems, lower case; `--map event_name.THEIRS=ours` adds to them on import."""

PERSONAL_FIELDS = (
    "visitor_id",
    "session_id",
    "user_id",
    "page_referrer",
    "transaction_id",
    "page_view_id",
)
"""Left out of an event whose consent is not `granted`."""

MAX_ID_BYTES = 256
MAX_ITEMS = 200
MAX_FUTURE_S = 24 * 3600

EPOCH_UNITS = {10**11: 1, 10**14: 1_000, 10**17: 1_000_000}
"""Units a second by the limit below which an epoch has them: seconds, ms or µs, told by size.

They fit every time from March 1973 to the year 5138.
"""

LOG_COLUMNS = {
    "event_id": "VARCHAR",
    "event_name": "VARCHAR",
    "event_time": "TIMESTAMP WITH TIME ZONE",
    "visitor_id": "VARCHAR",
    "user_id": "VARCHAR",
    "session_id": "VARCHAR",
    "item_id": "VARCHAR",
    "item_variant": "VARCHAR",
    "quantity": "DOUBLE",
    "price": "DOUBLE",
    "list_index": "INTEGER",
    "currency": "VARCHAR",
    "value": "DOUBLE",
    "transaction_id": "VARCHAR",
    "search_term": "VARCHAR",
    "recommendation_id": "VARCHAR",
    "placement": "VARCHAR",
    "page_view_id": "VARCHAR",
    "page_location": "VARCHAR",
    "page_referrer": "VARCHAR",
    "user_agent": "VARCHAR",
    "locale": "VARCHAR",
    "site": "VARCHAR",
    "consent": "VARCHAR",
    "ordinal": "BIGINT",
    "item_position": "INTEGER",
}
"""Columns of the log's Parquet files, in order, with their duckdb types.

`session_id` is the shop's own. `list_index` is `items[].index`, the place in a list on a page.
`ordinal` is the row's place in its file, `item_position` the item's place in its event, both from
0. (`event_id`, `item_position`) is unique in the log.
"""
