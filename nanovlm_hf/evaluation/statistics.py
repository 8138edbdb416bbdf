"""Figures with their intervals: bootstrap over items, models compared on the same items.

bootstrap([7.0, 8.0, 6.0]).format(2)                       # "7.00 [6.00, 8.00], n=3"
compare(scores_of_a, scores_of_b).difference               # by item, so that hard items weigh on both alike
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
DRAWS_AT_ONCE = 4_000_000  # indices in memory: 32 MB


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` items and the ends of its 95% interval, which one item alone does not have (`None`)."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def format(self, digits: int = 3) -> str:
        """Such as "0.213 [0.190, 0.236], n=568"."""
        if self.low is None or self.high is None:
            return f"{self.mean:.{digits}f} [no interval], n={self.n}"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}], n={self.n}"


@dataclass(frozen=True)
class Comparison:
    """Mean difference of two models over the items that both have.

    `reversed_share` is like a two-sided p: twice the share of resamples in which the difference is zero or points the
    other way, at most 1.
    """

    difference: Estimate
    reversed_share: float | None


def bootstrap(
    values: Sequence[float] | np.ndarray,
    weights: Sequence[float] | np.ndarray | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The mean of an item's values with a percentile interval of 95%.

    Args:
        values: one an item.
        weights: one an item, where the mean is a ratio of sums: values in nats per token with tokens as weights give
            the nats per token of all items together.
        seed: of the resampling.

    Raises:
        ValueError: no values, undefined ones, or weights that do not fit.
    """
    values, weights = _checked(values, weights)
    mean, means = _resampled(values, weights, seed, resamples)
    return _estimate(mean, means, len(values))


def compare(
    first: Mapping[str, float], second: Mapping[str, float], seed: int = 0, resamples: int = RESAMPLES
) -> Comparison:
    """The mean of first - second over the items that both have, resampled as pairs.

    Args:
        first, second: a value an item's key. An item that one of them lacks (unscored, say) counts for neither.

    Raises:
        ValueError: no item in common, or undefined values.
    """
    common = [key for key in first if key in second]
    if not common:
        raise ValueError(f"Nothing to compare: {len(first)} and {len(second)} items, none of them in both.")
    values, weights = _checked([first[key] - second[key] for key in common], None)
    mean, means = _resampled(values, weights, seed, resamples)
    estimate = _estimate(mean, means, len(values))
    if estimate.low is None:
        return Comparison(estimate, None)
    return Comparison(estimate, float(min(1.0, 2 * min((means <= 0).mean(), (means >= 0).mean()))))


def _checked(values, weights) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"A mean needs one defined number an item; got {values.shape}, {np.isnan(values).sum()} undefined: leave "
            "unscored items out, so that n tells how many there are."
        )
    if weights.shape != values.shape or not (weights >= 0).all() or not weights.sum() > 0:
        raise ValueError(f"{weights.shape} weights for {values.shape} values: one an item, none below 0, some above.")
    return values, weights


def _resampled(values: np.ndarray, weights: np.ndarray, seed: int, resamples: int) -> tuple[float, np.ndarray]:
    """The mean, and the means of `resamples` draws of as many items with replacement: (resamples,)."""
    rng, n = np.random.default_rng(seed), len(values)
    weighted = values * weights
    at_once = max(1, DRAWS_AT_ONCE // n)
    means = []
    for start in range(0, resamples, at_once):
        drawn = rng.integers(0, n, size=(min(at_once, resamples - start), n))
        totals = weights[drawn].sum(1)
        means.append(weighted[drawn].sum(1)[totals > 0] / totals[totals > 0])
    return float(weighted.sum() / weights.sum()), np.concatenate(means)


def _estimate(mean: float, means: np.ndarray, n: int) -> Estimate:
    if n < 2:
        return Estimate(mean, None, None, n)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(mean, float(low), float(high), n)
