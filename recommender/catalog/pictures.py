"""Files of a workspace's `pictures` folder, as `/pictures/NAME` of a product's `image_link`."""

from pathlib import Path

PICTURE_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
}
"""Media types of the endings that are pictures; nothing else is given out."""


def find_picture(folder: Path, name: str) -> tuple[Path, str] | None:
    """Where a picture lies, and its media type; there may be no such file.

    Args:
        folder: The pictures.
        name: Path below it, from a link: nobody's friend.

    Returns:
        None if it is no picture or leads out of the folder, by a link too.
    """
    kind = PICTURE_TYPES.get(Path(name).suffix.lower())
    if kind is None or "\0" in name:
        return None
    path = (folder / name).resolve()
    return (path, kind) if path.is_relative_to(folder.resolve()) else None
