"""What all routes share: one workspace's model, products and logs."""

from contextlib import suppress
from typing import cast

from flask import Flask, current_app

from recommender.data.eventlog import EventLog
from recommender.errors import CatalogError
from recommender.serving.artifact import Artifact, warm_up
from recommender.serving.shelf import shelf_of
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.live import LiveModel
from webapp.live_catalog import LiveCatalog
from webapp.marks import ChangeMark
from webapp.served import ServedLog
from webapp.store import Store

_KEY = "session-recommender"


class Service:
    """One workspace, opened for answering.

    Attributes:
        workspace: The places in it.
        settings: How it answers.
        model: The published model, always the newest.
        catalog: The products, always the newest.
        store: The way of routes to the catalog itself, to search and to change it.
        events: Where `POST /v1/events` appends.
        served: Where answers are noted.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self.workspace, self.settings = workspace, settings.serve
        self._mark = ChangeMark(workspace.catalog_mark_path)
        self.catalog = LiveCatalog(workspace, settings, self._mark)
        self.store = Store(self.catalog)
        self.model = LiveModel(workspace.models_dir, self._prepare)
        self.events = EventLog(workspace.events_dir)
        self.served = ServedLog(workspace.served_dir)

    def _prepare(self, artifact: Artifact) -> None:
        """Do beforehand what the first answer of a new model would wait for."""
        # Without products there is no answer that could wait.
        with suppress(CatalogError):
            shelf_of(artifact, self.catalog.table())
        warm_up(artifact)

    def attach(self, app: Flask) -> None:
        """Make this the service that the routes of `app` find."""
        app.extensions[_KEY] = self

    def close(self) -> None:
        """Sync the event log and give the files back."""
        self.events.close()
        self.store.close()
        self.catalog.close()
        self._mark.close()


def service_of(app: Flask) -> Service:
    """The service of an application."""
    return cast("Service", app.extensions[_KEY])


def current_service() -> Service:
    """The service of the request that is being answered."""
    return service_of(current_app)
