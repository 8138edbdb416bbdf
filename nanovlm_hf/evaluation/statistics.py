"""Figures with their intervals: bootstrap over items, models compared on the same items.

    bootstrap([7.0, 8.0, 6.0]).format(2)                       # "7.00 [6.00, 8.00], n=3"
    compare(scores_of_a, scores_of_b).difference               # by item, so that hard items weigh on both alike

What is no mean of items but a ratio of their sums, say, is made of `resampled_sums` and goes through `estimate_of`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
DRAWS_AT_ONCE = 4_000_000  # indices in memory: 32 MB
DEFINED = 0.95  # the share of resamples in which a figure has to have a value for an interval


@dataclass(frozen=True)
class Estimate:
    """A figure over `n` items and the ends of its 95% interval.

    They are `None` where there is one item alone, or the figure is undefined in too many resamples: a ratio to what may
    well be nothing.
    """

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


def resampled_sums(table: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the items of a table (items, columns): (columns,), and over draws with replacement: (draws, columns).

    The draws depend on the number of items and the seed alone.
    """
    rng, items = np.random.default_rng(seed), len(table)
    at_once = max(1, DRAWS_AT_ONCE // items)
    drawn = []
    for start in range(0, RESAMPLES, at_once):
        draws = min(at_once, RESAMPLES - start)
        places = rng.integers(0, items, size=(draws, items)) + items * np.arange(draws)[:, None]
        counts = np.bincount(places.ravel(), minlength=draws * items).reshape(draws, items)
        drawn.append(counts @ table)
    return table.sum(0), np.concatenate(drawn)


def estimate_of(value: float, draws: np.ndarray, n: int) -> Estimate:
    """A figure over `n` items, with the percentile interval of 95% of its values over resamples."""
    defined = draws[np.isfinite(draws)]
    if n < 2 or len(defined) < DEFINED * len(draws):
        return Estimate(value, None, None, n)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n)


def comparison_of(value: float, draws: np.ndarray, n: int) -> Comparison:
    """A difference over `n` items, of its values over resamples."""
    estimate = estimate_of(value, draws, n)
    if estimate.low is None:
        return Comparison(estimate, None)
    return Comparison(estimate, float(min(1.0, 2 * min((draws <= 0).mean(), (draws >= 0).mean()))))


def bootstrap(values: Sequence[float] | np.ndarray, seed: int = 0) -> Estimate:
    """The mean of an item's values, resampled.

    Raises:
        ValueError: no values, or undefined ones.
    """
    return estimate_of(*_resampled_means(values, seed))


def compare(first: Mapping[str, float], second: Mapping[str, float], seed: int = 0) -> Comparison:
    """The mean of first - second over the items that both have, resampled as pairs.

    Args:
        first, second: a value an item's key. An item that one of them lacks (unscored, say) counts for neither.

    Raises:
        ValueError: no item in common, or undefined values.
    """
    common = [key for key in first if key in second]
    if not common:
        raise ValueError(f"Nothing to compare: {len(first)} and {len(second)} items, none of them in both.")
    return comparison_of(*_resampled_means([first[key] - second[key] for key in common], seed))


def _resampled_means(values: Sequence[float] | np.ndarray, seed: int) -> tuple[float, np.ndarray, int]:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"A mean needs one defined number an item; got {values.shape}, {np.isnan(values).sum()} undefined: leave "
            "unscored items out, so that n tells how many there are."
        )
    total, drawn = resampled_sums(values[:, None], seed)
    return float(total[0]) / len(values), drawn[:, 0] / len(values), len(values)
