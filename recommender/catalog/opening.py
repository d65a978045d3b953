"""The catalog that a shop's settings name."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from recommender.catalog import elasticsearch_client
from recommender.catalog.elasticsearch import WRITE_WITHIN_S, ElasticsearchCatalog
from recommender.catalog.embedded import EmbeddedCatalog
from recommender.catalog.protocol import Catalog
from recommender.errors import MissingCatalogError
from recommender.settings import Settings
from recommender.workspace import Workspace

_LOGGER = logging.getLogger(__name__)


def open_catalog(
    workspace: Workspace,
    settings: Settings,
    *,
    create: bool = True,
    write_within_s: float = WRITE_WITHIN_S,
) -> Catalog:
    """The shop's catalog; nothing is opened before it is first asked.

    Args:
        workspace: Where the embedded catalog lies.
        settings: `catalog` counts here.
        create: Whether to make the store when it is missing.
        write_within_s: Time limit of one request of a write to a server.
    """
    if settings.catalog.adapter == "elasticsearch":
        return ElasticsearchCatalog(
            settings.catalog.elasticsearch, create=create, write_within_s=write_within_s
        )
    return EmbeddedCatalog(workspace.catalog_path, create=create)


def check_settings(settings: Settings) -> None:
    """See that a catalog could be opened, as far as that shows without opening it.

    Raises:
        MissingExtraError: If a library that it needs is not installed.
        SettingsError: If a secret or a certificate that it needs is not there.
    """
    if settings.catalog.adapter == "elasticsearch":
        elasticsearch_client.check_settings(settings.catalog.elasticsearch)


@contextmanager
def existing_catalog(workspace: Workspace, settings: Settings) -> Iterator[Catalog | None]:
    """The shop's catalog to read from, closed afterwards; None for a shop that gave no feed.

    Who set up a server has products there, or is about to: that there are none is told.

    Args:
        workspace: Where the embedded catalog lies.
        settings: `catalog` counts here.

    Raises:
        CatalogError: If there is a catalog that cannot be read.
    """
    with closing(open_catalog(workspace, settings, create=False)) as catalog:
        try:
            catalog.count()
        except MissingCatalogError as err:
            found = None
            if settings.catalog.adapter == "elasticsearch":
                _LOGGER.warning("%s", err)
        else:
            found = catalog
        yield found
