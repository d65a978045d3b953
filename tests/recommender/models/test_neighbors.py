"""The neighbors' formulas by hand, what each variant finds, and the search of parameters."""

from math import exp, log, log10, sqrt
from typing import Any

import numpy as np
import pytest

from recommender.data.examples import Sessions, sessions_from_lists
from recommender.errors import DataError
from recommender.models.metrics import UNKNOWN, hits, reciprocal_ranks
from recommender.models.neighbors import Neighbors
from recommender.models.neighbors_choice import choose_parameters, target_ranks
from recommender.models.neighbors_index import build_index
from recommender.models.neighbors_variants import (
    CHOICES,
    NO_DECAY,
    default_parameters,
    weights_of,
)
from recommender.models.topk import NOTHING, top_k
from recommender.settings import Settings

A, B, C, D, E, F = range(6)
TRAIN = sessions_from_lists([[A, B, C], [B, D, B], [A, A, E, C], [F, D], [D]])._replace(
    times_us=np.array([0, 25, 50, 100, 100], np.int64)
)


def fitted(train: Sessions = TRAIN, n_items: int = 6, **parameters: Any) -> Neighbors:
    """Neighbors whose every parameter is given or at its default."""
    settings = Settings.model_validate({"neighbors": parameters})
    return Neighbors(n_items, settings).fit(train)


def scores(model: Neighbors, *session: int) -> dict[int, float]:
    row = model.scores(sessions_from_lists([session]))[0]
    return {int(item): float(row[item]) for item in np.flatnonzero(np.isfinite(row))}


def test_s_knn_is_the_cosine_of_two_sets() -> None:
    expected_1, expected_2, expected_3 = 2 / sqrt(6), 1 / sqrt(4), 1 / sqrt(6)
    assert scores(fitted(variant="s_knn"), A, B) == pytest.approx(
        {
            A: expected_1 + expected_3,
            B: expected_1 + expected_2,
            C: expected_1 + expected_3,
            D: expected_2,
            E: expected_3,
        }
    )


def test_vs_knn_weighs_by_position_and_idf() -> None:
    """Two positions of three: A counts 1/3, B 1; B is matched at the first step from the end."""
    model = fitted(
        variant="vs_knn", weighting="div", weighting_score="quadratic", lambda_idf=2, k=2
    )
    first, second = (1 / 3 + 1) / 3, 1 / 3
    # The third session shares A only and is the third nearest. There are four sessions, since one
    # of a single step tells of no other.
    idf = {A: log(4 / 3), B: log(4 / 3), C: log(4 / 2), D: log(4 / 2)}
    assert scores(model, A, F, B) == pytest.approx(
        {
            A: first * (1 + 2 * idf[A]),
            B: (first + second) * (1 + 2 * idf[B]),
            C: first * (1 + 2 * idf[C]),
            D: second * (1 + 2 * idf[D]),
        }
    )


@pytest.mark.parametrize(
    ("weighting", "weights"),
    [
        ("same", (1, 1)),
        ("div", (1 / 3, 1)),
        ("linear", (0.8, 1)),
        ("quadratic", (1 / 9, 1)),
        ("log", (1 / log10(3.7), 1 / log10(1.7))),
    ],
)
def test_vs_knn_weightings(weighting: str, weights: tuple[float, float]) -> None:
    """A is the first of three steps, B the last; every session has one of them."""
    train = sessions_from_lists([[A, C], [B, D]])
    found = scores(fitted(train, variant="vs_knn", weighting=weighting, weighting_score="same",
                          lambda_idf=0), A, F, B)  # fmt: skip
    assert found == pytest.approx(
        {A: weights[0] / 3, C: weights[0] / 3, B: weights[1] / 3, D: weights[1] / 3}
    )


@pytest.mark.parametrize(
    ("weighting_score", "factor"),
    [
        ("same", 1),
        ("div", 1 / 3),
        ("linear", 0.7),
        ("quadratic", 1 / 9),
        ("log", 1 / log10(4.7)),
    ],
)
def test_vs_knn_factors_of_a_match_three_steps_back(weighting_score: str, factor: float) -> None:
    train = sessions_from_lists([[A, C]])
    found = scores(fitted(train, variant="vs_knn", weighting="same", lambda_idf=0,
                          weighting_score=weighting_score), A, E, F)  # fmt: skip
    assert found == pytest.approx({A: factor / 3, C: factor / 3})


def test_vstan_weighs_positions_session_age_and_places() -> None:
    chosen = {"lambda_spw": 2, "lambda_snh": 0.5, "lambda_ipw": 3, "lambda_inh": 4, "lambda_idf": 1}
    # Query A, B: A has age 1, B age 0.
    a, b = exp(-1 / 2), 1.0
    norm = sqrt(a * a + b * b)
    # The oldest session began a whole period before the end: A at place 0, B 1, C 2.
    first = (a + b) / (norm * sqrt(3)) * exp(-1 / 0.5)
    # B, D, B: three quarters of a period; B's last place is 2, D's 1.
    second = b / (norm * sqrt(2)) * exp(-0.75 / 0.5)
    # A, A, E, C: half a period; shares A only, whose age is 1 and whose last place is 1.
    third = a / (norm * sqrt(3)) * exp(-0.5 / 0.5) * exp(-1 / 3)
    idf = {A: log(4 / 3), B: log(4 / 3), C: log(4 / 2), D: log(4 / 2), E: log(4 / 1)}
    expected = {
        A: first * exp(-1 / 4) + third,
        B: first + second,
        C: first * exp(-1 / 4) + third * exp(-2 / 4),
        D: second * exp(-1 / 4),
        E: third * exp(-1 / 4),
    }
    found = scores(fitted(variant="vstan", **chosen), A, B)
    assert found == pytest.approx({item: expected[item] * (1 + idf[item]) for item in expected})


def test_vstan_by_count_and_without_decay_is_a_plain_count() -> None:
    decays = dict.fromkeys(["lambda_spw", "lambda_snh", "lambda_ipw", "lambda_inh"], 1e12)
    model = fitted(variant="vstan", similarity="vec", lambda_idf=0, **decays)
    assert scores(model, A, B) == pytest.approx({A: 1.5, B: 1.5, C: 1.5, D: 0.5, E: 0.5})


def test_vstan_may_weigh_shared_items_by_their_rarity() -> None:
    """Sessions [A, C] and [B, D] are as near, but of A there is more."""
    train = sessions_from_lists([[B, D], [A, C], [A, E], [A, F]])
    chosen = {"lambda_spw": 1e12, "lambda_snh": 1e12, "lambda_ipw": 1e12, "lambda_idf": 0}
    found = scores(fitted(train, variant="vstan", query_idf=2, **chosen), A, B)
    assert found[D] / found[C] == pytest.approx(log(4 / 1) ** 2 / log(4 / 3) ** 2)


def test_only_the_newest_sessions_are_compared_and_the_most_similar_are_neighbors() -> None:
    train = sessions_from_lists([[A, B, C], [A, B, D], [A, E], [A, F]])
    two_newest = fitted(train, variant="s_knn", sample_size=2)
    assert set(scores(two_newest, A, B)) == {A, E, F}
    two_nearest = fitted(train, variant="s_knn", k=2)
    assert set(scores(two_nearest, A, B)) == {A, B, C, D}
    # Of equally similar ones the newer.
    assert set(scores(fitted(train, variant="s_knn", k=1), A, B)) == {A, B, D}


def test_newer_goes_by_time_where_there_are_times() -> None:
    train = sessions_from_lists([[A, B], [A, C]])._replace(times_us=np.array([9, 3], np.int64))
    assert set(scores(fitted(train, variant="s_knn", sample_size=1), A)) == {A, B}


def test_a_window_forgets_what_is_older() -> None:
    assert set(scores(fitted(variant="s_knn", window=1), A, F)) == {D, F}


def test_the_last_item_may_be_left_out() -> None:
    model = fitted(variant="s_knn", last_item=False)
    assert set(scores(model, A, B)) == {A, C, D, E}
    assert set(scores(model, B, A)) == {B, C, D, E}


# Planted structure, one for each variant.


def test_s_knn_tells_groups_apart_by_what_came_before() -> None:
    """Two groups look at the same product last but one; only whole sessions say what is next."""
    random = np.random.default_rng(0)
    shared, n_groups = 40, 10
    lists = []
    for _ in range(300):
        group = int(random.integers(n_groups))
        lists.append([2 * group, shared, 2 * group + 1])
    model = fitted(sessions_from_lists(lists), 41, variant="s_knn")
    queries = sessions_from_lists([[2 * group, shared] for group in range(n_groups)])
    allowed = np.ones(41, np.bool_)
    allowed[queries.items] = False
    items, _ = model.recommend(queries, 1, allowed)
    assert items[:, 0].tolist() == [2 * group + 1 for group in range(n_groups)]


def test_vs_knn_prefers_what_fits_the_newest_item() -> None:
    """The visitor went over from A to B: what goes with either is as near to the set."""
    train = sessions_from_lists([[B, D], [A, C]] * 5)
    equal = scores(fitted(train, variant="s_knn"), A, B)
    assert equal[C] == pytest.approx(equal[D])
    for newest, other in ((D, C), (C, D)):
        session = (A, B) if newest == D else (B, A)
        found = scores(fitted(train, variant="vs_knn"), *session)
        assert found[newest] > 1.5 * found[other]


def test_vstan_prefers_newer_sessions_and_nearer_places() -> None:
    """C followed A long ago and more often, D does now; F stands behind what E stands beside."""
    train = sessions_from_lists([[A, C]] * 6 + [[A, D]] * 5)
    without_time = scores(fitted(train, variant="vs_knn", lambda_idf=0), A)
    assert without_time[C] > without_time[D]
    with_time = scores(fitted(train, variant="vstan", lambda_snh=0.1, lambda_idf=0), A)
    assert with_time[D] > 2 * with_time[C]
    places = sessions_from_lists([[A, E, B, C, D, F]] * 3)
    found = scores(fitted(places, variant="vstan", lambda_inh=1), A)
    assert found[E] > found[B] > found[C] > found[F]


# What else the model does.


def test_candidates_are_the_best_scores_as_shares() -> None:
    queries = sessions_from_lists([[A, B], [], [D], [F, E, C]])
    model = fitted(variant="vstan")
    items, shares = model.neighbors_scores(queries, 3)
    assert items.shape == shares.shape == (4, 3)
    best, values = top_k(model.scores(queries), 3)
    np.testing.assert_array_equal(items, best)
    kept = items != NOTHING
    assert kept.sum(axis=1).tolist() == [3, 0, 3, 3]
    np.testing.assert_allclose(shares[0], values[0] / values[0].sum(), rtol=1e-6)
    np.testing.assert_array_equal(shares[~kept], 0)


def test_many_queries_are_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    train, queries = (
        sessions_from_lists([random.integers(30, size=random.integers(2, 9)) for _ in range(n)])
        for n in (300, 50)
    )
    model = fitted(train, 30, variant="vstan")
    together = model.scores(queries)
    monkeypatch.setattr("recommender.models.neighbors_search._HOLDERS_AT_ONCE", 500)
    np.testing.assert_allclose(model.scores(queries), together, rtol=1e-6)


def test_reasons_name_the_viewed_item_that_speaks_most() -> None:
    train = sessions_from_lists([[A, C]] * 3 + [[B, D]] * 3 + [[A, B, E]] * 2)
    model = fitted(train, variant="vstan")
    viewed = np.array([A, F, B])
    # C comes by A, D by B, E by both: B is newer. Nobody shares anything with F. Of A and B only
    # the other one speaks.
    reasons = model.reasons(viewed, np.array([C, D, E, F, A, B]))
    assert reasons.tolist() == [0, 2, 2, -1, 2, 0]
    assert model.reasons(np.array([A, C, A]), np.array([C])).tolist() == [2]
    assert model.reasons(np.array([A]), np.array([A])).tolist() == [-1]


def test_reasons_need_no_known_item() -> None:
    assert fitted(sessions_from_lists([[A, B]])).reasons(np.array([F]), np.array([A])).tolist() == [
        -1
    ]


def test_the_index_is_compact_and_holds_every_pair_once() -> None:
    index = build_index(TRAIN, 6)
    assert (index.n_sessions, index.n_items) == (4, 6)
    assert index.items.tolist() == [A, B, C, B, D, A, C, E, D, F]
    assert index.places.tolist() == [0, 1, 2, 2, 1, 1, 3, 2, 1, 0]
    assert index.starts.tolist() == [0, 3, 5, 8, 10]
    assert index.holders.tolist() == [0, 2, 0, 1, 0, 2, 1, 3, 2, 3]
    assert index.holder_places.tolist() == [0, 1, 1, 2, 2, 3, 1, 1, 2, 0]
    assert index.holder_starts.tolist() == [0, 2, 4, 6, 8, 9, 10]
    assert index.ages.tolist() == [1, 0.75, 0.5, 0]
    assert index.places.dtype == np.uint8


def test_long_sessions_have_places_above_255() -> None:
    train = sessions_from_lists([[*range(300), 5]])
    index = build_index(train, 300)
    assert index.places.dtype == np.uint16
    assert index.places[5] == 300
    assert fitted(train, 300).recommend(sessions_from_lists([[7]]), 300)[0].shape == (1, 300)


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(DataError, match="no session has two known products"):
        fitted(sessions_from_lists([[A], [B]]))


# The search of parameters.


def test_ranks_are_those_of_the_full_scores(ring: tuple[Sessions, Sessions]) -> None:
    model = fitted(ring[0], 40, variant="vs_knn", k=20)
    queries = sessions_from_lists([[3], [3, 4], [7, 8, 9]])
    targets = np.array([4, 39, 10], np.int32)
    full = model.scores(queries)
    own = full[np.arange(3), targets]
    expected = np.where(np.isneginf(own), UNKNOWN, (full >= own[:, None]).sum(axis=1))
    np.testing.assert_array_equal(
        target_ranks(model.index_, model.weights_, queries, targets), expected
    )


def test_validation_settles_what_settings_leave_open() -> None:
    """Late sessions follow a new fashion: the search must find that old ones count less."""
    random = np.random.default_rng(3)

    def walks(n_sessions: int, step: int) -> list[list[int]]:
        starts = random.integers(200, size=n_sessions)
        return [[(start + step * n) % 200 for n in range(4)] for start in starts.tolist()]

    train = sessions_from_lists([*walks(900, 1), *walks(150, 7)])
    validation = sessions_from_lists(walks(100, 7))
    trials: list[dict[str, Any]] = []
    settings = Settings.model_validate({"neighbors": {"lambda_idf": 3.0, "k": 77}})
    model = Neighbors(200, settings, on_epoch=lambda record: trials.append(dict(record)))
    model.fit(train, validation)

    assert model.settled_["lambda_snh"] < 0.5
    assert (model.settled_["lambda_idf"], model.settled_["k"]) == (3.0, 77)
    assert model.parameters_ == {"variant": "vstan", **model.settled_}
    assert [trial["trial"] for trial in trials] == list(range(1, len(trials) + 1))
    assert 20 < len(trials) < 100
    # A walk never stays where it is.
    assert model.settled_["last_item"] is False

    def quality(model: Neighbors) -> float:
        queries = sessions_from_lists([[start, (start + 7) % 200] for start in range(200)])
        targets = np.array([(start + 14) % 200 for start in range(200)], np.int32)
        ranks = target_ranks(model.index_, model.weights_, queries, targets)
        return float(hits(ranks, 20).mean() + reciprocal_ranks(ranks, 20).mean())

    plain = Neighbors(200, settings).fit(train)
    assert plain.parameters_["lambda_snh"] == default_parameters("vstan")["lambda_snh"]
    assert quality(model) > quality(plain)
    again = Neighbors(200, settings, settled=model.settled_).fit(train)
    assert again.parameters_ == model.parameters_
    assert Neighbors(200, settings).fit(train, validation).settled_ == model.settled_


def test_a_setting_given_later_wins_over_what_was_settled() -> None:
    settings = Settings.model_validate({"neighbors": {"k": 9}})
    settled = {**default_parameters("vstan"), "k": 200, "lambda_snh": 0.1}
    model = Neighbors(6, settings, settled=settled).fit(TRAIN)
    assert (model.parameters_["k"], model.parameters_["lambda_snh"]) == (9, 0.1)


@pytest.mark.parametrize("variant", list(CHOICES))
def test_every_choice_can_be_set_and_makes_weights(variant: Any) -> None:
    index = build_index(TRAIN, 6)
    for name, values in CHOICES[variant].items():
        for value in values:
            Settings.model_validate({"neighbors": {name: value}})
            weights = weights_of(index, variant, {**default_parameters(variant), name: value})
            assert all(np.isfinite(table).all() for table in weights[:2])
    assert NO_DECAY in CHOICES["vstan"]["lambda_snh"]


def test_the_search_keeps_the_start_where_nothing_is_better() -> None:
    start = default_parameters("s_knn")
    settled = choose_parameters(
        build_index(TRAIN, 6), "s_knn", start, {}, sessions_from_lists([[A, F]])
    )
    assert settled == start
