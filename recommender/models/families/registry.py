"""The families by name, and a family from what was saved of it."""

from collections.abc import Mapping
from typing import Any

from recommender.models.families.bernoulli import Bernoulli
from recommender.models.families.beta import Beta
from recommender.models.families.categorical import Categorical
from recommender.models.families.chi_squared import ChiSquared
from recommender.models.families.family import Family
from recommender.models.families.gaussian import Gaussian
from recommender.models.families.log_normal import LogNormal
from recommender.models.families.truncated_gaussian import TruncatedGaussian

FAMILIES: dict[str, type[Family]] = {
    family.name: family
    for family in (
        Gaussian,
        TruncatedGaussian,
        Beta,
        Bernoulli,
        ChiSquared,
        LogNormal,
        Categorical,
    )
}


def family_from_config(config: Mapping[str, Any]) -> Family:
    """The family that gave this `config()`.

    Raises:
        ValueError: If its name is none of `FAMILIES`.

    Example:
        >>> family_from_config({"name": "gaussian", "smallest_scale": 0.02})
        Gaussian(smallest_scale=0.02)
    """
    options = dict(config)
    name = options.pop("name", None)
    if name not in FAMILIES:
        raise ValueError(f"name must be one of {', '.join(FAMILIES)}; got {name!r}")
    return FAMILIES[name](**options)
