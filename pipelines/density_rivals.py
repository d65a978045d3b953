"""What densities are measured against, on the same columns: straight lines and trees.

Everything learns as the densities do: the newest tenth of the training pages chooses how long, then
all are learned.
"""

from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from recommender.evaluation.densities import Scores, gaussian_scores

_CHECKED_SHARE = 0.1
_TREES, _RATE, _LEAVES = 200, 0.05, 15
_NGBOOST_TREES, _PATIENCE = 500, 30

Columns = NDArray[np.float32]
Targets = NDArray[np.float64]
Boosting = TypeVar("Boosting", HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def rivals_of_density(
    learned: tuple[Columns, Targets], asked: tuple[Columns, Targets], smallest_scale: float
) -> dict[str, Scores]:
    """How each rival does at a number whose density is asked.

    NGBoost is among them where it is installed.

    Args:
        learned: Training columns and targets, oldest first.
        asked: Columns of the pages that are judged, and what came.
        smallest_scale: No rival may be surer than that; nor are the densities.
    """
    fits = {"bayesian_ridge": _ridge, "gradient_boosting": _boosting}
    if find_spec("ngboost") is not None:
        fits["ngboost"] = _ngboost
    found = {}
    for name, fit in fits.items():
        means, scales = fit(*learned, asked[0])
        found[name] = gaussian_scores(means, np.maximum(scales, smallest_scale), asked[1])
    return found


def rivals_of_chance(
    learned: tuple[Columns, NDArray[np.bool_]], asked: Columns
) -> dict[str, NDArray[np.float64]]:
    """What chance each rival gives to something that is yes or no, shape (n,)."""
    columns, came = learned
    first = _first_part(len(came))
    boosting = partial(_trees, HistGradientBoostingClassifier)
    checked = boosting(_TREES).fit(columns[:first], came[:first])
    staged = checked.staged_predict_proba(columns[first:])
    n_trees = _best(log_loss(came[first:], each[:, 1], labels=[False, True]) for each in staged)
    chances = boosting(n_trees).fit(columns, came).predict_proba(asked)[:, 1]
    return {
        "constant": np.full(len(asked), came.mean()),
        "gradient_boosting": np.asarray(chances, np.float64),
    }


def _ridge(columns: Columns, targets: Targets, asked: Columns) -> tuple[Targets, Targets]:
    model = make_pipeline(StandardScaler(), BayesianRidge()).fit(columns, targets)
    means, scales = model.predict(asked, return_std=True)
    return np.asarray(means), np.asarray(scales)


def _boosting(columns: Columns, targets: Targets, asked: Columns) -> tuple[Targets, Targets]:
    """Trees for the mean; one scale, which later pages show."""
    first = _first_part(len(targets))
    boosting = partial(_trees, HistGradientBoostingRegressor)
    checked = boosting(_TREES).fit(columns[:first], targets[:first])
    errors = [
        float(((targets[first:] - each) ** 2).mean())
        for each in checked.staged_predict(columns[first:])
    ]
    n_trees = _best(errors)
    means = boosting(n_trees).fit(columns, targets).predict(asked)
    return np.asarray(means), np.full(len(asked), np.sqrt(errors[n_trees - 1]))


def _ngboost(columns: Columns, targets: Targets, asked: Columns) -> tuple[Targets, Targets]:
    """Trees for mean and scale.

    Source: Duan and others (2020), "NGBoost: Natural Gradient Boosting for Probabilistic
        Prediction".
    """
    from ngboost import NGBRegressor

    first = _first_part(len(targets))

    def boosting(n_trees: int) -> Any:
        return NGBRegressor(
            n_estimators=n_trees,
            learning_rate=_RATE,
            minibatch_frac=0.5,
            verbose=False,
            random_state=0,
        )

    checked = boosting(_NGBOOST_TREES).fit(
        columns[:first],
        targets[:first],
        X_val=columns[first:],
        Y_val=targets[first:],
        early_stopping_rounds=_PATIENCE,
    )
    model = boosting(max(1, checked.best_val_loss_itr)).fit(columns, targets)
    found = model.pred_dist(asked).params
    return np.asarray(found["loc"]), np.asarray(found["scale"])


def _trees(kind: type[Boosting], n_trees: int) -> Boosting:
    return kind(
        max_iter=n_trees,
        learning_rate=_RATE,
        max_leaf_nodes=_LEAVES,
        early_stopping=False,
        random_state=0,
    )


def _first_part(n: int) -> int:
    return round(n * (1 - _CHECKED_SHARE))


def _best(losses: Iterable[float]) -> int:
    """The number of trees with the lowest loss."""
    return 1 + int(np.argmin(list(losses)))
