"""What all routes share: one workspace's model, products and logs."""

from typing import cast

from flask import Flask, current_app

from recommender.data.eventlog import EventLog
from recommender.workspace import Workspace
from webapp.live import LiveCatalog, LiveModel
from webapp.served import ServedLog

_KEY = "session-recommender"


class Service:
    """One workspace, opened for answering.

    Attributes:
        workspace: The places in it.
        model: The published model, always the newest.
        catalog: The products, always the newest.
        events: Where `POST /v1/events` appends.
        served: Where answers are noted.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.model = LiveModel(workspace.models_dir)
        self.catalog = LiveCatalog(workspace.catalog_path)
        self.events = EventLog(workspace.events_dir)
        self.served = ServedLog(workspace.served_dir)

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
