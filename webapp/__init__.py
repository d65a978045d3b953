"""What answers over HTTP: the JSON API, the widget and the small shop page.

Example:
    import webapp
    app = webapp.create_app("shop")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webapp.app import create_app as create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Import `create_app` when it is first asked for, so that `import webapp` stays light."""
    if name == "create_app":
        from webapp.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
