"""A place in what a search found, or in what changed, as a text that a caller hands back."""

import base64
import binascii
import json

_SEARCH = b"search:"
_CHANGE = b"change:"
_MAX_NUMBER = 1 << 53


def encode_place(score: int, item_id: str) -> str:
    """The place behind a product among those that a search found."""
    return _encode(_SEARCH, json.dumps([score, item_id], ensure_ascii=False))


def decode_place(cursor: str) -> tuple[int, str]:
    """Score and id of the product that a search's cursor stands behind.

    Raises:
        ValueError: If it was not made by `encode_place`.
    """
    match _list(_SEARCH, cursor):
        case [int(score), str(item_id)] if abs(score) < _MAX_NUMBER and _is_text(item_id):
            return score, item_id
    raise _unknown(cursor)


def encode_change(store: str, change: int) -> str:
    """The place behind a change; `store` tells one filling of a store from the next."""
    return _encode(_CHANGE, json.dumps([store, change]))


def decode_change(cursor: str) -> tuple[str, int]:
    """Store and number of the change that a cursor stands behind.

    Raises:
        ValueError: If it was not made by `encode_change`.
    """
    match _list(_CHANGE, cursor):
        case [str(store), int(change)] if abs(change) < _MAX_NUMBER:
            return store, change
    raise _unknown(cursor)


def _encode(mark: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(mark + text.encode()).decode()


def _list(mark: bytes, cursor: str) -> object:
    try:
        decoded = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        if decoded.startswith(mark):
            found: object = json.loads(decoded.removeprefix(mark).decode())
            return found
    except (binascii.Error, UnicodeError, json.JSONDecodeError, RecursionError) as err:
        raise _unknown(cursor) from err
    raise _unknown(cursor)


def _is_text(text: str) -> bool:
    """JSON may hold half of a surrogate pair, which no store takes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _unknown(cursor: str) -> ValueError:
    return ValueError(f"cursor: {cursor!r} is none that this catalog gave")
