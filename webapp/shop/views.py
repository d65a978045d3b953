"""The shop's pages: the list at `/`, a product at `/product?id=`, the pictures."""

import functools
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue

from recommender.catalog.pictures import find_picture
from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.errors import CatalogError
from webapp.problems import ProblemError
from webapp.service import current_service
from webapp.shop.browse import Browse, page_of

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A picture opened by itself is a document: it may draw, and nothing else.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}

shop = Blueprint(
    "shop",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/shop/static",
)


@shop.get("/")
def home() -> ResponseReturnValue:
    """Products of the shop or of one category."""
    browse = _browse()
    if not browse.shop.products:
        return render_template("empty.html")
    category = browse.category(request.args.get("category", ""))
    if category is None:
        return _missing("This category is not in the shop.")
    number = request.args.get("page", default=1, type=int)
    return render_template(
        "list.html",
        shop=browse.shop,
        category=category,
        shown=page_of(category.products, number),
    )


@shop.get("/product")
def product() -> ResponseReturnValue:
    """One product with its row of recommendations."""
    browse = _browse()
    found = browse.table.get(request.args.get("id", ""))
    if found is None:
        return _missing("This product is not in the shop.")
    return render_template(
        "product.html", product=found, shop=browse.shop, others=browse.beside(found, 4)
    )


@shop.get("/pictures/<path:name>")
def picture(name: str) -> Response:
    """A file of the workspace's `pictures` folder; images only, never from outside of it."""
    folder = (current_service().workspace.root / "pictures").resolve()
    found = find_picture(folder, name)
    if found is None:
        raise ProblemError("not-found", "There is no such picture.")
    response = send_from_directory(folder, name, mimetype=found[1], max_age=3600)
    response.headers["Content-Security-Policy"] = _PICTURE_POLICY
    return response


@shop.after_request
def _dress(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-cache"
    return response


@shop.errorhandler(CatalogError)
def _no_catalog(error: CatalogError) -> ResponseReturnValue:
    return render_template("message.html", text=str(error)), 503


@shop.context_processor
def _for_templates() -> dict[str, object]:
    artifact = current_service().model.get()
    return {
        "model": artifact,
        "address_of": lambda item: url_for("shop.product", id=item.id),
        "list_address": _list_address,
        "price_of": _price,
        "is_on_sale": _is_on_sale,
        "picture_of": _picture_address,
    }


def _missing(text: str) -> ResponseReturnValue:
    return render_template("message.html", text=text), 404


@functools.lru_cache(maxsize=1)
def _browse_of(table: ProductTable) -> Browse:
    """Made anew only when there is a new product table."""
    return Browse(table)


def _browse() -> Browse:
    return _browse_of(current_service().catalog.table())


def _list_address(key: str, page: int = 1) -> str:
    return url_for("shop.home", category=key or None, page=page if page > 1 else None)


def _is_on_sale(item: Product) -> bool:
    """Whether it costs less than before; a sale price that is the price says nothing."""
    return item.price is not None and item.sale_price is not None and item.sale_price < item.price


def _price(amount: float | None, currency: str | None) -> str:
    if amount is None:
        return ""
    symbol = _SYMBOLS.get(currency or "")
    return f"{symbol}{amount:,.2f}" if symbol else f"{amount:,.2f} {currency or ''}".rstrip()


def _picture_address(item: Product) -> str | None:
    """The feed's link; anything but http(s) and relative links was refused at the import."""
    link = item.image_link
    return link if link and urlsplit(link).scheme in ("", "http", "https") else None
