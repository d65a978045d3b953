"""Words are folded alike, whatever stores them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog.product import Product
from recommender.catalog.search_text import query_words, search_text, words_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Oak-Chair, 2nd ed.", "oak chair 2nd ed"),
        ("STRASSE Straße STRAẞE", "strasse strasse strasse"),
        ("Ærø Œuvre Łódź Đura İstanbul ısı", "aero oeuvre lodz dura istanbul isi"),
        ("Zucker\u00adguss zero\u200bwidth", "zuckerguss zerowidth"),
        ("ﬁne ① x²", "fine 1 x2"),
        ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
        ("椅子 стул", "椅子 стул"),
        ("SKU_12/345", "sku 12 345"),
        ("☕ !!", ""),
    ],
)
def test_words_by_hand(text, expected):
    assert " ".join(words_of(text)) == expected


@given(st.text())
def test_folding_once_is_enough_and_form_does_not_matter(text):
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert words_of(unicodedata.normalize("NFD", text)) == words
    assert not any(letter.isspace() for word in words for letter in word)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_folded_as_any_other(text):
    # A letter that is not ASCII takes the text through the whole folding.
    assert [*words_of(text), "椅"] == words_of(f"{text} 椅")


def test_words_of_a_product():
    product = Product(
        id="SKU_1", title="Oak chair", brand="Émile", product_type=["Home", "Oak Chairs"],
        color="red", size="M", material="oak", description="not searched", gtin="4006381333931",
    )  # fmt: skip
    found = search_text(product)
    assert found.title == "oak chair"
    assert found.rest == "emile home oak chairs red m sku 1"


def test_words_of_a_search():
    assert query_words("Oak oak  ÖAK") == ["oak"]
    assert words_of("x" * 100) == ["x" * 64]
    assert len(query_words(" ".join(map(str, range(16))))) == 16
    with pytest.raises(ValueError, match="at most 16, got 17"):
        query_words(" ".join(map(str, range(17))))
