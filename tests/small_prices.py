"""A price density made by hand: around each price seen, a bell of the same width."""

import numpy as np

from recommender.data.vocabulary import Vocabulary
from recommender.densities.features import features_of
from recommender.densities.network import DensityNetwork
from recommender.densities.price import PriceDensity, price_mixture
from recommender.densities.visits import PriceList, Visits, whole_visits
from recommender.models.families.special import inverse_softplus

SCALE = 0.1
TYPICAL = 50.0


def small_density(scale: float = SCALE) -> PriceDensity:
    """Says of one seen price p: log-normal around p; before any price, around `TYPICAL`.

    Every seen price has the same weight, and the newest that of the free component besides.
    """
    mixture = price_mixture("gaussian", 1, np.log([10.0, 100.0, 1000.0]))
    nothing = PriceList(Vocabulary([]), np.zeros(0, np.float32))
    visits = Visits(np.zeros(0, np.int32), np.zeros(2, np.int64))
    n_features = features_of(whole_visits(visits), nothing).columns.shape[1]
    n_outputs, family = mixture.n_outputs, mixture.family
    bias = np.zeros(n_outputs, np.float32)
    bias[mixture.n_components + 1 :: family.n_raw] = inverse_softplus(np.float64(scale - 0.02))
    network = DensityNetwork(
        center=np.zeros(n_features, np.float32),
        scale=np.ones(n_features, np.float32),
        widen_kernel=np.zeros((n_features, 1), np.float32),
        widen_bias=np.zeros(1, np.float32),
        mix_kernel=np.zeros((1, 1), np.float32),
        mix_bias=np.zeros(1, np.float32),
        out_kernel=np.zeros((1 + n_features, n_outputs), np.float32),
        out_bias=bias,
    )
    return PriceDensity(network, mixture, float(np.log(TYPICAL)))
