"""The price of a product joined with what a model says."""

from dataclasses import replace

import numpy as np
import pytest

from recommender.data.examples import select_sessions, sessions_from_lists
from recommender.data.steps import SessionLog
from recommender.data.vocabulary import Vocabulary
from recommender.densities.densities import Densities
from recommender.densities.price_fit import ALONE, Powers, PriceFit
from recommender.densities.price_powers import likeliest_powers
from recommender.densities.visits import PriceList
from recommender.models.certainty_training import calibration_questions, is_in_list
from recommender.models.mdn import Mdn
from recommender.models.popularity import Popularity
from recommender.models.softmax import Softmax
from recommender.settings import Settings

Planted = tuple[SessionLog, SessionLog, PriceList]
QUICK = Settings.model_validate(
    {"model": {"start": "random"}, "softmax": {"variant": "plain", "dim": 8, "epochs": 1}}
)


@pytest.fixture(scope="module")
def fit(fitted: Densities, planted: Planted) -> PriceFit:
    learned, _, prices = planted
    assert fitted.price is not None
    return PriceFit(fitted.price, prices, Vocabulary(learned.item_ids))


@pytest.fixture
def model(planted: Planted) -> Softmax:
    learned, _, _ = planted
    return Softmax(400, QUICK).fit(learned.sessions, None)


def test_a_price_fits_as_well_as_its_density_says(fit: PriceFit, fitted: Densities) -> None:
    assert fitted.price is not None
    fits = fit.fits(sessions_from_lists([[100, 130, 110], []]))
    assert fits.shape == (2, 400)
    assert fits.dtype == np.float32
    features = fitted.features(["p100", "p130", "p110"])
    rounded = np.round(fit.prices.log_prices.astype(np.float64) / 0.005) * 0.005
    own = fitted.price.log_prob_at(features, rounded)[0]
    assert fits[0] == pytest.approx(np.maximum(own, -8), abs=1e-3)
    assert fits[0, 110] > fits[0, 300] + 2
    assert not fits[1].any(), "before the first page nothing is known"


def test_products_without_a_price_fit_as_the_mean_does(fit: PriceFit) -> None:
    log_prices = fit.prices.log_prices.copy()
    log_prices[[3, 7]] = np.nan
    poor = PriceFit(fit.density, PriceList(fit.prices.products, log_prices), fit.vocabulary)
    fits = poor.fits(sessions_from_lists([[100, 110]]))[0]
    assert fits[[3, 7]] == pytest.approx([np.delete(fits, [3, 7]).mean()] * 2, rel=1e-4)
    stranger = PriceFit(fit.density, fit.prices, Vocabulary(["p100", "new"]))
    known, unknown = stranger.fits(sessions_from_lists([[1]]))[0]
    assert unknown == pytest.approx(known), "the mean of one"


def test_held_out_visits_choose_the_powers(fit: PriceFit, planted: Planted, model: Softmax) -> None:
    _, judged, prices = planted
    powers = likeliest_powers(model, fit, judged.sessions)
    assert 0.3 < powers.price < 2, "visits keep to a price"

    anywhere = sessions_from_lists(np.random.default_rng(0).integers(0, 400, (300, 4)).tolist())
    assert likeliest_powers(model, fit, anywhere) == ALONE
    one_price = PriceList(prices.products, np.full_like(prices.log_prices, 3.0))
    same = PriceFit(fit.density, one_price, fit.vocabulary)
    assert likeliest_powers(model, same, judged.sessions) == ALONE, "it tells products not apart"


def test_visits_are_told_how_well_prices_fit(fitted: Densities) -> None:
    features = fitted.features(["p100", "p130", "p110"])
    near, far, unknown = fitted.price_fits(features, ["p110", "p390", "nowhere"])
    assert near is not None
    assert far is not None
    assert near > 3
    assert far < 0.2
    assert unknown is None
    everywhere = fitted.price_fits(features, fitted.prices.products.item_ids)
    assert np.mean([factor for factor in everywhere if factor is not None]) == pytest.approx(1)
    assert replace(fitted, price=None).price_fits(features, ["p110"]) == [None]


def test_the_summit_is_where_newton_says(fit: PriceFit, planted: Planted, model: Softmax) -> None:
    _, judged, _ = planted
    powers = likeliest_powers(model, fit, judged.sessions)
    visits = sessions_from_lists([judged.sessions.session(row)[:-1] for row in range(300)])
    wanted = [int(judged.sessions.session(row)[-1]) for row in range(300)]

    def log_likelihood(own: float, price: float) -> float:
        told = fit.with_powers(Powers(own, price))(model.scores(visits), visits)
        return float(told[np.arange(300), wanted].sum())

    # Of the last steps alone the summit lies elsewhere, but not far.
    best = log_likelihood(*powers)
    for other in (ALONE, Powers(powers.own, 3 * powers.price), Powers(0.3 * powers.own, 0.0)):
        assert best > log_likelihood(*other)


def test_a_blend_moves_the_ranking_and_chances_sum_to_one(fit: PriceFit, model: Softmax) -> None:
    visits = sessions_from_lists([[100, 130, 110], [20]])
    before = model.scores(visits)
    model.blend = fit.with_powers(Powers(0.8, 0.5))
    after = model.scores(visits)
    assert np.exp(after).sum(axis=1) == pytest.approx([1, 1], abs=1e-4)
    apart = after - 0.8 * before - 0.5 * fit.fits(visits)
    assert apart == pytest.approx(np.broadcast_to(apart[:, :1], apart.shape), abs=1e-4)
    assert (after.argsort(axis=1) != before.argsort(axis=1)).any()


def test_certainty_is_learned_anew_with_a_blend(
    fit: PriceFit, planted: Planted, model: Softmax
) -> None:
    _, judged, _ = planted
    first, second = (
        select_sessions(judged.sessions, np.arange(half, judged.sessions.n_sessions, 2))
        for half in (0, 1)
    )
    model.calibrate(first)
    alone = model.carried_["certainty_weights"]
    model.blend = fit.with_powers(Powers(0.2, 1.0))
    model.calibrate(first)
    assert not np.allclose(model.carried_["certainty_weights"], alone)
    promised, came = [], []
    for sessions, targets in calibration_questions(second):
        scores = model.scores(sessions)
        certainty = model.certainty(scores, sessions)
        assert certainty is not None
        promised.append(certainty)
        came.append(is_in_list(scores, sessions, targets))
    assert np.concatenate(promised).mean() == pytest.approx(np.concatenate(came).mean(), abs=0.05)


def test_intents_show_what_prices_leave_of_them(fit: PriceFit, planted: Planted) -> None:
    learned, _, _ = planted
    settings = QUICK.model_copy(update={"mdn": QUICK.mdn.model_copy(update={"variant": "plain"})})
    model = Mdn(400, settings).fit(learned.sessions, None)
    visit = np.array([100, 130, 110])
    (alone, *_), model.blend = model.intents(visit, 20), fit.with_powers(Powers(0.01, 1.0))
    blended = model.intents(visit, 20)[0].items
    fits = fit.fits(sessions_from_lists([visit.tolist()]))[0]
    assert fits[blended].mean() > fits[alone.items].mean() + 1


def test_who_gives_no_log_probabilities_takes_no_blend() -> None:
    assert Softmax.takes_blend
    assert not Popularity.takes_blend
