"""Special functions that stay accurate in float32, in the tails too, with finite gradients.

Branches that are not taken get a harmless input instead of their own: a gradient through `where` is
0 times the other branch's, and 0 times infinity is no number.
"""

import math

import numpy as np

from recommender.models.families.arrays import Array, matching, operations

LOG_SQRT_2_PI = 0.5 * math.log(2 * math.pi)

_MILLS_MIDDLE = 4.0
_MILLS = (
    1.1832619142,
    -0.2423996532,
    0.0350919185,
    0.0716899901,
    -0.0807086339,
    0.0449631358,
    -0.012535248,
    -0.0007300993,
    0.0017303342,
    -0.0002119455,
    -0.0002020174,
    3.15047e-05,
    1.88014e-05,
)
_STIRLING_SHIFT = 4
_NARROW = 1.0
_NODES, _SHARES = np.polynomial.legendre.leggauss(8)
_NODES, _SHARES = (_NODES + 1) / 2, _SHARES / 2


def softplus(x: Array) -> Array:
    """log(1 + exp x), with its gradient, also at 0."""
    ops = operations(x)
    positive = x > 0
    rest = ops.log1p(ops.exp(ops.where(positive, -x, x)))
    return ops.where(positive, x, 0.0) + rest


def inverse_softplus(y: Array) -> Array:
    """The x > -20 whose softplus is y > 0."""
    ops = operations(y)
    y = ops.maximum(y, 1e-8)
    return y + ops.log(-ops.expm1(-y))


def log_sigmoid(x: Array) -> Array:
    """Log of 1 / (1 + exp -x)."""
    return -softplus(-x)


def log_sum_exp(values: Array, axis: int = -1) -> Array:
    """Log Σ exp along an axis; minus infinity where all are."""
    ops = operations(values)
    top = ops.max(values, axis=axis, keepdims=True)
    top = ops.where(ops.isfinite(top), top, 0.0)
    total = ops.sum(ops.exp(values - top), axis=axis)
    none = total <= 0
    total = ops.log(ops.where(none, 1.0, total)) + ops.sum(top, axis=axis)
    return ops.where(none, -math.inf, total)


def log_softmax(values: Array) -> Array:
    """Logarithms of shares that sum to one along the last axis."""
    ops = operations(values)
    shifted = values - ops.max(values, axis=-1, keepdims=True)
    return shifted - ops.log(ops.sum(ops.exp(shifted), axis=-1, keepdims=True))


def log_ratio(x: Array, y: Array) -> Array:
    """log(x / y) of positive numbers, without loss where they are near."""
    ops = operations(x)
    relative = (x - y) / y
    near = ops.abs(relative) < 0.5
    close = ops.log1p(ops.where(near, relative, 0.0))
    return ops.where(near, close, ops.log(x) - ops.log(y))


def mills_ratio(x: Array) -> Array:
    """(1 - Φ(x)) / φ(x) for x >= 0, to 2e-9 of itself; falls from 1.25 to 1 / x.

    A polynomial in (x - 4) / (x + 4) for (1 + x) times the ratio, fitted at Chebyshev points.

    Source: the change of variable of Shepherd, Laframboise (1981), "Chebyshev Approximation of
    (1 + 2x) exp(x²) erfc x".
    """
    place = (x - _MILLS_MIDDLE) / (x + _MILLS_MIDDLE)
    total = _MILLS[-1] + 0.0 * place
    for coefficient in reversed(_MILLS[:-1]):
        total = total * place + coefficient
    return total / (1.0 + x)


def upper_tail(x: Array) -> Array:
    """1 - Φ(x) for x >= 0."""
    ops = operations(x)
    return mills_ratio(x) * ops.exp(-0.5 * x * x - LOG_SQRT_2_PI)


def log_normal_cdf(x: Array) -> Array:
    """Log Φ(x)."""
    ops = operations(x)
    below = x < 0
    far = ops.where(below, -x, 0.0)
    lower = ops.log(mills_ratio(far)) - 0.5 * far * far - LOG_SQRT_2_PI
    return ops.where(below, lower, ops.log1p(-upper_tail(ops.where(below, 0.0, x))))


def log_truncated_normal(from_low: Array, to_high: Array, low: Array, high: Array) -> Array:
    """Log density of a standard normal cut to [low, high], at a point inside.

    Nothing here subtracts large numbers that are nearly equal: the density is written from the
    bound nearer to 0 on, so that low = 1000 is as accurate as low = -1.

    Args:
        from_low: How far the point lies above `low`, >= 0.
        to_high: How far it lies below `high`, >= 0.
        low: Lower bound.
        high: Upper bound, more than `low`.
    """
    ops = operations(from_low)
    width = from_low + to_high
    mirrored = low + high < 0
    near = ops.where(mirrored, -high, low)
    step = ops.where(mirrored, to_high, from_low)
    fall = ops.maximum(near, 0.0) * width + 0.5 * width * width
    narrow = fall <= _NARROW
    tail = ops.logical_and(ops.logical_not(narrow), near > 0)
    around = ops.logical_not(ops.logical_or(narrow, tail))
    # Both bounds seen from 0; the other one is never the nearer, so neither is negative.
    ends = ops.stack([
        ops.where(tail, near, ops.where(around, -near, 1.0)),
        ops.where(narrow, 1.0, near + width),
    ])  # fmt: skip
    ratios = mills_ratio(ends)
    tail_mass = ratios[0] - ops.exp(ops.where(tail, -fall, 0.0)) * ratios[1]
    log_mass = ops.where(
        narrow,
        _log_narrow_mass(ops.where(narrow, near, 0.0), ops.where(narrow, width, 1.0)),
        ops.log(ops.where(tail, tail_mass, 1.0)),
    )
    from_near = -step * (near + 0.5 * step) - log_mass
    square = ops.where(around, ends, 0.0) ** 2
    beyond = ops.sum(ratios * ops.exp(-0.5 * square - LOG_SQRT_2_PI), axis=0)
    from_middle = -0.5 * ops.where(around, near + step, 0.0) ** 2 - LOG_SQRT_2_PI
    from_middle = from_middle - ops.log1p(-ops.where(around, beyond, 0.0))
    return ops.where(around, from_middle, from_near)


def _log_narrow_mass(near: Array, width: Array) -> Array:
    """Log ∫ exp(-near s - s²/2) ds over [0, width], where that hardly falls; by quadrature."""
    ops = operations(near)
    step = width[..., None] * matching(_NODES, width)
    falls = ops.exp(-step * (near[..., None] + 0.5 * step))
    return ops.log(width) + ops.log(ops.sum(falls * matching(_SHARES, width), axis=-1))


def stirling_rest(x: Array) -> Array:
    """What log Γ(x) has over Stirling's (x - 1/2) log x - x + log √(2π); x > 0.

    Four steps of Γ(x + 1) = x Γ(x), then three terms of the series.
    """
    ops = operations(x)
    rest = 0.0 * x
    for step in range(_STIRLING_SHIFT):
        rest = rest + ((x + step + 0.5) * ops.log1p(1.0 / (x + step)) - 1.0)
    inverse = 1.0 / (x + _STIRLING_SHIFT)
    square = inverse * inverse
    return rest + inverse * (1 / 12 - square * (1 / 360 - square / 1260))


def log_gamma(x: Array) -> Array:
    """Log Γ(x) for x > 0."""
    ops = operations(x)
    return (x - 0.5) * ops.log(x) - x + LOG_SQRT_2_PI + stirling_rest(x)
