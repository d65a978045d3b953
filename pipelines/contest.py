"""Some models on one split: each is chosen, trained and judged as the others are, then refitted."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.report import data_entry, page_of, product_lookup
from pipelines.train import OnTraining, Trained, choose, judged, train
from recommender.data.days import Borders
from recommender.data.split import everything, split_for_choosing, split_for_judging
from recommender.data.steps import SessionLog
from recommender.evaluation.protocol import queries_of
from recommender.evaluation.summary import JudgedModel, examine, summarize
from recommender.models.registry import chosen_model
from recommender.settings import Settings
from recommender.workspace import Workspace


class Contest:
    """The questions of the judged days, and who is asked.

    Args:
        workspace: Of the shop.
        settings: Of the workspace.
        log: All sessions that may be learned from or judged on.
        borders: Where validation and the judged days lie.
        on_training: Asked for somebody to tell the epochs to.

    Attributes:
        workspace: Of the shop.
        settings: Of the workspace.
        choosing: Training days | validation days.
        judging: Training and validation days | judged days.
        examination: The questions of the judged days.

    Raises:
        DataError: If there is too little to train or nothing to judge on.
        CatalogError: If there is a catalog that cannot be read.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        log: SessionLog,
        borders: Borders,
        on_training: OnTraining,
    ) -> None:
        self.choosing = split_for_choosing(log, settings, borders)
        self.judging = split_for_judging(log, settings, borders)
        self.workspace, self.settings, self._log = workspace, settings, log
        self._on_training = on_training
        self._lookup = product_lookup(workspace)
        self.examination = examine(self.judging, queries_of(self.judging.held_out), self._lookup)

    def train(self, name: str, seed: int | None = None) -> Trained:
        """Let validation choose, then train on all days before the judged ones.

        Args:
            name: A model, `NAME` or `NAME:VARIANT`.
            seed: Instead of `model.seed`.
        """
        model, settings = chosen_model(name, self.settings)
        if seed is not None:
            seeded = settings.model.model_copy(update={"seed": seed})
            settings = settings.model_copy(update={"model": seeded})
        choice = choose(model, self.choosing, settings, self._on_training)
        return train(
            choice,
            self.judging.vocabulary,
            self.judging.train,
            settings,
            self._on_training,
            with_vectors=False,
        )

    def judge(self, trained: Trained) -> JudgedModel:
        """Ask a model the questions."""
        return judged(trained, self.examination, trained.model.settings)

    def report(self, rows: Sequence[JudgedModel]) -> dict[str, Any]:
        """The table: differences are those of the first model against the others."""
        report = summarize(self.examination, rows, self.settings.evaluation)
        return {**report, "data": data_entry(self.workspace, self._log)}

    def page(self, report: Mapping[str, Any]) -> str:
        """The report as `report.html`."""
        return page_of(report, self.workspace, self._lookup)

    def refit(self, trained: Trained) -> Trained:
        """Train once more, on everything; with the vectors that an artifact ships.

        Args:
            trained: The model as it was judged: variant, seed and choices stay.
        """
        vocabulary, sessions = everything(self._log, self.settings)
        return train(
            trained.choice,
            vocabulary,
            sessions,
            trained.model.settings,
            self._on_training,
            with_vectors=True,
        )
