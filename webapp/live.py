"""The model that answers are made of, kept as fresh as the workspace is."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from recommender.errors import ArtifactError
from recommender.serving import versions
from recommender.serving.artifact import Artifact, load

CHECK_EVERY_S = 0.5
"""How often a request looks whether there is a new model or a changed catalog."""

_RETRY_BROKEN_S = 30.0
_LOGGER = logging.getLogger(__name__)


class Watch:
    """Lets one thread look every `CHECK_EVERY_S`; the others go on with what there is."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._looking = threading.Lock()
        self._next_look = 0.0

    def look_if_due(self) -> None:
        """Look, unless that was done lately or another thread does."""
        if time.monotonic() < self._next_look or not self._looking.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._next_look = time.monotonic() + CHECK_EVERY_S
            self._looking.release()


class LiveModel:
    """The published model; a newly published one takes its place in one step.

    Args:
        models_dir: The folder of all versions.
        prepare: Called with a model before it takes its place.

    Attributes:
        problem: Why the newest published model is not in use; None when it is.
    """

    def __init__(self, models_dir: Path, prepare: Callable[[Artifact], None]) -> None:
        self._models_dir = models_dir
        self._prepare = prepare
        self._artifact: Artifact | None = None
        self._folder: Path | None = None
        self._broken: Path | None = None
        self._retry_at = 0.0
        self.problem: str | None = None
        self._watch = Watch(self._look)
        self._watch.look_if_due()

    def get(self) -> Artifact | None:
        """The model to answer with; None until the first one is published."""
        self._watch.look_if_due()
        return self._artifact

    def _look(self) -> None:
        folder = versions.current(self._models_dir)
        if folder is None or (folder == self._broken and time.monotonic() < self._retry_at):
            return
        if folder != self._folder:
            try:
                artifact = load(folder)
            except ArtifactError as err:
                self._keep_old(folder, err)
                return
            self._prepare(artifact)
            self._artifact, self._folder = artifact, folder
            _LOGGER.info("answering with model %s", artifact.version)
        self._broken = self.problem = None

    def _keep_old(self, folder: Path, error: ArtifactError) -> None:
        if folder != self._broken:
            _LOGGER.error("model %s is not used: %s", folder.name, error)
        self._broken, self._retry_at = folder, time.monotonic() + _RETRY_BROKEN_S
        self.problem = str(error)
