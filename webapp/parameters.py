"""Query parameters, checked by name, number and value before a route sees them."""

import difflib
from collections.abc import Iterable
from typing import Any

from flask import request

from recommender.catalog.filters.grammar import parse_filter
from recommender.catalog.filters.tree import Node
from recommender.data.events import MAX_ID_BYTES
from recommender.errors import FilterError
from webapp.problems import ProblemError, pointer_to

MAX_LIMIT = 100
MAX_IDS = 200
"""Ids in one parameter; as many as an event may name."""

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
