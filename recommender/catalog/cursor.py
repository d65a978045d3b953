"""Where a page of products ends, as a text that a caller hands back."""

import base64
import binascii

_MARK = b"id:"


def encode_cursor(item_id: str) -> str:
    """The place behind a product, in id order."""
    return base64.urlsafe_b64encode(_MARK + item_id.encode()).decode()


def decode_cursor(cursor: str) -> str:
    """The product that a cursor stands behind.

    Raises:
        ValueError: If it was not made by `encode_cursor`.
    """
    try:
        decoded = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        if decoded.startswith(_MARK):
            return decoded.removeprefix(_MARK).decode()
    except (binascii.Error, UnicodeError):
        pass
    raise ValueError(f"cursor: {cursor!r} is none that this catalog gave")
