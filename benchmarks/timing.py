"""Interleaved timings of two ways to do the same, and the interval of their ratio."""

import random
import statistics
import time
from collections.abc import Callable


def interleaved(
    first: Callable[[int], object], second: Callable[[int], object], pairs: int
) -> list[tuple[float, float]]:
    """Seconds of both for `pairs` rounds; who goes first alternates. Each gets the round's number."""
    first(0), second(0)
    timings = []
    for index in range(pairs):
        seconds = {}
        for side in (first, second) if index % 2 == 0 else (second, first):
            start = time.perf_counter()
            side(index)
            seconds[side] = time.perf_counter() - start
        timings.append((seconds[first], seconds[second]))
    return timings


def median_ratio(timings: list[tuple[float, float]], draws: int = 2000) -> tuple[float, float, float]:
    """The median of second / first over the pairs, with a bootstrapped 95% interval: (median, low, high)."""
    ratios = [second / first for first, second in timings]
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(draws))
    return statistics.median(ratios), medians[int(0.025 * draws)], medians[int(0.975 * draws)]
