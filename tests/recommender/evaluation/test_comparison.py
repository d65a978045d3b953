"""`compare.html` says who is better as the interval says."""

from typing import Any

import numpy as np
import pytest

from recommender.data.examples import sessions_from_lists
from recommender.evaluation.comparison import render_comparison, sentences
from recommender.evaluation.pairing import pair
from recommender.evaluation.protocol import queries_of
from tests.recommender.evaluation.test_report import HOSTILE, Page

N = 60
QUERIES = queries_of(sessions_from_lists([[0, 1]] * N))


def comparison(a: np.ndarray, b: np.ndarray, name: str = "one") -> dict[str, Any]:
    parts = {"head": np.arange(N) % 2 == 0, "own part": np.arange(N) < 5}
    return {
        "a": {"name": name, "model": "softmax"},
        "b": {"name": "two", "model": "popularity"},
        "test": {"from": "2026-11-20T00:00:00Z", "sessions": N, "queries": N},
        **pair(QUERIES, {"none": a, "current": a}, {"none": b, "current": b}, parts, 20, 200),
    }


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.full(N, 1), np.full(N, 99), "A wins by 100.0 (95 % interval 100.0 to 100.0)"),
        (np.full(N, 99), np.full(N, 1), "B wins by 100.0 (95 % interval 100.0 to 100.0)"),
        (np.arange(N), np.arange(N)[::-1], "A and B are level within chance"),
    ],
    ids=["a", "b", "level"],
)
def test_who_wins(a: np.ndarray, b: np.ndarray, said: str) -> None:
    assert said in sentences(comparison(a + 1, b + 1) if a[0] != a[1] else comparison(a, b))[1]


def test_page_holds_the_sentences_and_the_parts() -> None:
    found = comparison(np.full(N, 1), np.full(N, 2), name=HOSTILE)
    page = Page(render_comparison(found))
    assert HOSTILE in page.text
    assert "answered the same 60 questions of 60 visits from 20 November 2026 on" in page.text
    assert "Of 100 questions 100 are answered better by A, 0 by B, and 0 alike." in page.text
    assert "Bestsellers" in page.text
    assert "own part" in page.text
    assert page.tags.count("svg") == 2


def test_a_part_of_few_questions_shows_no_figures() -> None:
    """Thirty questions are shown, five are only counted; in JSON both keep their figures."""
    found = comparison(np.full(N, 1), np.full(N, 2))
    page = Page(render_comparison(found))
    assert [found["slices"][name]["queries"] for name in ("head", "own part")] == [30, 5]
    assert page.text.count("too few to tell") == 1
    assert "own part 5 too few to tell A 5 B 0 alike 0" in page.text
    assert found["slices"]["own part"]["metrics"]["mrr@20"]["difference"]["value"] == 0.5
    assert page.texts.count("Bestsellers") == 3, "in both charts and the table"
    assert page.texts.count("own part") == 1, "in the table alone"
