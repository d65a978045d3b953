"""Sessions, models, evaluation and serving of the session-based product recommender.

Example:
    import recommender
    recommender.load("shop/models/current")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recommender.serving.artifact import load as load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Import `load` when it is first asked for, so that `import recommender` stays light."""
    if name == "load":
        from recommender.serving.artifact import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
