"""The report's page in a real browser: nothing asked for, nothing wrong for anybody."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from pipelines.densities import catalog_prices
from pipelines.evaluate import evaluate_models, write_evaluation
from pipelines.ingest.events import import_events
from pipelines.ingest.items import import_items
from pipelines.report import page_of, product_lookup
from pipelines.simulate.workspace import Plan, simulate
from recommender.configuration import load_settings
from recommender.data.vocabulary import Vocabulary
from recommender.densities.visits import PriceList
from recommender.evaluation.comparison import render_comparison
from recommender.evaluation.pairing import pair
from recommender.evaluation.price_curves import price_curves
from recommender.evaluation.protocol import Queries
from recommender.evaluation.typical import Typical
from recommender.settings import Settings
from recommender.workspace import Workspace
from tests.small_prices import small_density

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small simulated shop, with the sections of a network added by hand."""
    root = tmp_path_factory.mktemp("report")
    simulate(root, Plan(0, 120, 60, date(2026, 3, 1), date(2026, 3, 6)))
    workspace, settings = Workspace(root), load_settings(root / "recommender.toml", [], {})
    import_items(workspace, settings, [str(root / "source" / "products.tsv")])
    for path in sorted((root / "source").glob("*.ndjson")):
        import_events(workspace, settings, str(path))
    done = evaluate_models(
        workspace, settings, ["sequential_rules", "popularity"], None, lambda _: None
    )
    add_network(done.report)
    add_price_curves(done.report, catalog_prices(workspace, Settings(), "EUR"))
    page = page_of(done.report, workspace, product_lookup(workspace, Settings()))
    write_evaluation(root / "out", done._replace(page=page))
    ranks = done.ranks
    found = pair(ranks, *ranks.ranks.values(), ranks.parts, 20, 200)
    sides = {"a": {"name": "one", "model": "sequential_rules"},
             "b": {"name": "two", "model": "popularity"}, "test": done.report["test"]}  # fmt: skip
    (root / "out" / "compare.html").write_text(render_comparison(sides | found), "utf-8")
    return root / "out"


def add_network(report: dict[str, Any]) -> None:
    """Epochs, batch sizes and promises as a network has them."""
    network = report["models"][0]
    validation = [{"recall@20": 0.3 + n / 50, "mrr@20": 0.1, "log_likelihood": -5 - (n - 4) ** 2}
                  for n in range(8)]  # fmt: skip
    network["epochs"] = [
        {"start": start, "epoch": n + 1, "loss": 6 - n / 3, "validation": found}
        for start in ("random", "word2vec")
        for n, found in enumerate(validation)
    ]
    network["settled"] = {"start": "random", "epochs": 5}
    bins = [
        {"queries": 50, "promised": n / 12, "came_true": {"value": n / 11, "low": 0, "high": 1}}
        for n in range(10)
    ]
    told = {"expected_calibration_error": 0.1, "promised": 0.4, "came_true": 0.5, "bins": bins}
    network["calibration"] = {"first": told, "list": told}
    report["batch_sizes"] = [
        {"model": "softmax", "batch_size": size, "epochs": 5, "train_s": 3.0, "peak_mb": 800.0,
         "growth_mb": 20.0 + size, "validation": validation[0]}
        for size in (64, 256, 1024)
    ]  # fmt: skip


def add_price_curves(report: dict[str, Any], prices: Mapping[str, float]) -> None:
    """Curves as a density of the shop's prices has them; rules learn none."""
    assert report["price_curves"] is None
    visits = report["typical"]
    vocabulary = Vocabulary(
        sorted({id_ for one in visits for id_ in (*one["viewed"], one["next"])})
    )
    queries = Queries(
        vocabulary.encode(one["viewed"] for one in visits),
        vocabulary.numbers_of(one["next"] for one in visits),
        np.arange(len(visits), dtype=np.int64),
        len(visits),
    )
    report["price_curves"] = price_curves(
        queries,
        [Typical(one["kind"], at) for at, one in enumerate(visits)],
        vocabulary,
        small_density(0.4),
        PriceList.of(vocabulary.item_ids, prices),
    )


@pytest.mark.parametrize("name", ["report.html", "compare.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_page_opens_from_a_file_and_axe_finds_nothing(
    browser: Browser, folder: Path, name: str, scheme: Any, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page, asked, complaints = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    page.goto((folder / name).as_uri())
    # Closed tables are looked at, too.
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing sticks out"
    broken = "[...document.images].filter((one) => one.complete && !one.naturalWidth).length"
    assert page.evaluate(broken) == 0
    assert asked.count("file") == 1
    assert set(asked) <= {"file", "data"}
    assert complaints == []
    context.close()


def test_pictures_of_the_shop_are_in_the_page(browser: Browser, folder: Path) -> None:
    page = browser.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator(".visit").count() == 12
    assert page.locator(".visit img").count() > 100
    assert page.locator(".tile.next").count() >= 12
    assert (folder / "report.html").stat().st_size < 3_000_000
    page.close()


def test_each_visit_has_a_price_curve_that_says_what_it_shows(
    browser: Browser, folder: Path
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator(".visit").get_by_role("img", name="The next product is").count() == 12
    assert page.get_by_role("img", name="The one that was opened costs").count() == 12
    for chart in page.locator(".price svg").all():
        box = chart.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390
        words = "one => [...one.querySelectorAll('text')].map(t => t.getBoundingClientRect().right)"
        assert max(chart.evaluate(words)) <= box["x"] + box["width"]
    context.close()


@pytest.mark.parametrize("name", ["report.html", "compare.html"])
def test_on_a_phone_the_figures_that_decide_are_on_the_screen(
    browser: Browser, folder: Path, name: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.goto((folder / name).as_uri())
    cells = "[...document.querySelectorAll('.stack td')].map((one) => one.getBoundingClientRect())"
    rights = page.evaluate(f"{cells}.map((box) => box.right)")
    assert len(rights) > 8
    assert max(rights) <= 390
    heading = "getComputedStyle(document.querySelector('.stack td'), '::before').content"
    assert page.evaluate(heading) not in ("none", '""'), "each figure says what it is"
    context.close()


def test_light_and_dark_differ(browser: Browser, folder: Path) -> None:
    colors = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto((folder / "report.html").as_uri())
        style = "getComputedStyle(document.body)"
        colors.add((page.evaluate(f"{style}.color"), page.evaluate(f"{style}.backgroundColor")))
        context.close()
    assert len(colors) == 2
