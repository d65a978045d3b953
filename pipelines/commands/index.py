"""`recommender index`: the index of a catalog in Elasticsearch."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from recommender.cli import Shop, common_options
from recommender.errors import CatalogError, DifferencesError, SettingsError

if TYPE_CHECKING:
    from recommender.catalog.elasticsearch import ElasticsearchCatalog
    from recommender.catalog.elasticsearch_verify import Verified


@click.command("index")
@click.option("--rebuild", is_flag=True,
              help="Fill a new index and let it answer; the old one is kept.")  # fmt: skip
@click.option("--roll-back", is_flag=True,
              help="Let the kept index answer; the present one is kept in its place.")  # fmt: skip
@click.option("--verify", is_flag=True,
              help="Look for documents that are not as this version writes them.")  # fmt: skip
@common_options
@click.pass_obj
def index(shop: Shop, rebuild: bool, roll_back: bool, verify: bool) -> None:
    """Look after the index of a catalog in Elasticsearch; without an option, say how it is.

    A rebuild goes on while others search and write: no search fails and no write is lost. An index
    that has lost its alias gets it back first. What others write during --verify may show as
    different; look once more. What was written since the last rebuild is not in the index that
    --roll-back lets answer: it is counted, and --roll-back once more returns to it. A server that
    does not answer, or has no index, is exit code 1.
    """
    jobs = [
        job for job, given in ((_rebuild, rebuild), (_roll_back, roll_back), (_verify, verify))
        if given
    ]  # fmt: skip
    if len(jobs) > 1:
        raise click.UsageError(
            "--rebuild, --roll-back and --verify are each a run of their own; give one of them"
        )
    with _catalog(shop) as catalog:
        (jobs or [_status])[0](shop, catalog)


@contextmanager
def _catalog(shop: Shop) -> "Iterator[ElasticsearchCatalog]":
    from recommender.catalog.elasticsearch import ElasticsearchCatalog
    from recommender.catalog.elasticsearch_client import check_settings

    settings = shop.settings().catalog
    if settings.adapter != "elasticsearch":
        raise SettingsError(
            "catalog.adapter is embedded: its index is part of the file and written with every "
            'product; this command is for catalog.adapter = "elasticsearch"'
        )
    check_settings(settings.elasticsearch)
    with closing(ElasticsearchCatalog(settings.elasticsearch, create=False)) as catalog:
        yield catalog


def _status(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    health = catalog.health()
    body: dict[str, Any] = {
        "status": health.status, "server": health.what, "version": health.version,
        "problem": health.problem, "index": None, "kept": [], "unfinished": [],
        "products": None, "written_since": None,
    }  # fmt: skip
    words = [f"{health.what}: {health.status}"]
    if health.version is not None:
        words.append(f"version {health.version}")
    if health.status == "unavailable":
        shop.put(body, "; ".join(words))
        raise CatalogError(str(health.problem))
    answering, others = catalog.indices()
    kept = [name for name in others if catalog.has_answered(name)]
    unfinished = [name for name in others if name not in kept]
    body |= {"index": answering, "kept": kept, "unfinished": unfinished}
    body["products"] = catalog.count()
    words.append(f"{_products(body['products'])} in {answering}")
    words += [f"{name} is kept" for name in kept]
    if kept:
        body["written_since"] = catalog.written_since_live()
        words.append(f"{_written(body['written_since'])} since that one answered")
    words += [
        f"{name} is unfinished: a rebuild is filling it or was cut off; the next --rebuild "
        "removes it"
        for name in unfinished
    ]
    shop.put(body, "; ".join([*words, *([health.problem] if health.problem else [])]))


def _written(n_products: int | None) -> str:
    if n_products is None:
        return "nobody knows how many products were written"
    if n_products == 0:
        return "nothing was written"
    return f"{_products(n_products)} {'was' if n_products == 1 else 'were'} written or taken out"


def _products(n: int) -> str:
    return f"{n:,} product" if n == 1 else f"{n:,} products"


def _rebuild(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    from recommender.catalog.elasticsearch_rebuild import rebuild

    with shop.workspace.catalog_lock("recommender index --rebuild"):
        rebuilt = rebuild(catalog)
    words = f"{rebuilt.index} answers now, with {_products(rebuilt.products)}"
    if rebuilt.kept is not None:
        words += f"; {rebuilt.kept} is kept (recommender index --roll-back)"
    body = {"index": rebuilt.index, "kept": rebuilt.kept, "products": rebuilt.products}
    shop.put(body, words)


def _roll_back(shop: Shop, catalog: "ElasticsearchCatalog") -> None:
    from recommender.catalog.elasticsearch_rebuild import roll_back

    with shop.workspace.catalog_lock("recommender index --roll-back"):
        rolled = roll_back(catalog)
    body = {"index": rolled.index, "kept": rolled.kept, "written_since": rolled.n_written}
    words = f"{rolled.index} answers now; {_written(rolled.n_written)} while {rolled.kept} answered"
    if rolled.n_written != 0:
        words += (
            ", that is not in it: import the product feed again. Until the next --rebuild "
            f"{rolled.kept} is kept with it: recommender index --roll-back once more returns there"
        )
    shop.put(body, words)


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
    words = "\n".join(lines) or f"{_products(found.products)} as they should be"
    shop.put({"products": found.products, "differences": differences}, words)
    if differences:
        raise DifferencesError("the index is not as it should be; run: recommender index --rebuild")
