"""Pictures of products as data URIs, so that a report is one file."""

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

from recommender.catalog.pictures import find_picture

MAX_BYTES = 40_000
"""Larger pictures are left out: a report stays a page that opens at once."""
MAX_TOTAL_BYTES = 1_500_000
"""Of all pictures of a report; each counts once for every place it stands in."""

_PREFIX = "/pictures/"


class Pictures:
    """The files of a workspace's `pictures` folder; nothing is fetched from anywhere.

    Args:
        folder: Where `/pictures/NAME` lies; None where there is no such folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._left = MAX_TOTAL_BYTES
        self._uris: dict[str, str | None] = {}

    def data_uri(self, image_link: str | None) -> str | None:
        """A picture by a product's `image_link`.

        Returns:
            None where the link leads elsewhere, the file is missing, no picture or too large, or
            the report holds enough.
        """
        if image_link is None:
            return None
        if image_link not in self._uris:
            self._uris[image_link] = self._read(image_link)
        uri = self._uris[image_link]
        if uri is None or len(uri) > self._left:
            return None
        self._left -= len(uri)
        return uri

    def _read(self, image_link: str) -> str | None:
        parts = urlsplit(image_link)
        if self._folder is None or parts.scheme or parts.netloc:
            return None
        if not parts.path.startswith(_PREFIX):
            return None
        found = find_picture(self._folder, unquote(parts.path.removeprefix(_PREFIX)))
        if found is None:
            return None
        path, kind = found
        try:
            if path.stat().st_size > MAX_BYTES:
                return None
            content = path.read_bytes()
        except OSError:
            return None
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
