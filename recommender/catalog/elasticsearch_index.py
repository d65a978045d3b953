"""The index behind an alias: how it is made, which one answers, and how it is.

An index is named for the time when it was begun. The alias stands for one of them; the others are
of earlier fillings.
"""

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from recommender.catalog.elasticsearch_client import PATIENCE_S, Connection
from recommender.catalog.elasticsearch_documents import INDEX, SEARCHED
from recommender.catalog.protocol import Health
from recommender.errors import CatalogError, RecommenderError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_FIRST = "00000000t000000000000z"
"""In the place of the time when an index was begun."""

_LIVE_FROM = "live_from"
"""Of an index that answers, or did: the number of its last change before it did."""

_BEGINNING = -1
_MAKE_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.2


class Position(NamedTuple):
    """How far an index is.

    Attributes:
        name: Of the index.
        filling: Tells it from every other index, one of the same name too.
        newest: Number of the last change below which all have ended.
    """

    name: str
    filling: str
    newest: int


def new_index_name(alias: str) -> str:
    """A name that says when the index was begun."""
    return f"{alias}-{datetime.now(UTC):%Y%m%dt%H%M%S%fz}"


def make_index(connection: Connection, client: "Elasticsearch", alias: str) -> None:
    """Make the first index unless there is one, and wait until it answers.

    Raises:
        CatalogError: If something else has one of the names.
    """
    patient = client.options(request_timeout=_MAKE_WITHIN_S)
    if not client.indices.exists_alias(name=alias):
        if client.indices.exists(index=alias):
            raise CatalogError(
                f"{connection.where} has an index named {alias} where our alias would be; choose "
                "another name in catalog.elasticsearch.index"
            )
        _make_first(connection, patient, alias)
    # Another may have made it a moment ago. If it does not start, what reads it says so.
    patient.options(ignore_status=408).cluster.health(
        index=alias, wait_for_active_shards=1, timeout="10s"
    )


def _make_first(connection: Connection, client: "Elasticsearch", alias: str) -> None:
    without_alias = _that_answered(client, alias)
    if not without_alias:
        # Of two that are first one makes it: an alias on two indices could not be written.
        with connection.unless_there():
            mappings = {**INDEX["mappings"], "_meta": {_LIVE_FROM: _BEGINNING}}
            client.indices.create(
                index=f"{alias}-{_FIRST}",
                aliases={alias: {}},
                settings=INDEX["settings"],
                mappings=mappings,
            )
    if not client.indices.exists_alias(name=alias):
        raise CatalogError(
            f"{connection.where} has lost the alias {alias}, and keeps "
            f"{', '.join(without_alias) or f'{alias}-{_FIRST}'}; run: recommender index --rebuild"
        )


def put_alias_back(client: "Elasticsearch", alias: str) -> None:
    """Let an index answer again whose alias somebody took away; nothing where none has answered."""
    if client.indices.exists_alias(name=alias):
        return
    if there := _that_answered(client, alias):
        # The one that answered last takes writes; those of earlier fillings do not.
        blocks = client.indices.get_settings(index=there, name="index.blocks.write")
        taking_writes = [index for index in there if not blocks.get(index)]
        client.indices.put_alias(index=(taking_writes or there)[-1], name=alias)


def _that_answered(client: "Elasticsearch", alias: str) -> list[str]:
    """Indices that answer or did, the oldest first; a rebuild that was cut off leaves others."""
    return [
        index
        for index in _made(client, alias)
        if index == f"{alias}-{_FIRST}" or live_from(client, index) is not None
    ]


def indices_of(
    connection: Connection, client: "Elasticsearch", alias: str
) -> tuple[str, list[str]]:
    """The index that answers, and those of earlier fillings, the oldest first.

    Raises:
        CatalogError: If the alias stands for several.
    """
    answering = _only([*client.indices.get_alias(name=alias)], connection, alias)
    return answering, [name for name in _made(client, alias) if name != answering]


def _only(indices: list[str], connection: Connection, name: str) -> str:
    if len(indices) != 1:
        raise CatalogError(
            f"{connection.where}: the alias {name} stands for {len(indices)} indices; leave it on "
            "one"
        )
    return indices[0]


def _made(client: "Elasticsearch", alias: str) -> list[str]:
    there = client.indices.get(index=f"{alias}-*", filter_path="*.settings.index.uuid")
    made = re.compile(rf"{re.escape(alias)}-\d{{8}}t\d{{12}}z")
    return sorted(str(name) for name in there if made.fullmatch(str(name)))


def position_of(connection: Connection, client: "Elasticsearch", name: str) -> Position:
    """How far the index of this name, or behind this alias, is.

    Raises:
        CatalogError: If the alias stands for several, or the index is not started.
    """
    stats = client.indices.stats(index=name, metric="docs", level="shards")
    if not stats["indices"]:
        # A server that comes back names an index only when its shard has begun to recover.
        raise CatalogError(
            f"{connection.where}: the index behind {name} has not started yet; where that lasts, "
            "look at the server"
        )
    index = _only([*stats["indices"]], connection, name)
    of_index = stats["indices"][index]
    for copy in of_index["shards"].get("0", []):
        # A primary that recovers has no number yet.
        if copy["routing"]["primary"] and "seq_no" in copy:
            # Below the global checkpoint a change survives the loss of a node.
            newest = int(copy["seq_no"]["global_checkpoint"])
            return Position(index, str(of_index["uuid"]), newest)
    raise CatalogError(f"{connection.where}: index {index} is not started; look at it")


def mark_live(connection: Connection, client: "Elasticsearch", index: str) -> None:
    """Note that an index answers from now on."""
    newest = position_of(connection, client, index).newest
    client.indices.put_mapping(index=index, meta={_LIVE_FROM: newest})


def live_from(client: "Elasticsearch", index: str) -> int | None:
    """Number of the last change before an index answered; None if it never did."""
    mappings = client.indices.get_mapping(index=index)[index]["mappings"]
    found = mappings.get("_meta", {}).get(_LIVE_FROM)
    return None if found is None else int(found)


def written_since_live(client: "Elasticsearch", index: str) -> int | None:
    """How many products were written or taken out since an index answers; None if unknown."""
    begun = live_from(client, index)
    if begun is None:
        return None
    client.indices.refresh(index=index)
    return int(client.count(index=index, query={"range": {"_seq_no": {"gt": begun}}})["count"])


def changed_documents(
    client: "Elasticsearch", at: Position, change: int, limit: int
) -> list[dict[str, Any]]:
    """Hits of what was written behind a change, up to a position, oldest first."""
    client.indices.refresh(index=at.name)
    answer = client.search(
        index=at.name, query={"range": {"_seq_no": {"gt": change, "lte": at.newest}}},
        sort=[{"_seq_no": "asc"}], size=limit, source_excludes=SEARCHED,
        track_total_hits=False,
    )  # fmt: skip
    hits: list[dict[str, Any]] = answer["hits"]["hits"]
    return hits


def health_of(connection: Connection, alias: str) -> Health:
    """Whether the server answers, takes changes and has all copies; never raises."""
    where, version = connection.where, None
    try:
        version = connection.version()
        with connection.translated():
            problem = _problem(connection, alias)
    except RecommenderError as err:
        return Health("unavailable", where, version, str(err))
    return Health("ok" if problem is None else "degraded", where, version, problem)


def _problem(connection: Connection, alias: str) -> str | None:
    client = connection.client()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        index = position_of(connection, client, alias).name
        status = client.cluster.health(index=index)["status"]
        blocks = client.indices.get_settings(index=index)[index]["settings"]["index"].get(
            "blocks", {}
        )
        # A rebuild holds writes for a moment; who writes waits as long.
        if blocks.get("write") != "true" or time.monotonic() > deadline:
            break
        time.sleep(_LOOK_EVERY_S)
    if "read_only_allow_delete" in blocks:
        return (
            f"{connection.where}: its disk is nearly full and the index is read-only; free space "
            "on it"
        )
    if blocks.get("write") == "true":
        return connection.held()
    if status != "green":
        return (
            f"{connection.where}: index {index} is {status}: copies are missing; look at the "
            "server's nodes"
        )
    return None
