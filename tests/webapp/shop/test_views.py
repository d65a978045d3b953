"""The shop's pages without a browser."""

import html
import re
import shutil
from urllib.parse import unquote_plus

import pytest

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from tests.small_shop import id_of, make_product
from webapp.service import service_of


def links(page: str, prefix: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(rf'href="({re.escape(prefix)}[^"]*)"', page)]


def test_the_list_leads_to_every_product_page_by_page(client):
    first, second = client.get("/").text, client.get("/?page=2").text

    found = {unquote_plus(link.partition("id=")[2]) for link in links(first + second, "/product?")}
    assert found == {id_of(number) for number in range(36)}
    assert "Page 1 of 2" in first
    assert "/?page=2" in links(first, "/?page")


def test_a_category_shows_its_own_products(client):
    page = client.get("/", query_string={"category": "Furniture > Tables"}).text

    assert "Tables · Demo shop" in page
    assert "12 products" not in page  # one of the twelve names no category
    assert "11 products" in page
    assert "Sold out" not in page


@pytest.mark.parametrize(("page", "shown"), [("0", 1), ("99", 2), ("-3", 1), ("two", 1)])
def test_a_page_that_does_not_exist_is_the_nearest(client, page, shown):
    assert f"Page {shown} of 2" in client.get(f"/?page={page}").text


def test_a_product_has_everything_its_visitor_wants(client):
    page = client.get("/product", query_string={"id": id_of(4)}).text

    for text in ("Larch table no. 4", "€59.50", "Waldhaus", "In stock", "lasts for decades"):
        assert text in page
    assert '<img src="/pictures/4.svg"' in page
    assert "/?category=Furniture+%3E+Tables" in page.replace("%20", "+")
    assert f'item-id="{id_of(4)}"' in page
    assert 'placement="pdp-similar"' in page


def test_the_page_has_its_own_row_for_when_the_service_is_away(client):
    page = client.get("/product", query_string={"id": id_of(6)}).text
    own = page[page.index("<product-recommendations") : page.index("</product-recommendations")]

    found = [unquote_plus(link.partition("id=")[2]) for link in links(own, "/product?")]
    # The same category, without itself and without the sold-out product 3.
    assert found == [id_of(number) for number in (0, 9, 12, 15)]


def test_a_product_without_a_picture_gets_a_neutral_one(client):
    page = client.get("/product", query_string={"id": id_of(5)}).text
    article = page[page.index("<article") : page.index("</article>")]

    assert "<img" not in article
    assert "<svg" in article


@pytest.mark.parametrize(
    ("price", "sale_price", "shown"),
    [
        (149.0, 99.0, "Now €99.00 Before €149.00"),
        (149.0, 149.0, "€149.00"),
        (149.0, None, "€149.00"),
    ],
)
def test_a_sale_is_told_in_words_too(app, client, price, sale_price, shown):
    changed = make_product(4).model_copy(update={"price": price, "sale_price": sale_price})
    service_of(app).catalog.catalog.upsert([changed])
    service_of(app).catalog.changed()

    page = client.get("/product", query_string={"id": id_of(4)}).text

    amount = re.search(r'<p class="amount">(.*?)</p>', page, re.DOTALL)[1]
    assert " ".join(re.sub(r"<.*?>", "", amount).split()) == shown
    assert ("<s " in amount) == (shown != f"€{price:.2f}")


def test_a_sold_out_product_says_so(client):
    assert "Sold out" in client.get("/product", query_string={"id": id_of(3)}).text


@pytest.mark.parametrize("path", ["/product?id=nobody", "/product", "/?category=Cars"])
def test_what_is_not_there_is_a_page_that_leads_back(client, path):
    answer = client.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "/" in links(answer.text, "/")


def test_what_a_feed_says_is_text(client, workspace, open_app):
    evil = '"><script>alert(1)</script>'
    product = Product(id=evil, title=evil, description=evil, brand=evil, product_type=[evil])
    EmbeddedCatalog(workspace.catalog_path).upsert([product])
    client = open_app(workspace).test_client()

    for page in (
        client.get("/product", query_string={"id": evil}),
        client.get("/", query_string={"category": evil}),
        client.get("/product", query_string={"id": f"{evil}?"}),
    ):
        assert "<script>alert" not in page.text


def test_no_inline_script_or_style(client):
    for path in ("/", f"/product?id={id_of(1)}"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)


def test_an_empty_shop_names_the_next_step(workspace, open_app):
    workspace.catalog_path.unlink()
    page = open_app(workspace).test_client().get("/")

    assert page.status_code == 200
    assert "recommender import items" in page.text


def test_the_page_names_the_live_model(client, workspace, open_app):
    version = (workspace.models_dir / "current").readlink().name
    assert (
        f"<b>popularity</b> <code>{version}</code>, trained on clicks before\n"
        in client.get("/").text
    )

    shutil.rmtree(workspace.models_dir)
    assert "No model is live yet" in open_app(workspace).test_client().get("/").text


def test_a_picture_may_draw_and_nothing_else(client):
    with client.get("/pictures/4.svg") as answer:
        assert answer.mimetype == "image/svg+xml"
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        )
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "../recommender.toml",
        "..%2Frecommender.toml",
        "%2e%2e/recommender.toml",
        "../pictures/../catalog.sqlite",
        "/etc/passwd",
        "..%5Ccatalog.sqlite",
        "link.svg",
        "folder.svg",
        "page.html",
        "nothing.svg",
        "a%00.svg",
        "",
    ],
)
def test_pictures_only_from_their_folder(client, workspace, path):
    pictures = workspace.root / "pictures"
    (pictures / "link.svg").symlink_to(workspace.settings_path)
    (pictures / "folder.svg").mkdir()
    (pictures / "page.html").write_text("<script>alert(1)</script>")

    assert client.get(f"/pictures/{path}", follow_redirects=True).status_code == 404


def test_a_product_of_another_currency_and_without_price(workspace, open_app):
    catalog = EmbeddedCatalog(workspace.catalog_path)
    catalog.upsert(
        [
            make_product(1).model_copy(update={"currency": "SEK", "price": 1234.5}),
            make_product(2).model_copy(update={"price": None}),
        ]
    )
    client = open_app(workspace).test_client()

    assert "1,234.50 SEK" in client.get("/product", query_string={"id": id_of(1)}).text
    assert client.get("/product", query_string={"id": id_of(2)}).status_code == 200
