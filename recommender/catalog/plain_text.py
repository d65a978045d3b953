"""Text of a product without its markup: what is searched, learned from and shown is text."""

import html
import re

import nh3

MAX_TAGS = 5_000
"""Beyond so many tags a text is none: reading deeply nested ones takes time by their square."""

_MARKUP = re.compile(r"<[A-Za-z/!?]")
_BLOCK = re.compile(
    r"<(?=/?(?:address|article|aside|blockquote|br|caption|dd|div|dl|dt|fieldset|figcaption|figure"
    r"|footer|form|h[1-6]|header|hr|li|main|nav|ol|option|p|pre|section|table|tbody|td|tfoot|th"
    r"|thead|title|tr|ul)\b)",
    re.IGNORECASE,
)
"""Where a tag begins that also parts words."""

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_DROPPED_WITH_CONTENT = {"script", "style", "template", "iframe", "noscript", "object"}


def plain_text(text: str) -> str:
    """Drop tags, comments, scripts and styles; decode entities once; fold white space.

    The result is text and may hold `<` or `&`: a page has to escape it as any other text.

    Raises:
        ValueError: If there are more than `MAX_TAGS` tags.

    Example:
        >>> plain_text("<p>Oak &amp; <b>iron</b></p><p>5 &lt; 6<script>alert(1)</script>")
        'Oak & iron 5 < 6'
    """
    if "<" in text and _MARKUP.search(text) is not None:
        if text.count("<") > MAX_TAGS:
            raise ValueError(f"text: expected at most {MAX_TAGS:,} tags")
        text = nh3.clean(
            _BLOCK.sub(" <", text), tags=set(), clean_content_tags=_DROPPED_WITH_CONTENT
        )
    if "&" in text:
        text = html.unescape(text)
    return " ".join(_CONTROLS.sub("", text).split())
