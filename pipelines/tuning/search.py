"""The trials: what to try next, when to give up, when to stop.

Optuna proposes values and says which trials are hopeless. It is given the trials on record anew
each time, so that what it says depends on them and on the seed alone: five trials and then five
more are the same as ten.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna

from pipelines.tuning.objective import Objective
from pipelines.tuning.space import Options, Tuned
from pipelines.tuning.study import State, Study, Trial
from recommender.errors import SettingsError
from recommender.models.contract import OnEpoch

CHECKED_SHARES = (1 / 3, 2 / 3)
"""Shares of its planned epochs after which a trial is compared with the others there."""
BLIND_TRIALS = 5
"""Trials at random before the sampler goes by what it saw, and without any pruning."""
ATTEMPTS = 20
"""How often the sampler may name what was tried already."""

Values = dict[str, Any]
_STATES = {
    "complete": optuna.trial.TrialState.COMPLETE,
    "pruned": optuna.trial.TrialState.PRUNED,
    "failed": optuna.trial.TrialState.PRUNED,
    "cut": optuna.trial.TrialState.FAIL,
}


class OutOfTime(Exception):  # noqa: N818
    """The limit came in the midst of a trial."""


class Clock:
    """How much time is left.

    Args:
        limit_s: Seconds from now.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._began = time.monotonic()

    @property
    def left_s(self) -> float:
        """Seconds; negative once it is over."""
        return self.limit_s - (time.monotonic() - self._began)


def propose(
    space: tuple[Tuned, ...], trials: list[Trial], values: Values | None, seed: int
) -> tuple[optuna.Trial, Values] | None:
    """What to try next.

    Args:
        space: What is tuned.
        trials: Those so far.
        values: What shall be tried; None to let the sampler choose.
        seed: Of the sampler.

    Returns:
        Optuna's trial, by which it is told how the training goes, and the values; None if the
        sampler knows nothing new.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {one.name: _distribution(one) for one in space}
    tried = [trial.values for trial in trials if trial.state != "cut"]
    for attempt in range(ATTEMPTS):
        study = optuna.create_study(
            direction="maximize",
            sampler=_sampler(seed, len(trials), attempt),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=BLIND_TRIALS),
        )
        study.add_trials([_frozen(trial, distributions) for trial in trials])
        if values is not None:
            study.enqueue_trial(values)
        proposed = study.ask(distributions)
        chosen = values if values is not None else rounded(space, proposed.params)
        if values is not None or chosen not in tried:
            return proposed, chosen
    return None


def _sampler(seed: int, *place: int) -> optuna.samplers.BaseSampler:
    """Each trial has a seed of its own, so that a call that goes on repeats nothing."""
    own = int(np.random.SeedSequence([seed, *place]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=own, multivariate=True, n_startup_trials=BLIND_TRIALS)


def _distribution(one: Tuned) -> optuna.distributions.BaseDistribution:
    if isinstance(one, Options):
        return optuna.distributions.CategoricalDistribution(one.values)
    return optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)


def _frozen(
    trial: Trial, distributions: dict[str, optuna.distributions.BaseDistribution]
) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(
        state=_STATES[trial.state],
        params=trial.values,
        distributions=distributions,
        value=trial.value,
        intermediate_values=dict(enumerate(trial.checks)),
    )


def rounded(space: tuple[Tuned, ...], proposed: Mapping[str, Any]) -> Values:
    """Numbers with two digits, inside their range."""
    values = dict(proposed)
    for one in space:
        if not isinstance(one, Options):
            values[one.name] = min(max(float(f"{values[one.name]:.2g}"), one.low), one.high)
    return values


class Watch:
    """Sees each epoch of a trial and ends it where there is a reason.

    Args:
        proposed: Optuna's trial; None for one that runs to its end however bad it is.
        clock: The time left.
        told: Somebody else to tell the epochs to.
    """

    def __init__(self, proposed: optuna.Trial | None, clock: Clock, told: OnEpoch | None) -> None:
        self.checks: list[float] = []
        self._proposed, self._clock, self._told = proposed, clock, told
        self._done, self._planned = 0, 0

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take an epoch's record.

        Raises:
            TrialPruned: If the trial is behind the median of the others at this point.
            OutOfTime: If the limit is reached.
        """
        self._done, self._planned = record.get("epoch", 0), record.get("of", 0)
        if self._told is not None:
            self._told(record)
        # What has no epoch left is judged, however late it is: nothing would be won by a cut.
        is_last = 0 < self._planned <= self._done
        if self._clock.left_s <= 0 and not is_last:
            raise OutOfTime
        self._check(record)

    @property
    def share(self) -> float | None:
        """Share of the planned epochs that are over; None where nobody knows."""
        return self._done / self._planned or None if self._planned else None

    def _check(self, record: Mapping[str, Any]) -> None:
        place, planned = len(self.checks), record.get("of")
        if planned is None or place == len(CHECKED_SHARES) or "validation" not in record:
            return
        if record["epoch"] < CHECKED_SHARES[place] * planned:
            return
        found = [value for name, value in record["validation"].items() if "@" in name]
        self.checks.append(sum(found) / len(found))
        if self._proposed is not None:
            self._proposed.report(self.checks[-1], place)
            if self._proposed.should_prune():
                raise optuna.TrialPruned


def run_trial(
    study: Study,
    objective: Objective,
    values: Values,
    proposed: optuna.Trial | None,
    *,
    clock: Clock,
    told: OnEpoch | None,
) -> Trial:
    """Make one trial and keep it, however it ends.

    Args:
        study: Takes the trial.
        objective: Trains and judges.
        values: What is tried.
        proposed: Optuna's trial, which says when to give up; None never to.
        clock: The time left.
        told: Somebody to tell the epochs to.

    Raises:
        KeyboardInterrupt: If it came in the midst of the trial, which is kept as `cut`.
    """
    watch = Watch(proposed, clock, told)
    began = time.monotonic()

    def ended(state: State, **more: Any) -> Trial:
        took_s = round(time.monotonic() - began, 2)
        return Trial(len(study.trials), state, values, took_s=took_s, checks=watch.checks, **more)

    gains = None
    try:
        outcome = objective(values, watch)
    except optuna.TrialPruned:
        trial = ended("pruned")
    except SettingsError as err:
        trial = ended("failed", reason=str(err))
    except OutOfTime:
        needed_s = None
        if watch.share is not None:
            needed_s = round((time.monotonic() - began) / watch.share, 1)
        trial = ended("cut", needed_s=needed_s)
    except KeyboardInterrupt:
        study.add(ended("cut"))
        raise
    else:
        value, metrics, n_bytes, gains = outcome
        trial = ended("complete", value=value, metrics=metrics, n_bytes=n_bytes)
    study.add(trial, gains)
    return trial


def importances(space: tuple[Tuned, ...], trials: list[Trial]) -> dict[str, float]:
    """How much of the ups and downs of complete trials each setting explains; they sum to 1.

    Source: Hutter, Hoos, Leyton-Brown (2014), "An Efficient Approach for Assessing Hyperparameter
    Importance" (fANOVA).
    """
    distributions = {one.name: _distribution(one) for one in space}
    study = optuna.create_study(direction="maximize")
    study.add_trials([_frozen(trial, distributions) for trial in trials if trial.is_complete])
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}
