"""Trials on walks along a ring: what is tried, what is given up, what is cut off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.tuning.objective import Objective
from pipelines.tuning.search import BLIND_TRIALS, Clock, importances, propose, run_trial
from pipelines.tuning.space import Options, Range, present_values, space_of
from pipelines.tuning.study import Study, Trial
from recommender.data.examples import sessions_from_lists
from recommender.data.split import Split
from recommender.data.vocabulary import Vocabulary
from recommender.errors import DataError
from recommender.settings import Settings

N_ITEMS, EPOCHS = 12, 6
SETTINGS = Settings.model_validate(
    {
        "softmax": {
            "variant": "plain",
            "dim": 8,
            "hidden": 8,
            "epochs": EPOCHS,
            "dropout": 0.1,
            "input_dropout": 0.1,
        },
        "model": {"start": "random", "deterministic": True},
    }
)
SPACE = (Options("a", (None, 1, 2)), Range("b", 0.001, 0.1, log=True))
HOUR = 3600.0


def value_of(values: dict[str, Any]) -> float:
    """A hill with its top at a=2, b=.01."""
    return (values["a"] or 0) / 2 - abs(np.log10(values["b"] / 0.01))


def tried(n: int, trials: list[Trial] | None = None, seed: int = 0) -> list[Trial]:
    trials = list(trials or [])
    for number in range(len(trials), n):
        found = propose(SPACE, trials, None, seed)
        assert found is not None
        values = found[1]
        trials.append(Trial(number, "complete", values, value_of(values)))
    return trials


def test_five_and_then_five_more_are_ten() -> None:
    ten = tried(10)
    assert tried(10, tried(5)) == ten
    assert tried(10) == ten
    assert tried(10, seed=1) != ten


def test_the_sampler_goes_by_what_it_saw() -> None:
    """Of six searches the last ten trials are far higher on the hill than the first, blind ones."""
    heights = np.array(
        [[value_of(one.values) for one in tried(30, seed=seed)] for seed in range(6)]
    )
    assert heights[:, 20:].mean() > heights[:, :BLIND_TRIALS].mean() + 0.2


def test_numbers_have_two_digits_inside_their_range() -> None:
    for trial in tried(12):
        assert trial.values["b"] == float(f"{trial.values['b']:.2g}")
        assert SPACE[1].holds(trial.values["b"])


def test_wanted_values_are_tried_as_they_are() -> None:
    found = propose(SPACE, tried(3), {"a": None, "b": 0.012345}, 0)
    assert found is not None
    assert found[1] == {"a": None, "b": 0.012345}


def test_when_all_was_tried_there_is_nothing_new() -> None:
    small = (Options("a", (1, 2)),)
    trials: list[Trial] = []
    while (found := propose(small, trials, None, 0)) is not None:
        trials.append(Trial(len(trials), "complete", found[1], 0.5))
    assert sorted(trial.values["a"] for trial in trials) == [1, 2]


def test_the_setting_that_matters_has_the_larger_share() -> None:
    trials = [
        Trial(n, "complete", {"a": (None, 1, 2)[n % 3], "b": 0.001 * (n + 1)}, float(n % 3))
        for n in range(20)
    ]
    shares = importances(SPACE, trials)
    assert shares["a"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)


def walks(seed: int, n: int) -> Any:
    random = np.random.default_rng(seed)
    firsts = random.integers(N_ITEMS, size=n)
    return sessions_from_lists([[(first + k) % N_ITEMS for k in range(4)] for first in firsts])


def objective_of(settings: Settings) -> Objective:
    items = Vocabulary([f"item {n}" for n in range(N_ITEMS)])
    split = Split(items, walks(0, 300), walks(1, 60), 10, 20, 0, 0)
    return Objective("softmax", split, settings)


@pytest.fixture(scope="module")
def objective() -> Objective:
    return objective_of(SETTINGS)


@pytest.fixture(scope="module")
def present() -> dict[str, Any]:
    return present_values(space_of("softmax", SETTINGS), SETTINGS)


def test_visits_that_stay_on_one_page_leave_nothing_to_judge_by() -> None:
    """As a page lives its own product is no answer: refused before anything is trained."""
    stays = sessions_from_lists([[item] * 3 for item in range(N_ITEMS)])
    items = Vocabulary([f"item {n}" for n in range(N_ITEMS)])
    split = Split(items, stays, stays, 10, 20, 0, 0)
    with pytest.raises(DataError, match="where current is excluded, no question is left"):
        Objective("softmax", split, SETTINGS)
    judged = {"evaluation": SETTINGS.evaluation.model_copy(update={"exclude": ["none"]})}
    assert len(Objective("softmax", split, SETTINGS.model_copy(update=judged)).queries) == 24


def test_what_is_behind_the_others_is_given_up(
    objective: Objective, present: dict[str, Any], tmp_path: Path
) -> None:
    study, space = Study(tmp_path, {}), space_of("softmax", SETTINGS)
    for number in range(BLIND_TRIALS):
        values = {**present, "softmax.learning_rate": 0.005 + 0.001 * number}
        trial = run_trial(study, objective, values, None, clock=Clock(HOUR), told=None)
        assert trial.is_complete
        assert len(trial.checks) == 2
    hopeless = {**present, "softmax.learning_rate": 1e-6}
    found = propose((*space[:4], Range("softmax.learning_rate", 1e-6, 1.0, log=True), *space[5:]),
                    study.trials, hopeless, 0)  # fmt: skip
    assert found is not None
    epochs: list[int] = []
    trial = run_trial(study, objective, hopeless, found[0], clock=Clock(HOUR),
                      told=lambda record: epochs.append(record["epoch"]))  # fmt: skip
    assert trial.state == "pruned"
    assert trial.value is None
    assert epochs == [1, 2], "a third of six epochs, then it ends"
    assert study.trials[-1] == trial
    wanted = run_trial(study, objective, hopeless, None, clock=Clock(HOUR), told=None)
    assert wanted.is_complete, "what was asked for runs to its end"
    assert wanted.value is not None
    assert wanted.value < (study.complete[0].value or 0) - 0.05


def test_the_time_limit_cuts_a_trial_at_the_end_of_an_epoch(
    objective: Objective, present: dict[str, Any], tmp_path: Path
) -> None:
    epochs: list[int] = []
    trial = run_trial(Study(tmp_path, {}), objective, present, None, clock=Clock(0.0),
                      told=lambda record: epochs.append(record["epoch"]))  # fmt: skip
    assert trial.state == "cut"
    assert epochs == [1]


def test_values_that_do_not_work_are_no_crash(
    objective: Objective, present: dict[str, Any], tmp_path: Path
) -> None:
    study = Study(tmp_path, {})
    burning = {**present, "softmax.learning_rate": 1e30}
    trial = run_trial(study, objective, burning, None, clock=Clock(HOUR), told=None)
    assert trial.state == "failed"
    assert "training diverged" in str(trial.reason)
    assert Study(tmp_path, {}).trials == [trial]


def test_ctrl_c_is_kept_as_cut_and_goes_on_up(
    objective: Objective, present: dict[str, Any], tmp_path: Path
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(Study(tmp_path, {}), objective, present, None, clock=Clock(HOUR), told=interrupt)
    (trial,) = Study(tmp_path, {}).trials
    assert trial.state == "cut"
