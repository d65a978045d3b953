"""Which trial wins."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.tuning.study import Study, Trial
from pipelines.tuning.winner import choose_winner, mean_of

SESSIONS = np.repeat(np.arange(100), 2)


def test_mean_and_error_by_hand() -> None:
    """Two sessions of 2 and 1 questions: mean 2/3, residuals 2 - 4/3 and 0 - 2/3."""
    found = mean_of(np.float32([1, 1, 0, np.nan]), np.array([0, 0, 7, 9]))
    assert found.value == pytest.approx(2 / 3)
    assert found.error == pytest.approx(np.sqrt(2 * (4 / 9 + 4 / 9)) / 3)
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(2 / 3)


def test_the_error_is_that_of_the_bootstrap() -> None:
    random = np.random.default_rng(0)
    values = random.random(200).astype(np.float32) + (SESSIONS % 3)
    by_session = values.reshape(100, 2).mean(axis=1)
    draws = [by_session[random.integers(100, size=100)].mean() for _ in range(4000)]
    assert mean_of(values.astype(np.float32), SESSIONS).error == pytest.approx(
        np.std(draws), rel=0.05
    )


def study_of(folder: Path, *trials: tuple[int, int, int]) -> Study:
    """Trials by which of 200 questions they answer, from one to another, and their bytes."""
    study = Study(folder, {})
    for number, (first, end, n_bytes) in enumerate(trials):
        gains = np.zeros(200, np.float32)
        gains[first:end] = 1
        study.add(Trial(number, "complete", {"n": number}, float(gains.mean()), {}, n_bytes), gains)
    return study


def test_the_smaller_of_two_that_are_level(tmp_path: Path) -> None:
    """6 questions won and 4 lost is no more than chance."""
    study = study_of(tmp_path, (0, 60, 500), (0, 122, 1000), (6, 126, 400), (0, 80, 100))
    won = choose_winner(study, study.trials[0], SESSIONS)
    assert (won.best.number, won.chosen.number) == (1, 2)
    assert won.lead is not None
    assert won.lead.value == pytest.approx(0.3)
    assert won.lead.interval[0] > 0.15


def test_nearly_as_small_counts_as_small(tmp_path: Path) -> None:
    study = study_of(tmp_path, (0, 122, 1000), (6, 126, 999))
    assert choose_winner(study, None, SESSIONS).chosen.number == 0


def test_never_below_the_present_settings(tmp_path: Path) -> None:
    study = study_of(tmp_path, (0, 122, 1000), (6, 126, 100))
    won = choose_winner(study, study.trials[0], SESSIONS)
    assert won.chosen.number == 0
    assert won.lead is not None
    assert won.lead.value == 0
