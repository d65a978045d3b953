"""`recommender index`: the index of a catalog in Elasticsearch."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from recommender.cli import Shop, common_options
from recommender.errors import DifferencesError, SettingsError

if TYPE_CHECKING:
    from recommender.catalog.elasticsearch import ElasticsearchCatalog
    from recommender.catalog.elasticsearch_verify import Verified


@click.command("index")
@click.option("--rebuild", "job", flag_value="rebuild",
              help="Fill a new index and let it answer; the old one is kept.")  # fmt: skip
@click.option("--roll-back", "job", flag_value="roll_back",
              help="Let the index answer again that the last rebuild replaced.")  # fmt: skip
@click.option("--verify", "job", flag_value="verify",
              help="Look for documents that are not as this version writes them.")  # fmt: skip
@common_options
@click.pass_obj
def index(shop: Shop, job: str | None) -> None:
    """Look after the index of a catalog in Elasticsearch; without an option, say how it is.

    A rebuild goes on while others search and write: no search fails and no write is lost. What
    others write during --verify may show as different; look once more.
    """
    jobs = {"rebuild": _rebuild, "roll_back": _roll_back, "verify": _verify, None: _status}
    with _catalog(shop) as catalog:
        jobs[job](shop, catalog)


@contextmanager
def _catalog(shop: Shop) -> "Iterator[ElasticsearchCatalog]":
    from recommender.catalog.elasticsearch import ElasticsearchCatalog

    settings = shop.settings().catalog
    if settings.adapter != "elasticsearch":
        raise SettingsError(
            "catalog.adapter is embedded: its index is part of the file and written with every "
            'product; this command is for catalog.adapter = "elasticsearch"'
        )
    with closing(ElasticsearchCatalog(settings.elasticsearch, create=False)) as catalog:
        yield catalog


def _status(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    health = catalog.health()
    body: dict[str, Any] = {
        "status": health.status, "server": health.what, "version": health.version,
        "problem": health.problem, "index": None, "kept": [], "products": None,
    }  # fmt: skip
    if health.status != "unavailable":
        answering, kept = catalog.indices()
        body |= {"index": answering, "kept": kept, "products": catalog.count()}
    words = [f"{health.what}: {health.status}"]
    if health.version is not None:
        words.append(f"version {health.version}")
    if body["index"] is not None:
        words.append(f"{body['products']:,} products in {body['index']}")
        words += [f"{name} is kept" for name in body["kept"]]
    shop.put(body, "; ".join([*words, *([health.problem] if health.problem else [])]))


def _rebuild(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    from recommender.catalog.elasticsearch_rebuild import rebuild

    with shop.workspace.catalog_lock("recommender index --rebuild"):
        rebuilt = rebuild(catalog)
    words = f"{rebuilt.index} answers now, with {rebuilt.products:,} products"
    if rebuilt.kept is not None:
        words += f"; {rebuilt.kept} is kept (recommender index --roll-back)"
    body = {"index": rebuilt.index, "kept": rebuilt.kept, "products": rebuilt.products}
    shop.put(body, words)


def _roll_back(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    from recommender.catalog.elasticsearch_rebuild import roll_back

    with shop.workspace.catalog_lock("recommender index --roll-back"):
        answering = roll_back(catalog)
    shop.put(
        {"index": answering},
        f"{answering} answers again; what was written since the rebuild is not in it: import the "
        "product feed again",
    )


def _verify(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    from recommender.catalog.copy import CatalogCopy
    from recommender.catalog.elasticsearch_verify import verify

    path = shop.workspace.catalog_copy_path(catalog.alias)
    if path.exists():
        with closing(CatalogCopy(catalog, path)) as copy:
            copy.follow()
            if copy.problem is not None:
                raise copy.problem
            found = verify(catalog, copy.local)
    else:
        found = verify(catalog)
    _tell(shop, found)


def _tell(shop: Shop, found: "Verified") -> None:
    from recommender.catalog.elasticsearch_verify import IN_WORDS

    differences = {
        name: {"count": difference.count, "first": difference.first}
        for name, difference in found.differences.items()
    }
    lines = [
        f"{difference.count:,} {IN_WORDS[name]}: {', '.join(difference.first)}"
        + (" …" if difference.count > len(difference.first) else "")
        for name, difference in found.differences.items()
    ]
    words = "\n".join(lines) or f"{found.products:,} products are as they should be"
    shop.put({"products": found.products, "differences": differences}, words)
    if differences:
        raise DifferencesError("the index is not as it should be; run: recommender index --rebuild")
