"""`recommender recommend`: what a visitor would see, on the command line."""

from typing import TYPE_CHECKING, Any

import click

from recommender.cli import Shop, common_options
from recommender.data.events import MAX_ID_BYTES

if TYPE_CHECKING:
    from recommender.catalog.table import ProductTable
    from recommender.serving.query import Query


def _utf8(_: click.Context, parameter: click.Parameter, item_ids: tuple[str, ...]) -> Any:
    """Refuse bytes that are no UTF-8: they could be neither an id nor printed."""
    try:
        for item_id in item_ids:
            if not 1 <= len(item_id.encode()) <= MAX_ID_BYTES:
                raise click.BadParameter(
                    f"an id is a text of 1 to {MAX_ID_BYTES} bytes", param=parameter
                )
    except UnicodeEncodeError as err:
        raise click.BadParameter("an id is UTF-8 text", param=parameter) from err
    return item_ids


@click.command("recommend")
@click.option("--item", "item_ids", multiple=True, metavar="ID", callback=_utf8,
              help="A viewed product (repeatable, oldest first).")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True,
              help="Products wanted.")  # fmt: skip
@click.option("--category", metavar="PATH", help='Only products below it: "Furniture > Chairs".')
@click.option("--filter", "filter_text", metavar="FILTER",
              help="Only what it lets through: 'price<=50 AND brand=\"Acme\"'.")  # fmt: skip
@click.option("--exclude", "exclude_item_ids", multiple=True, metavar="ID", callback=_utf8,
              help="A product that must not come back (repeatable).")  # fmt: skip
@click.option(
    "--explain",
    is_flag=True,
    help="Say how sure the model is, what the visitor seems to be after and what comes next.",
)
@click.option("--placement", default="command-line", show_default=True, help="Named in the answer.")
@common_options
@click.pass_obj
def recommend(
    shop: Shop,
    item_ids: tuple[str, ...],
    limit: int,
    category: str | None,
    filter_text: str | None,
    exclude_item_ids: tuple[str, ...],
    explain: bool,
    placement: str,
) -> None:
    """Recommend products after the given ones, by the live model.

    With --json this prints the body of GET /v1/recommendations.
    """
    from recommender.catalog.filters.grammar import parse_filter
    from recommender.serving.answer import answer
    from recommender.serving.artifact import load
    from recommender.serving.query import Query
    from recommender.serving.versions import CURRENT_NAME

    artifact = load(shop.workspace.models_dir / CURRENT_NAME)
    products = _products(shop)
    node = None if filter_text is None else parse_filter(filter_text)
    query = Query(placement, item_ids, category, node, limit, exclude_item_ids, explain)
    serve = shop.settings().serve
    body = answer(
        artifact,
        products,
        query,
        min_certainty=serve.min_certainty,
        max_cold=serve.max_cold,
    )
    shop.put(body, _readable(body, products, query))


def _products(shop: Shop) -> "ProductTable":
    from recommender.catalog.opening import existing_catalog
    from recommender.catalog.table import ProductTable

    with existing_catalog(shop.workspace, shop.settings()) as catalog:
        # Of a shop that gave no feed only ids come back.
        return ProductTable([]) if catalog is None else ProductTable.read(catalog)


def _readable(body: dict[str, Any], products: "ProductTable", query: "Query") -> str:
    lines = []
    if query.item_ids:
        viewed = [_name(item_id, products) for item_id in query.item_ids]
        lines.append(f"After {' → '.join(viewed)}:")
    for item in body["items"]:
        name = item["title"] or item["id"]
        fit = _price_fit(body["expected"], item["id"])
        new = "cold; " if item["cold"] else ""
        why = f"{new}{item['reason']['text']}{fit}"
        lines.append(f"{item['rank']:3}. {name}{_price(item)}  ({why})")
    if not body["items"]:
        lines.append(f"Nothing may be recommended: {_why_nothing(products, query)}.")
    if body["missing_ids"]:
        lines.append(f"Unknown to the model: {', '.join(body['missing_ids'])}")
    return "\n".join([*lines, *_explained(body), *_foreseen(body), *_cold(body)])


def _name(item_id: str, products: "ProductTable") -> str:
    """A viewed product as a person knows it."""
    product = products.get(item_id)
    if product is not None:
        return product.title
    return f"{item_id} (not in the catalog)" if len(products) else item_id


def _why_nothing(products: "ProductTable", query: "Query") -> str:
    left = "sold out, excluded or unknown to the model"
    if query.filter is None:
        return f"everything is {left}"
    if not len(products):
        return "there is no catalog whose products could pass the filter"
    n_passing = products.n_passing(query.filter)
    if not n_passing:
        return "no product of the catalog passes the filter"
    return f"of {n_passing:,} that the filter lets through all are {left}"


def _price(item: dict[str, Any]) -> str:
    price, sale = item["price"], item["sale_price"]
    if price is None:
        return ""
    if sale is None or sale >= price:
        return f"  {price:.2f} {item['currency'] or ''}".rstrip()
    return f"  {sale:.2f} {item['currency'] or ''}".rstrip() + f" instead of {price:.2f}"


def _explained(body: dict[str, Any]) -> list[str]:
    """Certainty where it decided or was asked for, and the intents."""
    lines = []
    sure = body["certainty"]
    if body["fallback"]["reason"] == "uncertain":
        lines.append(
            f"Best sellers, since the model is only {_percent(sure)} sure of its list of 20."
        )
    if body["intents"] is None:
        return lines
    if sure is not None and not lines:
        lines.append(
            f"The next product is among the model's first 20 with a chance of {_percent(sure)}."
        )
    if body["intents"]:
        lines.append("What the visitor seems to be after:")
    elif body["items"]:
        lines.append('This model tells no intents; one trained with model.name = "mdn" does.')
    for intent in body["intents"]:
        seen = intent["because_viewed"]
        shown = " · ".join(item["title"] or item["id"] for item in intent["items"])
        lines.append(f"{_percent(intent['weight']):>5} like {seen['title'] or seen['id']}: {shown}")
    return lines


_NO_DENSITIES = (
    "This model foresees no prices, pauses or purchases; one trained with densities.enabled = true "
    "does, from a log that names them."
)


def _price_fit(expected: dict[str, Any] | None, item_id: str) -> str:
    fit = None if expected is None else expected["price_fits"].get(item_id)
    return "" if fit is None else f"; price fits {fit:.1f} times as well as one by chance"


def _foreseen(body: dict[str, Any]) -> list[str]:
    """What comes next in numbers; a line for each that the shop has a density of."""
    expected, lines = body["expected"], []
    if expected is None:
        return [] if body["intents"] is None else [_NO_DENSITIES]
    currency = next((item["currency"] for item in body["items"] if item["currency"]), "")
    for name, unit, begin in (
        ("price", currency, "The next product costs"),
        ("pause_s", "s", "The next click comes after"),
    ):
        if (told := expected[name]) is not None:
            middle, low, high = (_rough(told[share], unit) for share in ("0.5", "0.05", "0.95"))
            lines.append(f"{begin} about {middle}; in 9 of 10 visits like this {low} to {high}.")
    if expected["purchase"] is not None:
        lines.append(f"The visitor buys before the visit ends: {_percent(expected['purchase'])}.")
    return lines


_NO_COLD = (
    "This model has no cold products: it recommends only what was clicked. A softmax or mdn model "
    "trained with cold.enabled = true and a product feed recommends others too."
)


def _cold(body: dict[str, Any]) -> list[str]:
    """How many products the model knows by the feed alone."""
    if body["intents"] is None:
        return []
    if body["cold"] is None:
        return [_NO_COLD]
    there, shown = body["cold"]["products"], sum(item["cold"] for item in body["items"])
    return [
        f"Cold products, known by the feed alone: {there}; {shown} here, a list holds at most "
        f"{body['cold']['at_most']} (serve.max_cold)."
    ]


def _rough(number: float, unit: str) -> str:
    return f"{number:,.0f} {unit}".rstrip() if number >= 100 else f"{number:.2g} {unit}".rstrip()


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
