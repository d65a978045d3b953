"""Whether a feed has the columns that its products need."""

from collections.abc import Sequence

from pipelines.ingest.mapping import listed
from pipelines.ingest.records import CHANGEABLE, attribute_name
from recommender.errors import MappingError


def check_columns(columns: Sequence[str], path: str, named: str, *, partial: bool) -> None:
    """Refuse a feed that can name no product, or change nothing.

    Args:
        columns: Their names in the feed.
        path: Of the feed, for the message.
        named: How columns are named in this format, for the message.
        partial: Whether only price and stock are changed.

    Raises:
        MappingError: If a column is missing.
    """
    names = {attribute_name(column) for column in columns}
    for required in ("id",) if partial else ("id", "title"):
        if required not in names:
            raise MappingError(
                f"{path} has no column {required!r}; its columns are {listed(columns)}; {named}"
            )
    if partial and not names.intersection(CHANGEABLE):
        raise MappingError(
            f"{path} has none of the columns {', '.join(CHANGEABLE)}; its columns are "
            f"{listed(columns)}; --partial changes nothing else"
        )
