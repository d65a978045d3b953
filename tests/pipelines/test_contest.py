"""A contest: what was judged is what is trained once more and written."""

import pytest

from pipelines.contest import Contest
from pipelines.version import write_version
from recommender.configuration import load_settings
from recommender.data.split import borders_of
from recommender.data.steps import load_session_log
from recommender.serving.artifact import load
from recommender.workspace import Workspace
from tests.ring_shop import QUICK, make_log


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory) -> Contest:
    workspace = Workspace(make_log(tmp_path_factory.mktemp("contest")))
    settings = load_settings(workspace.settings_path, QUICK, {})
    log = load_session_log(workspace.events_dir, settings)
    return Contest(workspace, settings, log, borders_of(log, settings), lambda _: None)


def test_a_variant_is_refitted_and_written_as_it_was_judged(contest: Contest) -> None:
    """Its settings, not the workspace's, with the seed it was given."""
    trained = contest.train("neighbors:s_knn", seed=7)
    refitted = contest.refit(trained)
    assert refitted.model.settings == trained.model.settings
    assert refitted.sessions.n_sessions > trained.sessions.n_sessions
    report = contest.report([contest.judge(trained)])
    data = {"data_until": "2026-03-05T00:00:00Z"}
    written = load(write_version(contest, refitted, report, data=data))
    assert contest.settings.neighbors.variant == "vstan"
    assert written.manifest.settings["neighbors"]["variant"] == "s_knn"
    assert written.manifest.settings["model"]["seed"] == 7
    assert written.model.settings == trained.model.settings
    assert written.model.parameters_ == trained.model.parameters_
