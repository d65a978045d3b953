"""The words of a product and of a search, made alike for every store that searches them.

A store gets words with nothing left to fold: it only has to split at spaces and find beginnings.
So the same search finds the same products everywhere, and no store needs a plug-in for accents.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from recommender.catalog.product import Product

MAX_WORDS = 16
"""In one search."""

_MAX_WORD_LENGTH = 64
_ASCII_WORD = re.compile(r"[a-z0-9]+")
# What Unicode calls letters of their own, as people type them who lack the key.
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t",
     "ı": "i", "ŋ": "n", "ĸ": "k", "ſ": "s"}
)  # fmt: skip


class SearchText(NamedTuple):
    """What of a product is searched: words with a space between.

    Attributes:
        title: Of the title.
        rest: Of brand, product type, color, size, material and id.
    """

    title: str
    rest: str


def search_text(product: Product) -> SearchText:
    """The words by which a product is found."""
    rest = (product.brand, *product.product_type, product.color, product.size, product.material)
    texts = [text for text in (*rest, product.id) if text is not None]
    return SearchText(" ".join(words_of(product.title)), " ".join(_each_once(texts)))


def query_words(text: str) -> list[str]:
    """The words of a search, each once; all of them must begin a word of a product.

    Raises:
        ValueError: If there are more than `MAX_WORDS`.
    """
    words = list(dict.fromkeys(words_of(text)))
    if len(words) > MAX_WORDS:
        raise ValueError(f"words: expected at most {MAX_WORDS}, got {len(words)}")
    return words


def words_of(text: str) -> list[str]:
    """Split a text into folded words of letters and digits.

    Example:
        >>> words_of("Crème-Brûlée, STRASSE & Straße Ø2 ﬁne")
        ['creme', 'brulee', 'strasse', 'strasse', 'o2', 'fine']
    """
    if text.isascii():
        return [word[:_MAX_WORD_LENGTH] for word in _ASCII_WORD.findall(text.lower())]
    folded = _folded(text)
    spaced = "".join(letter if letter.isalnum() or _is_mark(letter) else " " for letter in folded)
    return [word[:_MAX_WORD_LENGTH] for word in spaced.split()]


def _folded(text: str) -> str:
    """Compatible forms, no case, no accents, no invisible characters."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # A mark of class 0 is no accent: vowel signs of Indic scripts belong to the word.
    kept = (
        letter for letter in apart
        if not unicodedata.combining(letter) and unicodedata.category(letter) != "Cf"
    )  # fmt: skip
    return "".join(kept).translate(_LETTERS)


def _is_mark(letter: str) -> bool:
    return letter > "\x7f" and unicodedata.category(letter).startswith("M")


def _each_once(texts: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(word for text in texts for word in words_of(text))
