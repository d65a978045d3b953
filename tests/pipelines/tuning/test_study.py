"""A study on disk: what a crash leaves, what a damaged file says, when a new one begins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.tuning.fingerprint import study_head, what_changed
from pipelines.tuning.space import space_of
from pipelines.tuning.study import Trial, latest_other, open_study, tuning_lock
from recommender.data.examples import sessions_from_lists
from recommender.data.split import Split
from recommender.data.vocabulary import Vocabulary
from recommender.errors import BusyError, DataError
from recommender.settings import Settings

VALUES = {"softmax.dim": 64, "softmax.epochs": None}
DONE = Trial(0, "complete", VALUES, 0.5, {"mrr@20": 0.25}, 1000, 1.5, [0.25])


def split(*later: list[int]) -> Split:
    train, held_out = sessions_from_lists([[0, 1], [1, 2]]), sessions_from_lists(later)
    return Split(Vocabulary(["a", "b", "c"]), train, held_out, 10, 20, 0, 0)


def head(settings: Settings | None = None, later: list[int] | None = None) -> dict[str, object]:
    settings = settings or Settings()
    space = space_of("softmax", settings)
    return study_head("softmax", split(later or [0, 2]), settings, space)


def test_what_was_tried_is_read_again(tmp_path: Path) -> None:
    study = open_study(tmp_path, head())
    study.add(DONE, np.float32([0.5, np.nan]))
    study.add(replace(DONE, number=1, state="failed", value=None, reason="no »number«"))
    again = open_study(tmp_path, head())
    assert again.trials == study.trials
    assert again.complete == [DONE]
    np.testing.assert_array_equal(again.gains(DONE), np.float32([0.5, np.nan]))


def test_a_line_that_a_crash_cut_short_did_not_happen(tmp_path: Path) -> None:
    study = open_study(tmp_path, head())
    study.add(DONE)
    file = study.folder / "trials.ndjson"
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:20])
    again = open_study(tmp_path, head())
    assert again.trials == [DONE]
    again.add(replace(DONE, number=1))
    assert [trial.number for trial in open_study(tmp_path, head()).trials] == [0, 1]


@pytest.mark.parametrize("line", ["{}\n", "nonsense\n", '{"number": 0, "colour": 1}\n', "\xff\n"])
def test_a_damaged_study_names_itself(line: str, tmp_path: Path) -> None:
    study = open_study(tmp_path, head())
    study.add(DONE)
    (study.folder / "trials.ndjson").write_bytes(line.encode("latin-1"))
    with pytest.raises(DataError, match=rf"remove .*{study.folder.name} to begin"):
        open_study(tmp_path, head())


def test_a_lost_array_names_itself(tmp_path: Path) -> None:
    study = open_study(tmp_path, head())
    study.add(DONE)
    with pytest.raises(DataError, match=r"0\.npy cannot be read; remove"):
        study.gains(DONE)


def test_other_sessions_or_settings_are_another_study(tmp_path: Path) -> None:
    open_study(tmp_path, head()).add(DONE)
    batch = Settings.model_validate({"softmax": {"batch_size": 64}})
    tuned = Settings.model_validate({"softmax": {"dim": 65}})
    served = Settings.model_validate({"serve": {"port": 1}, "model": {"name": "popularity"}})
    for same in (head(tuned), head(served)):
        assert open_study(tmp_path, same).trials == [DONE]
    for other, words in (
        (head(batch), "softmax.batch_size"),
        (head(later=[0, 1]), "the sessions"),
        ({**head(), "tuned": ["softmax.dim"]}, "what is tuned"),
    ):
        study = open_study(tmp_path, other)
        assert not study.trials
        earlier = latest_other(tmp_path, study)
        assert earlier is not None
        assert what_changed(study.head, earlier.head) == words


def test_a_damaged_earlier_study_lends_nothing(tmp_path: Path) -> None:
    study = open_study(tmp_path, head())
    study.add(DONE)
    (study.folder / "study.json").write_text("{")
    assert latest_other(tmp_path, open_study(tmp_path, head(later=[1, 2]))) is None


def test_one_search_at_a_time(tmp_path: Path) -> None:
    busy = pytest.raises(BusyError, match="another run tunes")
    with tuning_lock(tmp_path), busy, tuning_lock(tmp_path):
        pass


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "tuning").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"), tuning_lock(tmp_path / "tuning"):
        pass
    study = open_study(tmp_path, head())
    study.folder.write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        study.add(DONE)
