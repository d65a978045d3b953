"""`report.html`: one file, readable without anything else, whatever the products are called."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.catalog.product import Product
from recommender.data.examples import sessions_from_lists
from recommender.evaluation import wording
from recommender.evaluation.pictures import Pictures
from recommender.evaluation.report import render_report
from tests.recommender.evaluation.conftest import ids

HOSTILE = '</style><script>alert(1)</script><img src=x onerror="alert(1)">'
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "form", "base"}
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a page holds; complains of everything that a report must not have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.lines: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in FORBIDDEN
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has {name}"
            assert name != "style", "the policy allows the style sheet only"
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "action"):
                assert (value or "").startswith(("data:image/", "#")), value
            if name == "src":
                self.pictures.append(value or "")
            if name == "class" and tag == "polyline" and "line" in (value or "").split():
                self.lines.append(value or "")
            if name == "href":
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(report: dict[str, Any], lookup: Any = lambda _: None, folder: Any = None) -> Page:
    page = Page(render_report(report, lookup, Pictures(folder)))
    assert len(page.ids) == len(set(page.ids)), "an id occurs once"
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids), "links lead somewhere"
    return page


def shelf(**more: Any) -> dict[str, Product]:
    return {
        item_id: Product(
            id=item_id,
            title=f"Title of {item_id}",
            product_type=["Home", "Even" if number % 2 else "Odd"],
            **more,
        )
        for number, item_id in enumerate(ids())
    }


def test_a_report_without_a_catalog_shows_ids(make_report) -> None:
    report = make_report()
    page = page_of(report)
    for sentence in wording.sentences(report):
        assert sentence in page.text
    assert "P07" in page.text
    assert page.pictures == []
    assert "Twelve visits" in page.text
    assert "By category" not in page.text
    assert "--batch-sizes" not in page.text, "nothing here is trained in epochs"
    assert "3 questions" in page.text
    assert "2 visits" in page.text
    report["test"] |= {"sessions_crossing_the_split": 1, "queries_dropped_unknown_item": 1000}
    assert "1 visit " in page_of(report).text
    assert "1,000 questions" in page_of(report).text


def test_products_without_clicks_are_spoken_of_where_there_is_a_feed(make_report) -> None:
    report = make_report()
    assert "Products without clicks" not in page_of(report | {"cold": None}).text
    entry = {"in_stock": 1620, "unknown": 64, "placed": 61, "level": -0.6931}
    text = page_of(report | {"cold": entry}).text
    assert "Of 1,620 products in stock 64 have no clicks" in text
    assert "61 of them have a place by what the feed says" in text
    assert "clicked 0.5 times as often as their likeness to known ones promised" in text
    none = page_of(report | {"cold": entry | {"placed": 0, "level": None}}).text
    assert "This version places none of them" in none


def test_products_have_titles_categories_and_embedded_pictures(make_report, tmp_path: Path) -> None:
    (tmp_path / "p.svg").write_text("<svg/>")
    products = shelf(image_link="/pictures/p.svg", brand="Waldhaus")
    page = page_of(make_report(lookup=products.get), products.get, tmp_path)
    assert "Title of P07" in page.text
    assert "Waldhaus · Odd" in page.text
    assert "By category of the product that was opened next" in page.text
    assert set(page.pictures) == {"data:image/svg+xml;base64,PHN2Zy8+"}
    assert len(page.pictures) >= 12 * 8


def test_pictures_of_the_web_are_not_fetched(make_report) -> None:
    products = shelf(image_link="https://shop.example/p.jpg", brand="Title")
    page = page_of(make_report(lookup=products.get), products.get)
    assert page.pictures == []
    assert "shop.example" not in page.text
    assert "Title ·" not in page.text, "a brand that the title names is not repeated"


def test_hostile_titles_and_ids_are_only_text(make_report) -> None:
    names = [f"{item_id}{HOSTILE}" for item_id in ids()]
    products = {
        name: Product(id=name, title=HOSTILE, brand=f"B{HOSTILE}", product_type=[HOSTILE, name])
        for name in names[:12]
    }
    report = make_report(item_ids=names, lookup=products.get)
    report["data"] = {"noise": {HOSTILE: 1}, "refused": {HOSTILE: {"rows": 2, "meaning": HOSTILE}}}
    page = page_of(report, products.get)
    assert HOSTILE in page.text
    assert f"P20{HOSTILE}" in page.text


def test_unicode_is_kept(make_report) -> None:
    names = [f"产品-{number}-Größe-🪑-مصباح" for number in range(24)]
    assert names[3] in page_of(make_report(item_ids=names)).text


@pytest.mark.parametrize("name", ["popularity", "sequential_rules"])
def test_a_single_model_leads_nobody(make_report, name: str) -> None:
    page = page_of(make_report([name]))
    assert f"{name} was judged alone" in page.text
    assert "leads" not in page.text.replace("the column “leads”", "")


def test_one_question(make_report) -> None:
    report = make_report(held_out=sessions_from_lists([[3, 4]]))
    page = page_of(report)
    assert "asked 1 time, in 1 visit" in page.text
    assert "Some visits" in page.text
    assert report["test"]["queries"] == 1


def test_sessions_without_times_speak_of_no_days(make_report) -> None:
    report = make_report() | {"split_by": "shares", "ties": "list"}
    page = page_of(report)
    assert "in 60 visits that came later, which product" in page.text
    assert "2021" not in page.text
    assert "the list decides which comes first" in page.text


def test_what_a_large_model_foretold(make_report) -> None:
    report = make_report()
    report["models"][0]["predicted"] = {"file_bytes": 1.2e9, "train_s": 61.4}
    words = "sequential_rules foretold 1,200.0 MB as a file and about 61 s before it was trained"
    assert words in page_of(report).text


def test_seconds_of_choosing_are_named_where_there_are_any(make_report) -> None:
    report = make_report()
    assert "choosing on validation" not in " ".join(page_of(report).text.split())
    report["models"][0] |= {"train_s": 9.0, "choosing_s": 4.2}
    words = "Of the seconds of training, choosing on validation took 4.2 of sequential_rules."
    assert words in " ".join(page_of(report).text.split())


def test_what_the_gate_said(make_report) -> None:
    report = make_report()
    assert "The gate" not in page_of(report).text
    report["gate"] = {"publish": True, "reason": "MRR@20 is ahead of popularity"}
    assert "The gate let it pass. MRR@20 is ahead of popularity." in page_of(report).text
    report["gate"] = {"publish": False, "reason": "refused: it is worse"}
    assert "The gate refused it. It is worse." in page_of(report).text


def test_no_visit_that_could_be_shown(make_report) -> None:
    page = page_of(make_report(held_out=sessions_from_lists([[3, 3]])))
    assert "visits that" not in page.text
    assert 'href="#visits"' not in page.text


def epochs(n: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "loss": 6 - epoch / 2, **more,
         "validation": {"recall@20": 0.1 * epoch, "mrr@20": 0.01 * epoch,
                        "log_likelihood": -5 - (epoch - 3) ** 2 / 10}}
        for epoch in range(1, n + 1)
    ]  # fmt: skip


def reliability(n_bins: int) -> dict[str, Any]:
    outcome = {"value": 0.1, "low": 0.0, "high": 0.2}
    return {
        "expected_calibration_error": 0.05, "promised": 0.4, "came_true": 0.35,
        "bins": [{"queries": 9, "promised": 0.2 + bin_ / 10, "came_true": outcome}
                 for bin_ in range(n_bins)],
    }  # fmt: skip


def test_epochs_batches_and_calibration_are_drawn(make_report) -> None:
    report = make_report()
    network = report["models"][0]
    network["epochs"] = [*epochs(5, start="random", seed=0), *epochs(4, start="word2vec", seed=0)]
    network["settled"] = {"start": "random", "epochs": 3}
    network["calibration"] = {"first": reliability(2), "list": reliability(3)}
    page = page_of(report)
    assert "evaluate --batch-sizes 64,256,1024" in page.text
    dashed = ["dashed" in line for line in page.lines]
    assert dashed == [False, True] * 4 + [False], "the start that was not kept"
    report["batch_sizes"] = [
        {"model": "softmax", "batch_size": size, "epochs": 3, "train_s": 9.0, "peak_mb": 700.0,
         "growth_mb": 90.0, "validation": {"recall@20": 0.5, "log_likelihood": -5.0}}
        for size in (64, 256)
    ]  # fmt: skip
    page = page_of(report)
    assert "No: up to epoch 3 it learned" in page.text
    assert "random start, seed 0 (kept)" in page.text
    assert "too sure by 5.0 points (expected calibration error .050)" in page.text
    assert "was trained from scratch at 2 batch sizes" in page.text
    assert sum(one.startswith("epochs-") and one.endswith("-t") for one in page.ids) == 4
    assert sum(one.startswith("batch-") and one.endswith("-t") for one in page.ids) == 4
    drawn = [one for one in page.ids if one.startswith("calibration-") and one.endswith("-t")]
    assert drawn == ["calibration-sequential-rules-list-t"], "two marks are no curve"


def price_curve(median: float) -> dict[str, Any]:
    ends = {"low": median / 2, "high": median * 2}
    return {
        "median": median, "intervals": {"50": ends, "90": ends}, "seen": [median], "next": None,
        "points": [[median / 4, 0.0], [median, 1.0], [median * 4, 0.0]],
    }  # fmt: skip


def test_each_visit_says_what_its_next_product_will_cost(make_report) -> None:
    report = make_report()
    plain = page_of(report).text
    for none in ({}, {"price_curves": None}):
        page = page_of(report | none)
        assert page.text == plain
        assert "rice" not in page.text
    report["price_curves"] = [price_curve(100.0 + 10 * n) for n in range(12)]
    text = render_report(report, lambda _: None, Pictures())
    page = page_of(report)
    said = [page.text.index(f"expected to cost about {100 + 10 * n};") for n in range(12)]
    assert said == sorted(said), "each with its own visit"
    assert text.count('role="img" aria-label="The next product is expected to cost about') == 12
    assert page.text.count("A price curve is high where") == 1


def test_the_policy_allows_this_style_and_nothing_else(make_report) -> None:
    text = render_report(make_report(), lambda _: None, Pictures())
    assert "default-src 'none'; style-src 'sha256-" in text.replace("&#39;", "'")
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


@pytest.mark.parametrize(
    ("promised", "came_true", "gap", "said"),
    [
        (0.40, 0.41, 0.012, "honest to a point or two"),
        (0.40, 0.30, 0.10, "too sure by 10.0 points"),
        (0.30, 0.36, 0.07, "too modest by 6.0 points"),
        (0.40, 0.39, 0.08, "right on the whole, yet 8.0 points off"),
    ],
)
def test_promises_in_words(promised: float, came_true: float, gap: float, said: str) -> None:
    entry = {"promised": promised, "came_true": came_true, "expected_calibration_error": gap}
    assert said in wording.calibration_words("first", entry, 20)


def sentences_with(report: dict[str, Any], value: float, low: float, high: float) -> str:
    for entry in report["differences"]:
        entry["metrics"]["recall@5"] = {"value": value, "low": low, "high": high}
    return wording.sentences(report)[1]


def test_who_wins_is_said_as_the_interval_says(make_report) -> None:
    report = make_report()
    assert "sequential_rules wins" in sentences_with(report, 0.2, 0.1, 0.3)
    assert "20.0 (10.0 to 30.0) more than popularity" in sentences_with(report, 0.2, 0.1, 0.3)
    assert "are level within chance" in sentences_with(report, 0.01, -0.02, 0.04)
    backwards = make_report(["popularity", "sequential_rules"])
    words = sentences_with(backwards, -0.2, -0.3, -0.1)
    assert "sequential_rules wins" in words
    assert "20.0 (10.0 to 30.0) more than popularity" in words


def test_better_places_are_told_where_another_model_has_them(make_report) -> None:
    report = make_report()
    for model, mrr in zip(report["models"], (0.5, 0.9), strict=True):
        model["metrics"]["current"]["mrr@5"]["value"] = mrr
    assert "further up" not in wording.sentences(report)[1], "the interval decides"
    for entry in report["differences"]:
        entry["metrics"]["mrr@5"] = {"value": -0.2, "low": -0.3, "high": -0.1}
    said = "popularity puts it further up the list, though (MRR .900 against .500)"
    assert said in wording.sentences(report)[1]
    backwards = make_report(["popularity", "sequential_rules"])
    words = sentences_with(backwards, 0.0, -0.1, 0.1)
    assert "level within chance" in words
    assert "sequential_rules puts it further up the list, though" in words


def test_a_report_of_a_thousand_products_stays_small(make_report, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(np.random.default_rng(0).bytes(39_000))
    products = shelf(image_link="/pictures/p.png")
    text = render_report(make_report(lookup=products.get), products.get, Pictures(tmp_path))
    assert len(text) < 3_000_000


def test_parts_of_few_questions_show_no_figures(make_report) -> None:
    report = make_report()
    for model in report["models"]:
        model["slices"]["long"]["queries"] = 29
        model["slices"]["head"]["queries"] = 30
    page = page_of(report)
    few = "Long visits at least 5 products were seen so far 29 too few to tell too few to tell"
    assert few in page.text
    assert page.text.count("too few to tell") == 2, "one a model, for one part"
    assert page.texts.count("Long visits") == 1, "in the table, in no chart"
    assert page.texts.count("Bestsellers") == 3


def test_a_report_of_very_few_questions_has_no_chart_of_parts(make_report) -> None:
    page = page_of(make_report(held_out=sessions_from_lists([[0, 1, 2], [3, 4]])))
    assert "too few to tell" in page.text
    assert "slices" in page.ids
    assert not any(name.startswith("slices-") for name in page.ids)


def test_control_characters_of_ids_are_not_in_the_page(make_report) -> None:
    names = [f"P\x1b[31m{number}\x07\x9b" for number in range(24)]
    text = render_report(make_report(item_ids=names), lambda _: None, Pictures())
    assert "P\ufffd[31m7\ufffd\ufffd" in text
    assert not {"\x1b", "\x07", "\x9b"} & set(text)


def test_all_that_share_the_first_place_are_bold(make_report) -> None:
    report = make_report()
    for model, value in zip(report["models"], (0.5004, 0.4996), strict=True):
        for metrics in model["metrics"].values():
            metrics["recall@5"]["value"] = value
    best = [wording.is_best(report, model, "current", "recall@5") for model in report["models"]]
    assert best == [True, True], "both are written .500"
    report["models"][1]["metrics"]["current"]["recall@5"]["value"] = 0.4994
    assert not wording.is_best(report, report["models"][1], "current", "recall@5")


def test_variants_are_told_apart(make_report) -> None:
    report = make_report()
    for model, name in zip(report["models"], ("softmax", "softmax:plain"), strict=True):
        for entry in report["differences"]:
            entry["against"] = entry["against"].replace(model["name"], name)
        model["name"] = name
    for visit in report["typical"]:
        for shown, model in zip(visit["lists"], report["models"], strict=True):
            shown["model"] = model["name"]
    text = page_of(report).text
    assert "the compact network without its second stage" in text
    assert text.count("the compact network") == 2
