"""Shares and quantiles of mixtures without scipy: what the service says of prices and pauses."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.models.families.family import Parameters
from recommender.models.families.special import mills_ratio, upper_tail
from recommender.models.mixture import Mixture

_HALVINGS = 50
_REACH = 9.0
"""Scales from a component's middle within which its quantiles are looked for."""


class _Components(NamedTuple):
    """Outputs as the components of one target, read once for many points.

    Attributes:
        weights: Shape (n, 1, n_components): the points asked about come between.
        own: Parameters of the components, each of the shape of the weights.
    """

    weights: NDArray[np.float64]
    own: Parameters

    def share(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mass at or below points, for log-normals below their logarithms; both (n, m)."""
        of_component = _truncated if "low" in self.own else _gaussian
        of_each = self.weights * of_component(self.own, points[:, :, None])
        shares: NDArray[np.float64] = of_each.sum(axis=2)
        return shares

    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points between which all the mass lies but what nobody asks for, each (n, 1).

        Beyond a bound that cuts a normal's tail, the tail falls faster than the normal itself does
        from its mean on: the same reach is enough, counted from the bound.
        """
        middles, reach = middles_of(self.own), _REACH * self.own["scale"]
        low = within_bounds(self.own, middles - reach)
        high = within_bounds(self.own, middles + reach)
        return low.min(axis=2), high.max(axis=2)


def middles_of(own: Parameters) -> NDArray[np.float64]:
    """Means of components; of one cut to an interval without its mean, the nearer bound."""
    return within_bounds(own, own["mean"])


def within_bounds(own: Parameters, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points, those outside of their component's bounds moved to the bound; any shapes."""
    if "low" not in own:
        return points
    inside: NDArray[np.float64] = np.clip(points, own["low"], own["high"])
    return inside


def cumulative(
    mixture: Mixture, outputs: NDArray[Any], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Chance of at most y, of mixtures of Gaussian, truncated Gaussian or log-normal.

    Args:
        mixture: Of one target.
        outputs: Of the network, shape (n, n_outputs).
        y: Points, shape (n, m).

    Returns:
        Shape (n, m).
    """
    points = np.asarray(y, np.float64)
    return _components(mixture, outputs).share(np.log(points) if _of_log(mixture) else points)


def quantiles(
    mixture: Mixture, outputs: NDArray[Any], shares: Sequence[float]
) -> NDArray[np.float64]:
    """The y below which each share lies, by halving; families as of `cumulative`.

    Returns:
        Shape (n, n_shares).
    """
    components = _components(mixture, outputs)
    wanted = np.broadcast_to(np.asarray(shares), (len(outputs), len(shares)))
    low, high = (np.repeat(end, wanted.shape[1], axis=1) for end in components.ends())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = components.share(middle) >= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.exp(high) if _of_log(mixture) else high


def _components(mixture: Mixture, outputs: NDArray[Any]) -> _Components:
    found = np.asarray(outputs, np.float64)
    weights = np.exp(mixture.log_weights(found))[:, None, :]
    own = {name: value[:, None, :, 0] for name, value in mixture.parameters(found).items()}
    return _Components(weights, own)


def _of_log(mixture: Mixture) -> bool:
    return mixture.family.name == "log_normal"


def gaussian_share(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mass of the standard normal at or below z, any shape."""
    tail = upper_tail(np.abs(z))
    share: NDArray[np.float64] = np.where(z < 0, tail, 1 - tail)
    return share


def _gaussian(own: Parameters, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return gaussian_share((points - own["mean"]) / own["scale"])


def _truncated(own: Parameters, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seen from the bound that is nearer to the mean, so that tails do not cancel."""
    low, high = ((own[name] - own["mean"]) / own["scale"] for name in ("low", "high"))
    z = np.clip((points - own["mean"]) / own["scale"], low, high)
    mirrored = low + high < 0
    near, far = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    share = _from_bound(near, np.where(mirrored, -z, z)) / _from_bound(near, far)
    return np.where(mirrored, 1 - share, share)


def _from_bound(near: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mass of a standard normal between two points, in units of the mass above the first."""
    ahead, beyond = np.maximum(near, 0), np.maximum(z, 0)
    in_tail = mills_ratio(beyond) / mills_ratio(ahead)
    in_tail = 1 - in_tail * np.exp(-0.5 * (beyond - ahead) * (beyond + ahead))
    above = np.where(near < 0, 1 - upper_tail(np.abs(near)), 1.0)
    rest = np.where(z < 0, 1 - upper_tail(np.abs(z)), upper_tail(np.abs(z)))
    share: NDArray[np.float64] = np.where(near < 0, (above - rest) / above, in_tail)
    return share
