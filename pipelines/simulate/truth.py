"""What was planted in the simulated shop: kept beside it, so that tests know what to find."""

from datetime import date
from typing import Any

import numpy as np

from pipelines.simulate.categories import CATEGORIES
from pipelines.simulate.events import Events
from pipelines.simulate.feed import Listing
from pipelines.simulate.lines import visitor_id
from pipelines.simulate.shop import Assortment
from pipelines.simulate.visits import People, Visits


class Truth:
    """Collects the days' secrets; `files` gives them all by file name."""

    def __init__(self, shelf: Assortment, people: People) -> None:
        self.visits = 0
        self._shelf, self._people = shelf, people
        self._two_aims: list[dict[str, Any]] = []
        self._robots: list[str] = []
        self._denied: set[str] = set()

    def add(self, day: date, visits: Visits, events: Events) -> None:
        """Remember the visits that begin on a day."""
        self.visits += len(visits.visitor)
        robots = np.unique(events.visitor[events.visitor < 0])[::-1].tolist()
        self._robots += [visitor_id(self._shelf.seed, number) for number in robots]
        denied = np.unique(visits.visitor[~self._people.consents[visits.visitor]]).tolist()
        self._denied.update(visitor_id(self._shelf.seed, number) for number in denied)
        midnight = np.datetime64(day.isoformat(), "ms")
        for row in np.flatnonzero(visits.aims[:, 0] != visits.aims[:, 1]).tolist():
            slots = visits.slot[visits.starts[row] : visits.starts[row + 1]]
            if not set(visits.aims[row].tolist()) <= set(self._shelf.category[slots].tolist()):
                continue
            begin = midnight + np.timedelta64(round(visits.start_s[row] * 1000), "ms")
            self._two_aims.append(
                {
                    "visitor_id": visitor_id(self._shelf.seed, int(visits.visitor[row])),
                    "first_view": f"{begin}Z",
                    "aims": [list(CATEGORIES[aim].path) for aim in visits.aims[row]],
                    "steps": len(slots),
                }
            )

    def files(self, products: list[Listing], until: date) -> dict[str, Any]:
        """Content of every file of the truth, by name without ending.

        Args:
            products: The feed.
            until: Last day with events.
        """
        shelf = self._shelf
        pairs = [
            {"item_id": shelf.item_id(a, until), "complement_id": shelf.item_id(b, until)}
            for a, b in enumerate(shelf.complement.tolist())
            if b >= 0
        ]
        paths = {p.item_id: list(CATEGORIES[shelf.category[p.slot]].path) for p in products}
        return {
            "complements": pairs,
            "categories": paths,
            "missing_product_type": [p.item_id for p in products if not shelf.typed[p.slot]],
            "new_products": {p.item_id: str(p.came) for p in products if p.is_new(until)},
            "sold_out": {p.item_id: str(p.sold_out) for p in products if p.sold_out},
            "two_aims": self._two_aims,
            "robots": self._robots,
            "denied": sorted(self._denied),
        }
