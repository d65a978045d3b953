"""One call of `recommender tune`: go on with the study until a limit comes."""

from collections.abc import Callable
from typing import Any

from pipelines.train import OnTraining
from pipelines.tuning.fingerprint import study_head, what_changed
from pipelines.tuning.objective import Objective
from pipelines.tuning.report import tuning_report
from pipelines.tuning.search import Clock, Values, propose, run_trial
from pipelines.tuning.space import changed, present_values, space_of, widened
from pipelines.tuning.study import Study, Trial, latest_other, open_study
from pipelines.tuning.winner import choose_winner
from pipelines.tuning.words import counted, enough_minutes, trial_line
from recommender.data.split import borders_of, split_for_choosing
from recommender.data.steps import load_session_log
from recommender.errors import RecommenderError
from recommender.settings import Settings
from recommender.workspace import Workspace


class Tuning:
    """A model, its study, and what judges its trials.

    The caller holds the studies by `tuning_lock`.

    Args:
        workspace: Of the shop.
        settings: The present ones: they are the first trial.
        model: A model that has something to tune.
        seed: Of the sampler; trainings take `model.seed`.
        say: Told what happens.

    Raises:
        DataError: If there is too little to train or to judge on.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        model: str,
        *,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        log = load_session_log(workspace.events_dir, settings)
        split = split_for_choosing(log, settings, borders_of(log, settings))
        self.settings, self.seed, self.say = settings, seed, say
        space = space_of(model, settings)
        self.present = present_values(space, settings)
        self.objective = Objective(model, split, for_trials(settings))
        head = study_head(model, split, self.objective.settings, space)
        self.study = open_study(workspace.tuning_dir, head)
        # The present settings of an earlier call may lie outside of the table.
        self.space = widened(space, [trial.values for trial in self.study.trials])
        say(
            f"Tuning {model} on {self.objective.train.n_sessions} sessions, judged by "
            f"{len(self.objective.queries)} questions of {self.objective.held_out.n_sessions} "
            "later ones; the test part is not looked at."
        )
        self._waiting = self._first(latest_other(workspace.tuning_dir, self.study))

    def run(self, clock: Clock, n_trials: int | None, on_training: OnTraining) -> None:
        """Make trials until the time is over or so many are made.

        Raises:
            KeyboardInterrupt: If it came; the trials that ended are kept.
        """
        study = self.study
        end = None if n_trials is None else len(study.trials) + n_trials
        while len(study.trials) != end:
            if words := _too_late(study, clock):
                self.say(words)
                return
            wanted = self._waiting.pop(0) if self._waiting else None
            found = propose(self.space, study.trials, wanted, self.seed)
            if found is None:
                self.say("Nothing new is left to try.")
                return
            proposed, values = found
            # What was asked for runs to its end: the others are compared with it.
            judge = proposed if wanted is None else None
            told = on_training(f"trial {len(study.trials)}")
            trial = run_trial(study, self.objective, values, judge, clock=clock, told=told)
            self.say(trial_line(trial, self.present))

    def report(self) -> dict[str, Any]:
        """What was found, over all calls.

        Raises:
            RecommenderError: If no trial came to its end.
        """
        if not self.study.complete:
            raise RecommenderError(
                f"no trial of {self.objective.model} came to its end; give it more time"
                f"{_how_much(self.study)} with --minutes"
            )
        present = _complete(self.study, self.present)
        winner = choose_winner(self.study, present, self.objective.queries.session_of_query)
        return tuning_report(self.study, winner, self.space, self.objective, self.settings)

    def _first(self, earlier: Study | None) -> list[Values]:
        """What is tried before the sampler chooses: the present settings above all."""
        trials = self.study.trials
        ended = [trial.values for trial in trials if trial.state in ("complete", "failed")]
        first = [self.present] if self.present not in ended else []
        if trials:
            n_cut = sum(trial.state == "cut" for trial in trials)
            cut = f", {n_cut} more cut off" if n_cut else ""
            told = counted(len(trials) - n_cut, "trial")
            self.say(f"Going on with {self.study.folder}: {told} so far{cut}.")
            known = [trial.values for trial in trials if trial.state != "cut"]
            for trial in trials:
                if trial.state == "cut" and trial.values not in [*known, *first]:
                    first.append(trial.values)
        elif earlier is not None:
            self.say(
                f"A new study, because something changed since {earlier.folder.name} "
                f"({counted(len(earlier.trials), 'trial')}): "
                f"{what_changed(self.study.head, earlier.head)}."
            )
            first += [values for values in self._best_of(earlier) if values not in first]
        return first

    def _best_of(self, earlier: Study) -> list[Values]:
        """The best values of an earlier study, if they can be tried now."""
        if not earlier.complete:
            return []
        values = max(earlier.complete, key=lambda trial: trial.value or 0.0).values
        known = set(values) == set(self.present)
        return [values] if known and all(one.holds(values[one.name]) for one in self.space) else []


def for_trials(settings: Settings) -> Settings:
    """What all trials have in common, whatever is set.

    `auto` would train each of them three times. The network's second stage is fitted on the very
    sessions that judge here, so that the network alone is tuned.
    """
    fixed = {"softmax.variant": "plain", "mdn.variant": "plain"}
    if settings.model.start == "auto":
        fixed["model.start"] = "spectral"
    return changed(settings, fixed)


def _too_late(study: Study, clock: Clock) -> str | None:
    """Why no further trial begins, in words."""
    left_s = clock.left_s
    if left_s <= 0:
        return "The time is over."
    quickest = min((trial.took_s for trial in study.complete), default=0.0)
    if left_s >= quickest:
        return None
    return (
        f"{left_s:.0f} s are left and the quickest trial took {quickest:.0f} s: "
        "none is begun that cannot end."
    )


def _how_much(study: Study) -> str:
    """How long the last trial that was cut off would have taken."""
    needed = [trial.needed_s for trial in study.trials if trial.needed_s is not None]
    return f", {enough_minutes(needed[-1])}," if needed else ""


def _complete(study: Study, values: Values) -> Trial | None:
    return next((trial for trial in study.complete if trial.values == values), None)
