"""What is asked of the later days of a log, by `recommender densities` and `recommender cold`."""

from collections.abc import Callable
from typing import NamedTuple

from pipelines.thin_days import warn_of_thin_test
from pipelines.train import OnTraining
from recommender.data.days import Borders
from recommender.data.split import borders_of
from recommender.data.steps import SessionLog, load_session_log
from recommender.settings import Settings
from recommender.workspace import Workspace


class Inquiry(NamedTuple):
    """A log that was opened to learn from its earlier days and be judged by its later ones.

    Attributes:
        workspace: Of the shop.
        settings: Of the workspace.
        log: All of it.
        borders: Where validation and test begin, and where the test ends.
        on_training: Asked for somebody to tell the epochs to.
        say: Told what begins.
    """

    workspace: Workspace
    settings: Settings
    log: SessionLog
    borders: Borders
    on_training: OnTraining
    say: Callable[[str], None]

    @classmethod
    def open(
        cls,
        workspace: Workspace,
        settings: Settings,
        test_us: int | None,
        on_training: OnTraining,
        say: Callable[[str], None] = lambda _: None,
    ) -> "Inquiry":
        """Read a log and part its days; a test that can say little is told.

        Args:
            workspace: Of the shop.
            settings: Of the workspace.
            test_us: Where the test begins, µs since 1970; None for the last `evaluation.test_days`.
            on_training: Asked for somebody to tell the epochs to.
            say: Told what begins.

        Raises:
            DataError: If the log has too few sessions or days.
        """
        log = load_session_log(workspace.events_dir, settings)
        borders = borders_of(log, settings, test_us)
        warn_of_thin_test(log, settings, borders, chosen=test_us is not None)
        return cls(workspace, settings, log, borders, on_training, say)
