"""The cursor of `GET /v1/items`: a place in the answer to one search, and to no other."""

import hashlib
import json

from webapp.problems import ProblemError

_SIGN = "."


def seal_cursor(cursor: str, words: str, filter_text: str) -> str:
    """A catalog's cursor with the mark of the search it belongs to."""
    return f"{_mark(words, filter_text)}{_SIGN}{cursor}"


def open_cursor(sealed: str | None, words: str, filter_text: str) -> str | None:
    """The catalog's own cursor; None for the first page.

    Raises:
        ProblemError: 400 if the cursor is none of ours, or came with another search.
    """
    if sealed is None:
        return None
    mark, sign, cursor = sealed.partition(_SIGN)
    if not sign:
        raise broken_cursor()
    if mark != _mark(words, filter_text):
        raise _refused(
            "other_search", "The cursor belongs to another q or filter; begin without one."
        )
    return cursor


def broken_cursor() -> ProblemError:
    """400 for what no page before gave."""
    return _refused("bad_value", "The cursor is none of ours; begin again without one.")


def _refused(code: str, detail: str) -> ProblemError:
    fault = {"pointer": "/cursor", "code": code, "detail": detail}
    return ProblemError("invalid-request", detail, errors=[fault])


def _mark(words: str, filter_text: str) -> str:
    """Short, for it guards against mistakes only: a cursor gives nothing away."""
    asked = json.dumps([words, filter_text])
    return hashlib.blake2b(asked.encode(), digest_size=6).hexdigest()
