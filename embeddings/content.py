"""Item vectors from what a product feed says: for products that nobody has clicked yet.

Title, categories, brand and price of a product become weighted terms (TF-IDF); a ridge regression
from terms to vectors is learned on the products that have both. What serves is NumPy: a sum of
rows.

Source: Schein and others (2002), "Methods and Metrics for Cold-Start Recommendations"; Van den
Oord, Dieleman, Schrauwen (2013), "Deep content-based music recommendation", for the regression on
learned vectors.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.nearest import SMALLEST_NORM

MAX_TERMS = 20_000
"""Of more terms the most frequent are known."""
MIN_PRODUCTS = 2
"""A term of fewer products teaches nothing about another one."""
_PRICE_STEP = 0.5
"""Width of a price's cell in natural logarithms: about 1.6 times the price."""
_AT_ONCE = 512
"""Products; a row of the length of a vector is held for each of their terms."""
_WORD = re.compile(r"\w+")


class Description(NamedTuple):
    """What is known of a product before its first click.

    Attributes:
        title: Its name.
        categories: From the widest to the narrowest.
        brand: Empty without one.
        price: None where it is not known.
    """

    title: str
    categories: tuple[str, ...] = ()
    brand: str = ""
    price: float | None = None


class Terms(NamedTuple):
    """Weighted terms of n products, laid end to end.

    Attributes:
        columns: Number of each term, shape (n_terms,), int64.
        weights: Shape (n_terms,), float32; those of a product have length 1.
        starts: Where each product's begin, with the end behind, shape (n + 1,), int64.
    """

    columns: NDArray[np.int64]
    weights: NDArray[np.float32]
    starts: NDArray[np.int64]

    @property
    def product_of_term(self) -> NDArray[np.int64]:
        """The product of each term, shape (n_terms,)."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def terms_of(description: Description) -> dict[str, float]:
    """Terms and how often they stand: words, brand, categories, price, and some of them together.

    A price lies between the middles of two cells and belongs to both in part, so that a little
    more money changes a little.

    Example:
        >>> terms_of(Description("Oak chair", ("Chairs",), "Acme"))
        {'t:oak': 1.0, 't:chair': 1.0, 'c:chairs': 1.0, 'b:acme': 1.0, 'cb:chairs>acme': 1.0}
    """
    found: Counter[str] = Counter()
    for word in _WORD.findall(_folded(description.title)):
        found[f"t:{word}"] += 1
    names = [_folded(name) for name in description.categories]
    for depth in range(1, len(names) + 1):
        found[f"c:{'>'.join(names[:depth])}"] += 1
    path, brand = ">".join(names), _folded(description.brand)
    if brand:
        found[f"b:{brand}"] += 1
        if path:
            found[f"cb:{path}>{brand}"] += 1
    terms: dict[str, float] = {term: float(count) for term, count in found.items()}
    for cell, share in _price_cells(description.price):
        terms[f"p:{cell}"] = share
        if path:
            terms[f"cp:{path}>{cell}"] = share
    return terms


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def _price_cells(price: float | None) -> list[tuple[int, float]]:
    if price is None or price <= 0:
        return []
    place = math.log(price) / _PRICE_STEP
    below = math.floor(place)
    return [(below, 1 - (place - below)), (below + 1, place - below)]


class TermWeights:
    """Which terms are known, and how much each tells.

    Args:
        terms: In the order of their numbers.
        idf: The rarer a term the higher, shape (n_terms,), float32.
    """

    def __init__(self, terms: Sequence[str], idf: NDArray[np.float32]) -> None:
        self.terms, self.idf = list(terms), idf
        self._number = {term: number for number, term in enumerate(self.terms)}

    def __len__(self) -> int:
        return len(self.terms)

    @classmethod
    def learned(cls, descriptions: Iterable[Description]) -> Self:
        """Of some products."""
        n_with: Counter[str] = Counter()
        n = 0
        for description in descriptions:
            n_with.update(terms_of(description).keys())
            n += 1
        kept = [(count, term) for term, count in n_with.items() if count >= MIN_PRODUCTS]
        kept = sorted(kept, key=lambda entry: (-entry[0], entry[1]))[:MAX_TERMS]
        counts = np.array([count for count, _ in kept], np.float64)
        idf = np.log((1 + n) / (1 + counts)) + 1
        return cls([term for _, term in kept], idf.astype(np.float32))

    def of(self, descriptions: Iterable[Description]) -> Terms:
        """The known terms of products, their weights of length 1."""
        columns: list[int] = []
        counts: list[float] = []
        lengths: list[int] = []
        for description in descriptions:
            known = [
                (number, count)
                for term, count in terms_of(description).items()
                if (number := self._number.get(term)) is not None
            ]
            columns += [number for number, _ in known]
            counts += [count for _, count in known]
            lengths.append(len(known))
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.array(columns, np.int64)
        weights = np.array(counts, np.float32) * self.idf[at]
        terms = Terms(at, weights, starts)
        of = terms.product_of_term
        norms = np.sqrt(np.bincount(of, weights**2, minlength=len(lengths)))
        return terms._replace(weights=(weights / norms[of]).astype(np.float32))


class ContentVectors:
    """Vectors from terms by a linear map, as they are served.

    Args:
        terms: What is known of texts.
        rows: What each term adds, shape (n_terms, dim), float32.
        middle: Where a product without terms lies, shape (dim,), float32.
    """

    def __init__(
        self, terms: TermWeights, rows: NDArray[np.float32], middle: NDArray[np.float32]
    ) -> None:
        self.terms, self.rows, self.middle = terms, np.asarray(rows), np.asarray(middle)

    @classmethod
    def learned(
        cls,
        descriptions: Sequence[Description],
        vectors: NDArray[np.float32],
        strength: float,
    ) -> Self:
        """Ridge regression from terms to vectors.

        Args:
            descriptions: Of products that have vectors.
            vectors: Theirs, of length 1, shape (n, dim).
            strength: Of the penalty: the higher, the nearer to the mean of all vectors.
        """
        terms = TermWeights.learned(descriptions)
        return cls(terms, *_ridge(terms.of(descriptions), len(terms), vectors, strength))

    def of(self, descriptions: Sequence[Description]) -> NDArray[np.float32]:
        """Vectors of length 1, shape (n, dim); zeros where no term is known."""
        vectors = np.zeros((len(descriptions), len(self.middle)), np.float32)
        for start in range(0, len(descriptions), _AT_ONCE):
            piece = slice(start, start + _AT_ONCE)
            self._put(vectors[piece], self.terms.of(descriptions[piece]))
        return vectors

    def _put(self, vectors: NDArray[np.float32], terms: Terms) -> None:
        told = np.flatnonzero(np.diff(terms.starts))
        if not len(told):
            return
        added = terms.weights[:, None] * self.rows[terms.columns]
        sums = np.add.reduceat(added, terms.starts[told]) + self.middle
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        vectors[told] = sums / np.maximum(norms, np.float32(SMALLEST_NORM))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads, by name."""
        return {"idf": self.terms.idf, "rows": self.rows, "middle": self.middle}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], terms: Sequence[str]) -> Self:
        """What `arrays` gave.

        Raises:
            ValueError: If they do not fit together.
        """
        if not len(terms) == len(arrays["idf"]) == len(arrays["rows"]):
            raise ValueError(
                f"{len(terms)} terms, {len(arrays['idf'])} weights of them and "
                f"{len(arrays['rows'])} rows do not fit together"
            )
        weights = TermWeights(terms, np.asarray(arrays["idf"]))
        return cls(weights, arrays["rows"], arrays["middle"])


def _ridge(
    terms: Terms, n_terms: int, vectors: NDArray[np.float32], strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from scipy.sparse import csr_array
    from sklearn.linear_model import Ridge

    shape = (len(terms.starts) - 1, n_terms)
    matrix = csr_array((terms.weights.astype(np.float64), terms.columns, terms.starts), shape=shape)
    fitted = Ridge(alpha=strength, solver="sparse_cg", tol=1e-5).fit(matrix, vectors)
    middle = np.broadcast_to(fitted.intercept_, vectors.shape[1:])
    return np.asarray(fitted.coef_.T, np.float32, order="C"), middle.astype(np.float32)
