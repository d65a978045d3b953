"""A test of today's few clicks is told, and one that somebody chose is not told to hold today."""

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from pipelines.thin_days import warn_of_thin_test
from recommender.cli import cli
from recommender.data.split import borders_of
from recommender.settings import Settings
from tests.ring_shop import QUICK, make_log
from tests.small_log import log_of

LOG = log_of((0, "abc"), (1, "abc"), (2, "abcd"))
"""Its last day is 1970-01-03, with three questions."""
OVER = datetime(1970, 1, 4, tzinfo=UTC)
OPEN = "its last day, 1970-01-03, is not over yet"


@pytest.mark.parametrize(
    ("min_queries", "now", "zone", "chosen", "words"),
    [
        (3, OVER, "UTC", False, []),
        (3, OVER - timedelta(seconds=1), "UTC", False, [OPEN]),
        (3, OVER - timedelta(seconds=1), "UTC", True, []),
        (3, OVER - timedelta(hours=23.5), "Atlantic/Azores", False, ["1970-01-02, is not over"]),
        (4, OVER, "UTC", True, ["it asks 3 at most, and 4 are wanted (gate.min_queries)"]),
        (4, OVER - timedelta(hours=9), "UTC", False, [f"{OPEN} and it asks 3 at most"]),
    ],
    ids=["enough", "today", "today-chosen", "today-elsewhere", "few", "both"],
)
def test_what_is_told(min_queries, now, zone, chosen, words, caplog):
    settings = Settings.model_validate({"time_zone": zone, "gate": {"min_queries": min_queries}})
    warn_of_thin_test(LOG, settings, borders_of(LOG, settings), chosen=chosen, now=now)
    assert len(caplog.messages) == min(1, len(words))
    for each in words:
        assert each in caplog.text
        assert "begin it on an earlier day with --test-from" in caplog.text


def test_evaluate_and_densities_tell_it(tmp_path, caplog):
    root = make_log(tmp_path)
    few = ["--set", "gate.min_queries=121"]
    quick = [word for setting in QUICK for word in ("--set", setting)]
    for arguments in (["evaluate", "--models", "popularity"], ["densities"], ["cold"]):
        caplog.clear()
        CliRunner().invoke(cli, [*arguments, "-w", str(root), *quick, *few])
        assert "it asks 120 at most, and 121 are wanted" in caplog.text
    caplog.clear()
    CliRunner().invoke(cli, ["evaluate", "--models", "popularity", "-w", str(root), *quick,
                             "--set", "gate.min_queries=120"])  # fmt: skip
    assert caplog.text == ""
