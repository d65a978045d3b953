"""The shop page in a real browser against a real server process."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.product import Product
from recommender.serving.versions import publish
from recommender.workspace import Workspace
from tests.small_mixture import small_cold_start, write_mixture
from tests.small_shop import Server, id_of, logged, make_shop, publish_model, served, wait_for

pytestmark = pytest.mark.browser

CARDS = "product-recommendations .item:not([aria-hidden]) a"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = make_shop(tmp_path / "shop")
    publish_model(workspace)
    return workspace


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Server]:
    with Server(workspace.root) as server:
        yield server


class Visit:
    """A visitor's browser; what it complained of and what it asked the service."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[dict[str, list[str]]] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note)
        # A violated policy is told to the page too, whatever reaches the console.
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (e) => console.error('policy', e.violatedDirective, e.blockedURI))"
        )

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _note(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.path == "/v1/recommendations":
            self.asked.append(parse_qs(parts.query))


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    visit = Visit(browser, viewport={"width": 1200, "height": 900})
    yield visit
    visit.context.close()


def names(workspace: Workspace) -> list[str]:
    return [event["event_name"] for event in logged(workspace)]


@pytest.mark.slow
def test_a_visitor_clicks_through_three_products(visit, server, workspace, tmp_path):
    page = visit.page
    page.goto(server.url)
    page.locator(".grid a", has_text="Larch table no. 4").click()
    clicked = [id_of(4)]
    for _ in range(2):
        card = page.locator(CARDS).nth(1)
        expect(card).to_be_visible()
        clicked.append(parse_qs(urlsplit(card.get_attribute("href")).query)["id"][0])
        card.click()
        page.wait_for_url(f"**/product?id={card_id(clicked[-1])}")

    expect(page.locator(CARDS)).to_have_count(8)
    expect(page.locator(".why")).to_contain_text("gives everyone what is clicked most")
    expect(page.locator(".visit a")).to_have_count(3)
    assert visit.asked[-1]["item_id"] == clicked
    wait_for(lambda: names(workspace).count("select_item") == 2)
    wait_for(lambda: names(workspace).count("view_item") == 3)
    page.locator("product-recommendations").scroll_into_view_if_needed()
    (page_view_id,) = visit.asked[-1]["page_view_id"]
    wait_for(lambda: ("view_item_list", page_view_id) in showings(workspace))
    check_log(workspace, clicked)
    assert visit.complaints == []
    take_pictures(visit, server, tmp_path)
    assert visit.complaints == []


def showings(workspace: Workspace) -> set[tuple[str, str]]:
    return {(event["event_name"], event["page_view_id"]) for event in logged(workspace)}


def card_id(item_id: str) -> str:
    return quote(item_id, safe="")


def check_log(workspace: Workspace, clicked: list[str]) -> None:
    events = logged(workspace)
    views = [event for event in events if event["event_name"] == "view_item"]
    assert [event["items"][0]["item_id"] for event in views] == clicked
    clicks = [event for event in events if event["event_name"] == "select_item"]
    assert [event["items"] for event in clicks] == [
        [{"item_id": item_id, "index": 1}] for item_id in clicked[1:]
    ]
    shown = {line["recommendation_id"]: line for line in served(workspace)}
    for event in [*clicks, *(e for e in events if e["event_name"] == "view_item_list")]:
        line = shown[event["recommendation_id"]]
        assert event["placement"] == line["placement"]
        assert event["page_view_id"] == line["page_view_id"]
        assert {item["item_id"] for item in event["items"]} <= set(line["items"])
    assert len({event["visitor_id"] for event in events}) == 1
    assert {event["consent"] for event in events} == {"granted"}


def take_pictures(visit: Visit, server: Server, folder: Path) -> None:
    """For people to look at: `SCREENSHOTS=DIR` keeps them."""
    folder = Path(os.environ.get("SCREENSHOTS", folder))
    page, product = visit.page, visit.page.url
    for address, name in ((product, "product"), (server.url, "list")):
        for scheme in ("light", "dark"):
            for width in (1200, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)
                page.goto(address)
                expect(page.locator(CARDS).first).to_be_visible()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
                overflow = "document.documentElement.scrollWidth - innerWidth"
                assert page.evaluate(overflow) <= 0


def test_without_consent_nothing_is_remembered(visit, server, workspace):
    page = visit.page
    page.goto(f"{server.url}/product?id={card_id(id_of(4))}")
    expect(page.locator(CARDS).first).to_be_visible()
    kept = page.evaluate("Object.keys(localStorage)")
    assert sorted(kept) == ["recs.session", "recs.visitor"]

    page.locator("label.switch").click()
    page.goto(f"{server.url}/product?id={card_id(id_of(9))}")
    expect(page.locator(CARDS).first).to_be_visible()

    assert page.evaluate("Object.keys(localStorage)") == ["demo.consent"]
    assert visit.asked[-1]["item_id"] == [id_of(9)]
    assert "page_view_id" not in visit.asked[-1]
    wait_for(lambda: names(workspace).count("view_item") == 2)
    event = [event for event in logged(workspace) if event["event_name"] == "view_item"][1]
    assert event["consent"] == "denied"
    assert not {"visitor_id", "page_view_id", "page_referrer"} & set(event)
    assert visit.complaints == []


def test_a_pause_of_over_half_an_hour_begins_a_new_visit(visit, server):
    page = visit.page
    page.goto(f"{server.url}/product?id={card_id(id_of(4))}")
    expect(page.locator(CARDS).first).to_be_visible()
    for minutes, expected in ((29, [id_of(4), id_of(9)]), (31, [id_of(12)])):
        page.evaluate(
            """(minutes) => {
                const visit = JSON.parse(localStorage.getItem("recs.session"));
                visit.last = Date.now() - minutes * 60 * 1000;
                localStorage.setItem("recs.session", JSON.stringify(visit));
            }""",
            minutes,
        )
        page.goto(f"{server.url}/product?id={card_id(expected[-1])}")
        expect(page.locator(CARDS).first).to_be_visible()
        assert visit.asked[-1]["item_id"] == expected


def test_a_page_from_the_browsers_cache_is_a_view_like_any_other(visit, server, workspace):
    """The event that such a page gets; whether a browser keeps pages is its own affair."""
    page = visit.page
    page.goto(f"{server.url}/product?id={card_id(id_of(4))}")
    expect(page.locator(CARDS).first).to_be_visible()

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")

    wait_for(lambda: names(workspace).count("view_item") == 2)
    assert len({event["page_view_id"] for event in logged(workspace)}) == 2
    wait_for(lambda: len(visit.asked) == 2)


def test_without_a_model_the_page_keeps_its_own_row(visit, workspace):
    (workspace.models_dir / "current").unlink()
    with Server(workspace.root) as second:
        page = visit.page
        page.goto(f"{second.url}/product?id={card_id(id_of(6))}")

        expect(page.get_by_role("heading", name="More of the kind")).to_be_visible()
        expect(page.locator(".own a")).to_have_count(4)
        expect(page.locator(".why")).to_contain_text("the service answered 503")
    # The browser itself notes the answer's status; the page adds nothing to that.
    assert all("503" in complaint for complaint in visit.complaints)


def test_the_row_hides_below_its_least_number(visit, server):
    page = visit.page
    page.goto(server.url)
    row = page.locator("product-recommendations")
    expect(page.locator(CARDS).first).to_be_visible()

    row.evaluate("(row) => row.setAttribute('min-items', '50')")

    expect(row).to_be_hidden()
    assert visit.complaints == []


def test_a_slow_service_is_not_waited_for(visit, server):
    """A route that answers late stands for a slow network."""
    page = visit.page
    page.goto(f"{server.url}/product?id={card_id(id_of(6))}")
    page.route("**/v1/recommendations?*", lambda route: None)

    page.reload()

    expect(page.locator(".own a").first).to_be_visible(timeout=3000)
    assert visit.complaints == []


def test_nothing_below_moves_when_the_row_fills(visit, server):
    page = visit.page
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        " for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(f"{server.url}/product?id={card_id(id_of(6))}")
    expect(page.locator(CARDS).first).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert page.evaluate("window.shift") < 0.01


def test_a_row_stays_in_the_demo_wherever_the_feed_leads(visit, server, workspace):
    catalog = EmbeddedCatalog(workspace.catalog_path)
    links = {id_of(0): "https://shop.example/0", id_of(1): None}
    catalog.upsert(p.model_copy(update={"link": links[p.id]}) for p in catalog.get(list(links)))
    catalog.close()
    wait_for(lambda: "shop.example" in str(server.call("/v1/recommendations")))
    page = visit.page
    page.goto(server.url)

    for number in (0, 1):
        expect(page.locator(CARDS).nth(number)).to_have_attribute(
            "href", f"/product?id={card_id(id_of(number))}"
        )


def test_what_the_catalog_says_is_text_and_only_web_links(visit, server):
    """The service's own catalog refuses such links; the widget must not rely on it."""
    evil = "<img src=x onerror=console.error('evil')>"
    item = {
        "id": "E",
        "title": evil,
        "link": "javascript:console.error('evil')",
        "price": 5,
        "image_link": "data:text/html,evil",
        "currency": "no currency",
        "source": "model",
    }
    body = {
        "recommendation_id": "r",
        "placement": "home",
        "items": [item] * 3,
        "model": {"name": evil, "version": "v"},
    }
    page = visit.page
    page.route("**/v1/recommendations?*", lambda route: route.fulfill(json=body))
    page.route("**/shop.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(server.url)

    card = page.locator(CARDS).first
    expect(card).to_contain_text(evil)
    expect(card).to_contain_text("5 no currency")
    assert card.get_attribute("href") is None
    assert card.locator("img").count() == 0
    assert visit.complaints == []


def test_a_viewed_product_that_is_gone_is_not_shown_by_its_id(
    visit: Visit, server: Server, workspace: Workspace
) -> None:
    page = visit.page
    page.goto(f"{server.url}/product?id={card_id(id_of(4))}")
    expect(page.locator(".visit a")).to_have_count(1)
    catalog = EmbeddedCatalog(workspace.catalog_path)
    catalog.delete([id_of(4)])
    catalog.close()
    wait_for(lambda: server.call(f"/v1/items?id={card_id(id_of(4))}")[1]["total"] == 0)

    page.goto(f"{server.url}/product?id={card_id(id_of(5))}")

    expect(page.locator(".visit li")).to_have_text(["a product that is gone", ""])
    expect(page.locator(".visit a")).to_have_accessible_name("Oak lamp no. 5")
    assert id_of(4) not in page.locator("main").inner_text()
    assert visit.complaints == []


def test_a_sale_is_seen_and_heard(visit: Visit, server: Server, workspace: Workspace) -> None:
    catalog = EmbeddedCatalog(workspace.catalog_path)
    (chair,) = catalog.get([id_of(0)])
    catalog.upsert([chair.model_copy(update={"price": 1149.0, "sale_price": 999.0})])
    catalog.close()
    wait_for(lambda: "999.0" in str(server.call("/v1/recommendations")))
    page = visit.page
    page.goto(f"{server.url}/product?id={card_id(id_of(4))}")

    card = page.locator(CARDS).first
    expect(card).to_have_accessible_name("Oak chair no. 0 Now €999.00 Before €1,149.00")
    expect(card.locator("[part=price-now]")).to_be_visible()
    before = card.locator("s[part=price-before]")
    expect(before).to_have_css("text-decoration-line", "line-through")
    line = card.locator(".price").bounding_box()
    struck = before.bounding_box()
    assert struck["x"] + struck["width"] <= line["x"] + line["width"], "both prices fit the card"
    assert visit.complaints == []


def test_a_product_without_clicks_is_marked(visit: Visit, workspace: Workspace) -> None:
    publish(workspace.models_dir, write_mixture(workspace, small_cold_start(level=1.0)), keep=5)
    new = Product(id="new", title="An even chair", product_type=["Furniture", "Chairs"])
    catalog = EmbeddedCatalog(workspace.catalog_path)
    catalog.upsert([new])
    catalog.close()
    with Server(workspace.root) as server:
        visit.page.goto(f"{server.url}/product?id={quote(id_of(4))}")
        card = visit.page.locator("product-recommendations [part~=cold]")
        expect(card).to_have_count(1)
        expect(card).to_contain_text("An even chair")
        badge = "(box) => getComputedStyle(box, '::before').content"
        assert card.evaluate(badge) == '"New"'
        expect(visit.page.locator(".why")).to_contain_text(
            "(1 of them by the feed alone: nobody clicked it yet)"
        )
        visit.page.goto(f"{server.url}/product?id=new")
        seen = visit.page.locator(".visit a").last
        expect(seen).to_have_accessible_name("An even chair")
        expect(seen).to_have_css("width", "44px")
    assert visit.complaints == []
