"""Text without markup."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog.plain_text import MAX_TAGS, plain_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (" two\n\tlines\u00a0here ", "two lines here"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("a<br>b<br/>c<li>d", "a b c d"),
        ("un<b>bold</b>ed", "unbolded"),
        ("R&amp;D &lt;5 kg &#x2615;", "R&D <5 kg ☕"),
        ("AT&T & 5 < 6 > 4", "AT&T & 5 < 6 > 4"),
        ("&amp;amp;", "&amp;"),
        ("x<script>alert('<b>')</script>y<style>p{}</style>z", "xyz"),
        ("<script>never closed", ""),
        ("x<!-- <b>no</b> -->y", "xy"),
        ("<a href='javascript:x' title='a > b'>link</a>", "link"),
        ("<IMG SRC=x onerror=alert(1)>", ""),
        ("nul\0 and \x1b[31m bell\a", "nul and [31m bell"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_text(text, expected):
    assert plain_text(text) == expected


@given(st.text(alphabet="<>&;/!-ab \"'=pscrit", max_size=60))
def test_no_tag_that_a_browser_would_open_is_left(text):
    left = plain_text(f"{text}<script>alert(1)</script><img src=x onerror=y>")
    assert "<script>alert" not in left
    assert "onerror" not in left


def test_a_text_with_more_tags_than_allowed():
    plain_text("<p>" * MAX_TAGS)
    with pytest.raises(ValueError, match="at most 5,000 tags"):
        plain_text("<p>" * (MAX_TAGS + 1))


@pytest.mark.parametrize("tag", ["<div>", "<a>", "<b><i>", "<!--", "<a b='", "<table><td>", "</p>"])
def test_hostile_markup_takes_no_time(tag):
    text = (tag * MAX_TAGS)[: MAX_TAGS * 3]
    began = time.process_time()
    plain_text(text)
    assert time.process_time() - began < 2
