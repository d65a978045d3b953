"""Events as NDJSON lines in the wire shape."""

import json
from collections.abc import Sequence
from datetime import date
from hashlib import blake2b
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from pipelines.simulate.categories import CATEGORIES
from pipelines.simulate.events import NAMES, Events
from pipelines.simulate.shop import Assortment
from pipelines.simulate.visits import People

SITE = "https://shop.example"
CURRENCY = "EUR"
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
)
_ROBOTS = (
    "Mozilla/5.0 (compatible; PriceWatchBot/1.2; +https://pricewatch.example/bot)",
    # Some robots call themselves a browser.
    _BROWSERS[0],
)
_LOCALES = ("en-GB", "de-DE", "es-ES", "fr-FR", "en-GB", "it-IT")
_HAS_QUANTITY = {"add_to_cart", "remove_from_cart", "purchase", "refund", "begin_checkout"}


def visitor_id(seed: int, number: int) -> str:
    """The id that a visitor's browser keeps."""
    return blake2b(f"{seed}/{number}".encode(), digest_size=8).hexdigest()


def product_link(item_id: str) -> str:
    """Where a product's page is, relative to the shop."""
    return f"/product?id={quote(item_id, safe='')}"


def event_lines(
    shelf: Assortment, people: People, day: date, events: Events, rng: np.random.Generator
) -> list[str]:
    """One line an event, in the order of `events`, each with its line end."""
    times = np.datetime64(day.isoformat(), "ms") + events.time_ms
    stamps = np.datetime_as_string(times, unit="ms").tolist()
    ids = _event_ids(times.astype(np.int64), rng)
    writer = _LineWriter(shelf, people, day, events)
    columns = zip(
        ids,
        events.kind.tolist(),
        stamps,
        events.visitor.tolist(),
        events.slot.tolist(),
        events.basket.tolist(),
        events.term.tolist(),
        strict=True,
    )
    return [
        f'{{"event_id":"{event_id}","event_name":"{NAMES[kind]}","event_time":"{stamp}Z",'
        f"{writer.visitor(visitor)},{writer.content(NAMES[kind], slot, basket, term)}}}\n"
        for event_id, kind, stamp, visitor, slot, basket, term in columns
    ]


def _event_ids(times_ms: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """UUIDs of version 7: the time in front, then random bits."""
    random = rng.bytes(10 * len(times_ms)).hex()
    parts = (random[start : start + 20] for start in range(0, len(random), 20))
    return [
        f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{r[:3]}-{'89ab'[int(r[3], 16) % 4]}{r[4:7]}-{r[7:19]}"
        for ms, r in zip(times_ms.tolist(), parts, strict=True)
    ]


class _LineWriter:
    """The parts of a line that repeat, each made once."""

    def __init__(self, shelf: Assortment, people: People, day: date, events: Events) -> None:
        self._seed, self._people, self._events = shelf.seed, people, events
        self._day = day
        self._item_ids = [shelf.item_id(slot, day) for slot in range(shelf.n_slots)]
        self._prices = shelf.price.tolist()
        self._visitors: dict[int, str] = {}
        self._views: dict[tuple[bool, int], str] = {}

    def visitor(self, number: int) -> str:
        """Who it was."""
        if number not in self._visitors:
            is_robot = number < 0
            agents = _ROBOTS if is_robot else _BROWSERS
            granted = is_robot or bool(self._people.consents[number])
            self._visitors[number] = _fields(
                visitor_id=visitor_id(self._seed, number),
                user_agent=agents[number % len(agents)],
                locale=_LOCALES[number % len(_LOCALES)],
                site="default",
                consent="granted" if granted else "denied",
            )
        return self._visitors[number]

    def content(self, name: str, slot: int, basket: int, term: int) -> str:
        """What it was about."""
        if basket >= 0:
            return self._order(name, basket)
        if term >= 0:
            words = CATEGORIES[term].path[-1].lower()
            location = f"{SITE}/search?q={quote(words)}"
            return _fields(items=[], search_term=words, page_location=location)
        key = (name in _HAS_QUANTITY, slot)
        if key not in self._views:
            self._views[key] = self._one_item(name, slot)
        return self._views[key]

    def _one_item(self, name: str, slot: int) -> str:
        item_id = self._item_ids[slot]
        return _fields(
            items=[self._item(name, slot)],
            currency=CURRENCY,
            value=self._prices[slot],
            page_location=SITE + product_link(item_id),
        )

    def _order(self, name: str, basket: int) -> str:
        slots: Sequence[int] = self._events.baskets[basket]
        order = f"T{self._day:%y%m%d}-{self._events.orders[basket] + 1:04d}"
        placed = {} if name == "begin_checkout" else {"transaction_id": order}
        return _fields(
            items=[self._item(name, slot) for slot in slots],
            currency=CURRENCY,
            value=round(sum(self._prices[slot] for slot in slots), 2),
            page_location=f"{SITE}/checkout",
            **placed,
        )

    def _item(self, name: str, slot: int) -> dict[str, object]:
        quantity = {"quantity": 1} if name in _HAS_QUANTITY else {}
        return {"item_id": self._item_ids[slot], **quantity, "price": self._prices[slot]}


def _fields(**values: object) -> str:
    """Fields of a JSON object without its braces."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))[1:-1]
