"""Milliseconds that serving takes to score a catalog for one session, on one core.

The arrays have a served network's shapes and random numbers: time depends on shapes alone.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.content import ContentVectors, Description, TermWeights
from recommender.cold.start import ColdStart
from recommender.data.examples import Sessions, sessions_from_lists
from recommender.data.vocabulary import Vocabulary
from recommender.densities.features import features_of
from recommender.densities.network import DensityNetwork
from recommender.densities.price import PriceDensity, price_mixture
from recommender.densities.price_fit import Powers, PriceFit
from recommender.densities.visits import PriceList, visit_of_ids, whole_visits
from recommender.models.mdn import Mdn
from recommender.models.ranker import FEATURES_VERSION
from recommender.models.softmax import Softmax
from recommender.models.topk import top_k
from recommender.settings import Settings

N_ITEMS, DIM, HIDDEN, WINDOW, N_COMPONENTS = 10_000, 80, 160, 20, 4
RANKER_FEATURES, RANKER_HIDDEN, PRICE_HIDDEN = 26, 32, 64
LENGTH, K = 5, 20
N_COLD, MAX_COLD = 1_000, 2
POWERS = Powers(0.9, 0.2)
ROUNDS, QUERIES_A_ROUND = 40, 10

Query = Callable[[Sessions], object]


def bench_scoring() -> list[dict[str, Any]]:
    """Median milliseconds a query, beside one product of the table with a vector."""
    # BLAS reads the number of threads when it is loaded: a process of its own has one.
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.bench.scoring"]
    told = subprocess.run(command, env=alone, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(told)
    peer_ms = found.pop("peer")
    return [
        {
            "name": f"{name}, {N_ITEMS:,} items",
            "value": round(ms, 3),
            "unit": "ms",
            "peer": "table @ vector",
            "peer_value": round(peer_ms, 3),
            "ratio": ms / peer_ms,
        }
        for name, ms in found.items()
    ]


def measured() -> dict[str, float]:
    """Median milliseconds by name; they take turns, so that a busy core is busy for all."""
    random = np.random.default_rng(0)
    queries = served(random)
    times: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(ROUNDS):
        for name, query in queries.items():
            for _ in range(QUERIES_A_ROUND):
                session = sessions_from_lists([random.integers(N_ITEMS, size=LENGTH).tolist()])
                started = time.perf_counter()
                query(session)
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(own) for name, own in times.items()}


def served(random: np.random.Generator) -> dict[str, Query]:
    """What is asked, by name; `peer` is the product that nothing can do without."""
    arrays, second_stage = network_arrays(random), second_stage_arrays(random)
    sure = second_stage | {"certainty_weights": _normal(random, 4)}
    settings = Settings.model_validate({"mdn": {"components": N_COMPONENTS}})
    priced = Mdn.from_arrays(arrays | sure, settings)
    priced.blend = price_fit(random)
    mixture, table = f"mdn of {N_COMPONENTS}", np.ascontiguousarray(arrays["table"])
    return {
        "peer": lambda _: table @ table[0],
        "softmax:plain": _answer(Softmax.from_arrays(arrays, settings)),
        "softmax, second stage": _answer(Softmax.from_arrays(arrays | second_stage, settings)),
        f"{mixture}, second stage": _answer(Mdn.from_arrays(arrays | second_stage, settings)),
        f"{mixture}, second stage, certainty": _answer(Mdn.from_arrays(arrays | sure, settings)),
        f"{mixture}, second stage, certainty, prices": _answer(priced),
        f"{mixture}, second stage, certainty, prices, {N_COLD:,} cold": _with_cold(priced, random),
    }


def _answer(model: Softmax) -> Query:
    """The work of an answer that grows with the catalog."""
    allowed = np.ones(N_ITEMS, np.bool_)

    def query(session: Sessions) -> object:
        scores = model.scores(session)
        return top_k(scores, K, allowed), model.certainty(scores, session)

    return query


def _with_cold(model: Softmax, random: np.random.Generator) -> Query:
    """The same, and the best of the products that nobody has clicked yet."""
    terms = TermWeights([f"t:{number}" for number in range(N_COLD)], np.ones(N_COLD, np.float32))
    content = ContentVectors(terms, _normal(random, N_COLD, DIM), _normal(random, DIM))
    cold = ColdStart(content, strength=1.0, scale=0.7, level=0.0)
    vectors = cold.vectors([Description(str(number)) for number in range(N_COLD)])
    allowed, warm = np.ones(N_COLD, np.bool_), _answer(model)

    def query(session: Sessions) -> object:
        found = warm(session)
        best, _ = top_k(cold.scores(model, session, vectors), MAX_COLD, allowed)
        return found, best, model.reasons_beyond(session.items, vectors[best[0]])

    return query


def network_arrays(random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Of a mixture; a network with one vector takes those that it knows."""
    shapes = {
        "table": (N_ITEMS, DIM), "age_logits": (WINDOW,), "gate": (1,),
        "widen_kernel": (2 * DIM, HIDDEN), "widen_bias": (HIDDEN,),
        "narrow_kernel": (HIDDEN, DIM), "narrow_bias": (DIM,),
        "demand": (N_ITEMS, 5), "demand_weights": (5,),
        "return_by_age": (WINDOW,), "return_by_hidden": (HIDDEN, WINDOW), "return_by_count": (5,),
        "attention": (1,), "weight_by_age": (WINDOW,), "weight_by_hidden": (HIDDEN,),
    }  # fmt: skip
    arrays = {name: _normal(random, *shape) for name, shape in shapes.items()}
    return {**arrays, "demand": arrays["demand"].astype(np.float16), "temperature": np.array(0.08)}


def second_stage_arrays(random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Of a ranker without a partner."""
    shapes = {
        "widen_kernel": (RANKER_FEATURES, RANKER_HIDDEN), "widen_bias": (RANKER_HIDDEN,),
        "mix_kernel": (RANKER_HIDDEN, RANKER_HIDDEN), "mix_bias": (RANKER_HIDDEN,),
        "narrow_kernel": (RANKER_HIDDEN,), "line": (RANKER_FEATURES,),
    }  # fmt: skip
    arrays = {f"ranker_{name}": _normal(random, *shape) for name, shape in shapes.items()}
    returns = _normal(random, N_ITEMS).astype(np.float16)
    return {**arrays, "returns": returns, "features_version": np.array(FEATURES_VERSION)}


def price_fit(random: np.random.Generator) -> PriceFit:
    """Of a shop whose prices lie between a few euros and a few hundred."""
    item_ids = [f"p{row}" for row in range(N_ITEMS)]
    prices = np.exp(random.normal(3.5, 0.8, N_ITEMS)).round(2)
    listed = PriceList.of(item_ids, dict(zip(item_ids, prices.tolist(), strict=True)))
    mixture = price_mixture("gaussian", 4, np.log(prices))
    page = whole_visits(visit_of_ids(item_ids[:1], listed.products))
    n_features, hidden = features_of(page, listed).columns.shape[1], PRICE_HIDDEN
    network = DensityNetwork(
        center=_normal(random, n_features), scale=np.ones(n_features, np.float32),
        widen_kernel=_normal(random, n_features, hidden), widen_bias=_normal(random, hidden),
        mix_kernel=_normal(random, hidden, hidden), mix_bias=_normal(random, hidden),
        out_kernel=_normal(random, hidden + n_features, mixture.n_outputs),
        out_bias=_normal(random, mixture.n_outputs),
    )  # fmt: skip
    return PriceFit(PriceDensity(network, mixture, 3.5), listed, Vocabulary(item_ids), POWERS)


def _normal(random: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return random.normal(scale=0.1, size=shape).astype(np.float32)


if __name__ == "__main__":
    json.dump(measured(), sys.stdout)
