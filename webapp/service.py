"""What all routes share: one workspace's model, products and logs."""

from contextlib import suppress
from typing import cast

from flask import Flask, current_app

from recommender.data.eventlog import EventLog
from recommender.errors import CatalogError
from recommender.serving.artifact import Artifact, warm_up
from recommender.serving.shelf import shelf_of
from recommender.settings import ServeSettings
from recommender.workspace import Workspace
from webapp.live import LiveCatalog, LiveModel
from webapp.served import ServedLog

_KEY = "session-recommender"


class Service:
    """One workspace, opened for answering.

    Attributes:
        workspace: The places in it.
        settings: How it answers.
        model: The published model, always the newest.
        catalog: The products, always the newest.
        events: Where `POST /v1/events` appends.
        served: Where answers are noted.
    """

    def __init__(self, workspace: Workspace, settings: ServeSettings) -> None:
        self.workspace, self.settings = workspace, settings
        self.catalog = LiveCatalog(workspace.catalog_path)
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
        """Sync the event log and give the catalog back."""
        self.events.close()
        self.catalog.close()


def service_of(app: Flask) -> Service:
    """The service of an application."""
    return cast("Service", app.extensions[_KEY])


def current_service() -> Service:
    """The service of the request that is being answered."""
    return service_of(current_app)
