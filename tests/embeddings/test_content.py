"""Vectors from texts: terms by hand, and a planted rule that regression must find."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.content import ContentVectors, Description, TermWeights, terms_of

BRANDS, CATEGORIES = ("Acme", "Birk", "Ciel"), (("Home", "Chairs"), ("Home", "Lamps"))


def planted(n: int, seed: int) -> tuple[list[Description], np.ndarray]:
    """A vector is the sum of one for its brand and one for its category."""
    rng = np.random.default_rng(seed)
    sides = np.random.default_rng(1).normal(size=(len(BRANDS) + len(CATEGORIES), 8))
    brands, categories = rng.integers(len(BRANDS), size=n), rng.integers(len(CATEGORIES), size=n)
    descriptions = [
        Description(f"{BRANDS[b]} no {k}", CATEGORIES[c], BRANDS[b], 10.0 + k % 7)
        for k, (b, c) in enumerate(zip(brands, categories, strict=True))
    ]
    vectors = sides[brands] + sides[len(BRANDS) + categories]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return descriptions, unit.astype(np.float32)


def test_terms_of_a_product_fold_case_and_accents():
    plain = terms_of(Description("Cafe chair", ("Chairs",), "Muller"))
    assert terms_of(Description("CAFÉ  Chair", ("CHAIRS",), "Müller")) == plain
    assert plain["t:cafe"] == 1
    assert {"c:chairs", "b:muller", "cb:chairs>muller"} <= plain.keys()


def test_a_price_lies_between_two_cells():
    shares = {
        term: share for term, share in terms_of(Description("x", price=np.exp(1.125))).items()
        if term.startswith("p:")
    }  # fmt: skip
    assert shares == pytest.approx({"p:2": 0.75, "p:3": 0.25})


@pytest.mark.parametrize("price", [None, 0.0])
def test_a_product_without_a_price_has_no_term_of_it(price):
    assert terms_of(Description("x", price=price)) == {"t:x": 1.0}


def test_rare_terms_weigh_more_and_single_ones_are_not_known():
    weights = TermWeights.learned([Description("oak chair"), Description("oak chair blue"),
                                   Description("oak lamp")])  # fmt: skip
    assert weights.terms == ["t:oak", "t:chair"]
    assert weights.idf == pytest.approx([1.0, np.log(4 / 3) + 1])
    terms = weights.of([Description("oak chair"), Description("no such words")])
    assert terms.starts.tolist() == [0, 2, 2]
    assert np.linalg.norm(terms.weights) == pytest.approx(1)


def test_new_products_lie_where_brand_and_category_put_them():
    known, vectors = planted(300, seed=2)
    new, true = planted(50, seed=3)
    found = ContentVectors.learned(known, vectors, 0.3).of(new)
    assert (found * true).sum(axis=1).min() > 0.98
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)


def test_a_product_without_a_known_term_has_no_vector():
    known, vectors = planted(60, seed=2)
    content = ContentVectors.learned(known, vectors, 0.3)
    assert not content.of([Description("zzz")]).any()
    assert content.of([]).shape == (0, 8)


def test_many_products_take_little_memory_and_have_the_vectors_of_each_alone():
    described, vectors = planted(200, 0)
    content = ContentVectors.learned(described, np.tile(vectors, 16), 1.0)
    many = [*described, Description("what nobody knows")] * 50
    tracemalloc.start()
    found = content.of(many)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Seven terms a product: at once they would take seven times as much as the vectors.
    assert most < 5 * found.nbytes
    for row in (0, 200, 4095, 4096, 4097, len(many) - 1):
        assert np.allclose(found[row], content.of([many[row]])[0], atol=1e-6)
    assert not found[200].any()


def test_what_is_saved_gives_the_same_vectors():
    known, vectors = planted(60, seed=2)
    content = ContentVectors.learned(known, vectors, 0.3)
    again = ContentVectors.from_arrays(content.arrays(), content.terms.terms)
    assert np.array_equal(again.of(known), content.of(known))
    with pytest.raises(ValueError, match="do not fit together"):
        ContentVectors.from_arrays(content.arrays(), content.terms.terms[1:])


@given(st.lists(st.builds(Description, st.text(), st.tuples(st.text()), st.text(),
                          st.none() | st.floats(0, 1e12))))  # fmt: skip
def test_any_text_has_finite_vectors(descriptions):
    known, vectors = planted(20, seed=2)
    terms = TermWeights.learned([*known, *descriptions])
    content = ContentVectors(terms, np.ones((len(terms), 8), np.float32), vectors[0])
    found = content.of(descriptions)
    assert found.shape == (len(descriptions), 8)
    assert np.isfinite(found).all()
    alone = [content.of([one])[0] for one in descriptions]
    assert np.allclose(found, np.reshape(alone, found.shape), atol=1e-5)
