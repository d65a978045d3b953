"""Planted structure is found, and NumPy says what Keras says."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from recommender.data.steps import SessionLog
from recommender.densities.densities import SHARES, Densities
from recommender.densities.features import Features, without_times_and_marks
from recommender.densities.fit import DensityFit, Questions, fit_densities, questions_of
from recommender.densities.pause import pause_mixture
from recommender.densities.price import price_mixture, price_offsets, price_start
from recommender.densities.purchase import PURCHASE_MIXTURE
from recommender.densities.training import EPOCHS, KINDS, Examples, fit_density, planned_epochs
from recommender.densities.visits import PriceList
from recommender.errors import ArtifactError
from recommender.models.mixture_density import MixtureLoss
from recommender.settings import Settings

GAP_S = 1800
Planted = tuple[SessionLog, SessionLog, PriceList]


@pytest.fixture(scope="module")
def asked(planted: Planted) -> dict[str, Questions]:
    _, judged, prices = planted
    return questions_of(judged, prices, GAP_S)


def bare(features: Features) -> Features:
    return features._replace(columns=without_times_and_marks(features.columns))


def test_the_next_price_keeps_to_the_visits_price(
    fitted: Densities, asked: dict[str, Questions]
) -> None:
    price, questions = fitted.price, asked["price"]
    assert price is not None
    log_score = price.log_prob(questions.features, questions.targets)
    # Against one Gaussian for all: places lie within .92 of one another, half return.
    spread = np.std(questions.targets)
    assert log_score.mean() > -np.log(spread) - 0.5 * np.log(2 * np.pi * np.e) + 1.0
    shares = price.cumulative(questions.features, questions.targets)
    assert np.mean(np.abs(shares - 0.5) < 0.25) == pytest.approx(0.5, abs=0.12)
    low, middle, high = price.quantiles(questions.features, (0.05, 0.5, 0.95)).T
    assert np.mean(np.abs(middle - questions.features.columns[:, 0])) < 0.4
    assert np.median(high - low) < 1.3


def test_returns_are_sharp(fitted: Densities, asked: dict[str, Questions]) -> None:
    assert fitted.price is not None
    features = asked["price"].features
    # The newest product never comes again at once: only those before it are returned to.
    for place, is_sharp in enumerate([False, True, True]):
        seen = features.anchors[:, place]
        known = np.isfinite(seen)
        asked_here = Features(*(array[known] for array in features))
        at, beside = (
            fitted.price.log_prob(asked_here, seen[known] + apart).mean() for apart in (0, 0.15)
        )
        assert (at > beside + 0.5) == is_sharp, f"{place} steps before the newest"


def test_a_price_that_is_not_known_has_no_density(fitted: Densities) -> None:
    assert fitted.price is not None
    features = fitted.features(["p100", "p130", "p110"])
    at = fitted.price.log_prob_at(features, np.array([5.0, np.nan]))[0]
    assert np.isfinite(at).tolist() == [True, False]


def test_slow_visitors_stay_slow(fitted: Densities, asked: dict[str, Questions]) -> None:
    pause, questions = fitted.pause, asked["pause"]
    assert pause is not None
    later = questions.take(questions.pages.n_seen > 1)
    middle = pause.quantiles(later.features, (0.5,))[:, 0]
    assert np.mean((middle > 22) == (later.targets > 22)) > 0.98
    # Without times it is one or the other.
    low, high = pause.quantiles(bare(later.features), (0.05, 0.95)).T
    assert np.median(low) < 7
    assert np.median(high) > 80


def test_who_puts_into_the_cart_buys(fitted: Densities, asked: dict[str, Questions]) -> None:
    purchase, questions = fitted.purchase, asked["purchase"]
    assert purchase is not None
    chances = purchase.probability(questions.features)
    in_cart = questions.features.columns[:, -5] > 0
    assert chances[in_cart].mean() == pytest.approx(2 / 3, abs=0.12)
    assert chances[~in_cart].mean() == pytest.approx(1 / 20, abs=0.05)
    log_score = purchase.log_prob(questions.features, questions.targets > 0)
    assert np.allclose(np.exp(log_score), np.where(questions.targets > 0, chances, 1 - chances))


@pytest.mark.parametrize("name", ["price", "truncated price", "pause", "purchase"])
def test_numpy_says_what_keras_says(name: str, asked: dict[str, Questions], tmp_path: Path) -> None:
    questions = asked[name.split()[-1]].take(np.arange(800))
    targets, features = questions.targets, questions.features
    if name.endswith("price"):
        family = "truncated_gaussian" if name.startswith("truncated") else "gaussian"
        mixture = price_mixture(family, 3, targets)
        typical = float(np.median(targets))
        start = price_start(features, targets, mixture, typical)
        offsets = price_offsets(features, mixture, typical)
    else:
        mixture = pause_mixture(3) if name == "pause" else PURCHASE_MIXTURE
        start = mixture.start_outputs(targets)
        offsets = np.zeros((len(targets), mixture.n_outputs), np.float32)
    examples = Examples(features.columns, offsets, targets.astype(np.float32))
    done = fit_density(examples, mixture, start, KINDS[name.split()[-1]], epochs=2)
    network = done.network
    outputs = (network.outputs(features.columns) + offsets).astype(np.float64)
    served = np.asarray(mixture.log_prob(outputs, targets))
    columns = np.clip((features.columns - network.center) / network.scale, -8, 8)
    done.keras_network.save(tmp_path / "density.keras")
    loaded = keras.models.load_model(tmp_path / "density.keras")
    outputs = loaded.predict([columns, offsets], verbose=0)
    loss = MixtureLoss(mixture, reduction="none")(examples.targets[:, None], outputs)
    assert np.abs(served + np.asarray(loss)).max() < 1e-4


def test_what_was_saved_says_the_same(fitted: Densities, tmp_path: Path) -> None:
    fitted.save(tmp_path / "densities")
    loaded = Densities.load(tmp_path / "densities")
    for item_ids in ([], ["p007", "p009"], ["?"]):
        one, other = (each.tell(each.features(item_ids, cart=[])) for each in (fitted, loaded))
        assert one == other
    assert loaded.epochs == fitted.epochs
    assert loaded.n_bytes == fitted.n_bytes
    np.save(tmp_path / "densities" / "pause_features_version.npy", np.array(0))
    with pytest.raises(ArtifactError, match="train again"):
        Densities.load(tmp_path / "densities")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"schema_version": 0}, "format 0"), ({"products": ["p000"]}, "1 products and 400 prices")],
    ids=["another format", "another list"],
)
def test_what_does_not_fit_together_is_not_loaded(
    fitted: Densities, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    fitted.save(tmp_path)
    path = tmp_path / "densities.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), "utf-8")
    with pytest.raises(ArtifactError, match=words):
        Densities.load(tmp_path)


@pytest.mark.parametrize("item_ids", [[], ["?"], ["p000"] * 30, ["p399", "?", "p001"]],
                         ids=["empty", "unknown", "one product", "mixed"])  # fmt: skip
def test_every_visit_gets_an_answer(fitted: Densities, item_ids: list[str]) -> None:
    times_us = np.arange(len(item_ids)) * 1_000_000
    told = fitted.tell(fitted.features(item_ids, times_us=times_us))
    assert (told["pause_s"] is None) == (not item_ids), "before the first page is no time"
    assert (told["price"] is None) == (item_ids in ([], ["?"])), "no price was seen"
    for name in ("price", "pause_s"):
        if told[name] is not None:
            values = list(told[name].values())
            assert list(told[name]) == [f"{share:g}" for share in SHARES]
            assert values == sorted(values)
            assert values[0] > 0
            assert np.isfinite(values).all()
    assert 0 < told["purchase"] < 1


def test_without_times_no_pause_is_told(fitted: Densities) -> None:
    assert fitted.tell(fitted.features(["p001", "p002"]))["pause_s"] is None


def test_what_never_differed_in_training_says_nothing(fitted: Densities) -> None:
    """The planted log has no step that shows its product again at once, and no unknown price."""
    assert fitted.price is not None
    scale = fitted.price.network.scale
    dead = np.flatnonzero(np.isinf(scale))
    assert len(dead)
    features = fitted.features(["p100", "p130", "p110"])
    columns = features.columns.copy()
    columns[:, dead] += 3
    assert np.array_equal(
        fitted.price.outputs(features), fitted.price.outputs(Features(columns, features.anchors))
    )


def test_a_log_gives_what_it_is_enough_for(planted: Planted) -> None:
    learned, _, prices = planted
    unpriced = PriceList.of(prices.products.item_ids)
    unmarked = learned._replace(marks=np.zeros_like(learned.marks))
    found = fit_densities(unmarked, unpriced, Settings(), epochs={"pause": 1})
    assert (found.price, found.purchase) == (None, None)
    assert found.pause is not None
    assert found.epochs == {"pause": 1}
    told = found.tell(found.features(["p001"]))
    assert (told["price"], told["purchase"]) == (None, None)


def test_one_single_price_is_no_trouble(planted: Planted) -> None:
    learned, _, prices = planted
    same = PriceList.of(prices.products.item_ids, dict.fromkeys(prices.products.item_ids, 20.0))
    found = fit_densities(learned, same, Settings(), epochs={"price": 1, "pause": 1, "purchase": 1})
    told = found.tell(found.features(["p001", "p002"]))
    assert told["price"]["0.5"] == pytest.approx(20, rel=0.2)


def test_small_logs_are_gone_through_more_often_and_the_seed_chooses_the_rest(
    planted: Planted,
) -> None:
    assert planned_epochs(500) == EPOCHS[1]
    assert planned_epochs(300_000) == EPOCHS[0]
    learned, _, prices = planted
    questions = questions_of(learned, prices, GAP_S)["purchase"].take(np.arange(600))
    told: list[dict] = []
    fits = [DensityFit(Settings(), on_epoch=told.append) for _ in range(2)]
    once, again = (fit.purchase(questions) for fit in fits)
    for name, array in once.arrays().items():
        assert np.array_equal(array, again.arrays()[name]), name
    planned = planned_epochs(600)
    assert fits[0].epochs == {"purchase": planned}
    assert [record["epoch"] for record in told] == [*range(1, planned + 1)] * 2
    assert told[planned - 1]["loss"] < told[0]["loss"]
