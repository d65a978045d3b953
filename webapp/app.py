"""The application: guard, API, widget and shop page over one workspace."""

from pathlib import Path

from flask import Flask

from recommender.configuration import load_settings
from recommender.settings import Settings
from recommender.workspace import Workspace
from webapp.api.events import events
from webapp.api.health import health
from webapp.api.item import item
from webapp.api.items import items
from webapp.api.recommendations import recommendations
from webapp.guard import register_guard
from webapp.problems import register_problems
from webapp.service import Service
from webapp.shop.views import shop
from webapp.widget.views import widget


def create_app(root: Path | str, settings: Settings | None = None) -> Flask:
    """Make the WSGI application of a workspace.

    Call it in the process that answers: it opens files, which do not survive a fork.

    Args:
        root: Folder of the workspace.
        settings: Of the workspace; those of its recommender.toml if none are given.

    Raises:
        SettingsError: If that file cannot be read.

    Example:
        app = create_app("shop")
    """
    app = Flask("webapp", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    workspace = Workspace(Path(root))
    Service(workspace, settings or load_settings(workspace.settings_path)).attach(app)
    register_problems(app)
    register_guard(app)
    for blueprint in (recommendations, items, item, events, health, widget, shop):
        app.register_blueprint(blueprint)
    return app
