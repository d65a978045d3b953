"""Query parameters, checked by name, number and value before a route sees them."""

import difflib
from collections.abc import Iterable
from typing import Any

from flask import request

from recommender.catalog.filters.fields import kind_of
from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.filters.tree import Node
from recommender.catalog.protocol import Search, check_search
from recommender.catalog.search_text import query_words
from recommender.data.events import MAX_ID_BYTES
from recommender.errors import FilterError
from webapp.problems import ProblemError, pointer_to

MAX_LIMIT = 100
MAX_IDS = 200
"""Ids in one parameter; as many as an event may name."""

MAX_FACETS = 10
"""Fields counted in one search."""

_MAX_FAULTS = 20
"""Looking for the nearest name of thousands of unknown ones would keep everybody waiting."""


class Parameters:
    """Reads the present request's query; `check` tells its first faults.

    Args:
        known: Names that the route understands.
        repeatable: Those of them that may come more than once.
    """

    def __init__(self, known: Iterable[str], repeatable: Iterable[str] = ()) -> None:
        self._errors: list[dict[str, Any]] = []
        names = list(known)
        for name, values in request.args.lists():
            if len(self._errors) == _MAX_FAULTS:
                break
            if name not in names:
                nearest = difflib.get_close_matches(name, names, n=1, cutoff=0)[0]
                self._fault(name, "unknown_parameter", f"is unknown; the nearest is {nearest!r}")
            elif len(values) > 1 and name not in repeatable:
                self._fault(name, "repeated_parameter", "may come once only")

    def text(self, name: str) -> str | None:
        """A text of 1 to 256 bytes, or None."""
        values = self.texts(name)
        return values[0] if values else None

    def texts(self, name: str) -> list[str]:
        """Every value of a parameter, in the order given."""
        values = request.args.getlist(name)
        if len(values) > MAX_IDS:
            self._fault(name, "too_many_values", f"may come {MAX_IDS} times at most")
        for value in values:
            if not 1 <= len(value.encode()) <= MAX_ID_BYTES:
                self._fault(name, "bad_value", f"is a text of 1 to {MAX_ID_BYTES} bytes")
                break
        return values

    def required(self, name: str) -> str:
        """A text of 1 to 256 bytes that must be there."""
        value = self.text(name)
        if value is None:
            self._fault(name, "missing_parameter", "is required")
        return value or ""

    def given(self, name: str) -> str:
        """A parameter as it came; empty if it did not."""
        return request.args.get(name, "")

    def alone(self, name: str, beside: Iterable[str]) -> None:
        """Refuse any other parameter than `name` and those that may stand `beside` it."""
        for other in request.args:
            if other != name and other not in beside:
                self._fault(other, "conflicting_parameter", f"does not go with {name!r}")

    def words(self) -> str:
        """`q`, words that are looked for; empty for none."""
        value = self.given("q")
        try:
            if len(value.encode()) > MAX_ID_BYTES:
                self._fault("q", "bad_value", f"has at most {MAX_ID_BYTES} bytes")
            else:
                query_words(value)
        except ValueError as err:
            self._fault("q", "bad_value", f"is no search: {err}")
        return value

    def facets(self) -> tuple[str, ...]:
        """`facets`, names of fields with commas between; each once."""
        value = self.given("facets")
        names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        if len(names) > MAX_FACETS:
            self._fault("facets", "too_many_values", f"names at most {MAX_FACETS} fields")
            return ()
        for name in names:
            self._check_facet(name)
        return names

    def _check_facet(self, name: str) -> None:
        shown = f"{name[:60]}…" if len(name) > 60 else name
        try:
            check_search(Search(facets=(name,)))
        except ValueError as err:
            self._fault("facets", "bad_value", str(err).replace(name, shown))
            return
        if kind_of(name) is None or len(name) > MAX_ID_BYTES:
            self._fault("facets", "bad_value", f"has no field {shown!r}")

    def cursor(self) -> str | None:
        """`cursor`, as a page before named it; empty means the first page."""
        return request.args.get("cursor") or None

    def limit(self, default: int) -> int:
        """`limit`, 1 to 100."""
        value = request.args.get("limit")
        if value is None:
            return default
        if value.isascii() and value.isdecimal() and len(value) < 6:
            number = int(value)
            if 1 <= number <= MAX_LIMIT:
                return number
        self._fault("limit", "bad_value", f"is a whole number, 1 to {MAX_LIMIT}")
        return default

    def filter(self) -> Node | None:
        """`filter`, parsed; None without one.

        Raises:
            ProblemError: 400 `invalid-filter` with the column of the mistake.
        """
        text = request.args.get("filter")
        if text is None:
            return None
        try:
            return parse_filter(text)
        except FilterError as err:
            fault = {"pointer": "/filter", "code": "bad_filter", "detail": err.problem}
            raise ProblemError(
                "invalid-filter", f"{err}.", errors=[fault | {"column": err.column}]
            ) from err

    def flag(self, name: str) -> bool:
        """`true` or `false`; without it false."""
        value = request.args.get(name, "false")
        if value not in ("true", "false"):
            self._fault(name, "bad_value", "is true or false")
        return value == "true"

    def check(self) -> None:
        """Refuse the request if anything was wrong with its query.

        Raises:
            ProblemError: 400 `invalid-request` with one entry a fault.
        """
        if self._errors:
            detail = "; ".join(error["detail"] for error in self._errors[:3])
            raise ProblemError("invalid-request", f"{detail}.", errors=self._errors)

    def _fault(self, name: str, code: str, what: str) -> None:
        shown = name if len(name) <= 60 else f"{name[:60]}…"
        self._errors.append(
            {
                "pointer": pointer_to(shown),
                "code": code,
                "detail": f"the parameter {shown!r} {what}",
            }
        )
