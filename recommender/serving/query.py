"""What a page asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.catalog.filters.tree import Node
from recommender.serving.categories import CategoryPath

MAX_LIMIT = 100


@dataclass(frozen=True)
class Query:
    """What a visitor's page asks for.

    Attributes:
        placement: Where on the page the answer goes.
        item_ids: What the visitor saw in this session, oldest first; the last one is the page's.
        category: Only products below it from the model: a path of names, widest first, or a text
            such as "Furniture > Chairs".
        filter: Only products that it lets through, whichever step they come from.
        limit: Products wanted, 1 to 100.
        exclude_item_ids: Products that must not come back.
        explain: Whether the answer says what the visitor seems to be after, and what is expected
            next in numbers.
        page_view_id: The showing; it only travels into the log of what was served.
    """

    placement: str = "default"
    item_ids: Sequence[str] = ()
    category: str | Sequence[str] | None = None
    filter: Node | None = None
    limit: int = 10
    exclude_item_ids: Sequence[str] = ()
    explain: bool = False
    page_view_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no answer can be made for.

        Raises:
            ValueError: If the limit is outside 1..100.
        """
        if not 1 <= self.limit <= MAX_LIMIT:
            raise ValueError(f"limit is 1 to {MAX_LIMIT}, got {self.limit}")


def category_path(category: str | Sequence[str] | None) -> CategoryPath:
    """A category as a path of names.

    Example:
        >>> category_path("Furniture > Chairs")
        ('Furniture', 'Chairs')
    """
    names = category.split(" > ") if isinstance(category, str) else category or ()
    return tuple(stripped for name in names if (stripped := name.strip()))
