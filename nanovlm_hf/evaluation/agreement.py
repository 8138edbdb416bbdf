"""How far two judges agree, or the votes of one: Spearman's rank correlation and quadratic weighted kappa.

    for row in agreement(of_gpt_4o, of_anna):            # lists of Judgement
        print(row.axis, row.spearman.format(2), row.kappa.format(2))

Spearman asks whether they put texts in the same order, kappa (Cohen 1968) whether they give the same scores: 1 is full
agreement, 0 that of chance. Texts that several models wrote alike count once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nanovlm_hf.evaluation.judgements import Judgement, mean_scores
from nanovlm_hf.evaluation.statistics import Estimate, estimate_of

RESAMPLES = 1000


@dataclass(frozen=True)
class Agreement:
    """Of two judges on one axis or the total, over `n` texts that both scored.

    A coefficient is `None` where it is not defined: fewer than two texts, or a judge with the same score for all.
    """

    first: str
    second: str
    axis: str
    n: int
    spearman: Estimate | None
    kappa: Estimate | None


def agreement(first: Sequence[Judgement], second: Sequence[Judgement], seed: int = 0) -> list[Agreement]:
    """Two judges, compared on each axis that both score and on the total of the paper's five.

    Args:
        first, second: of one judge each; several votes count as their mean.
        seed: of the bootstrap over texts that gives the intervals.

    Raises:
        ValueError: no judgements, several judges in one list, or no text that both scored.
    """
    if not first or not second:
        raise ValueError(f"Agreement needs judgements of two judges; got {len(first)} and {len(second)}.")
    names = first[0].judge, second[0].judge
    scores = [_by_text(one, mean_scores(one)) for one in (first, second)]
    return _compare(names, scores, seed)


def vote_agreement(judgements: Sequence[Judgement], seed: int = 0) -> list[Agreement]:
    """One judge's votes among each other: the mean over all pairs of them. Texts that lack a vote are left out.

    Raises:
        ValueError: fewer than two votes, several judges, or no text with all votes.
    """
    votes = sorted({judgement.vote for judgement in judgements})
    if len(votes) < 2:
        raise ValueError(f"Agreement between votes needs two or more; got {len(votes)}. Judge with votes=3, say.")
    mean_scores(judgements)  # raises where they are of several judges
    scores = []
    for vote in votes:
        cast = [judgement for judgement in judgements if judgement.vote == vote]
        scores.append(_by_text(cast, mean_scores(cast)))
    name = judgements[0].judge
    return _compare((name, name), scores, seed)


def _by_text(judgements: Sequence[Judgement], scores: dict[str, dict[str, float]]) -> dict[tuple, dict[str, float]]:
    return {
        (one.dataset, one.image_id, one.beginning, one.completion): scores[one.key]
        for one in judgements
        if one.key in scores
    }


def _compare(names: tuple[str, str], scores: list[dict[tuple, dict[str, float]]], seed: int) -> list[Agreement]:
    texts = [text for text in scores[0] if all(text in others for others in scores[1:])]
    if not texts:
        counts = ", ".join(str(len(one)) for one in scores)
        raise ValueError(f"Nothing to compare: the judges scored {counts} texts, none of them in common.")
    axes = [axis for axis in scores[0][texts[0]] if all(axis in others[texts[0]] for others in scores)]
    rows = []
    for axis in axes:
        table = np.array([[one[text][axis] for text in texts] for one in scores], dtype=np.float64)  # (judges, texts)
        coefficients = (_estimate(table, statistic, seed) for statistic in (spearman, weighted_kappa))
        rows.append(Agreement(*names, axis, len(texts), *coefficients))
    return rows


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of scores (n,) and (n,), equal ones sharing their mean rank; NaN where undefined."""
    ranks = [_ranks(values) for values in (first, second)]
    centred = [one - one.mean() for one in ranks]
    spread = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / spread) if spread > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def weighted_kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Cohen's kappa with quadratic weights of scores (n,) and (n,); NaN where both are constant and equal.

    One minus the mean squared difference over the one expected of two judges who score independently of each other:
    the form for tables of counts comes to the same, and needs whole scores.
    """
    expected = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    return float(1 - ((first - second) ** 2).mean() / expected) if expected > 0 else float("nan")


def _estimate(table: np.ndarray, statistic: Callable[..., float], seed: int) -> Estimate | None:
    """The statistic over all pairs of judges, with a percentile interval of 95% over texts."""

    def mean_over_pairs(scores: np.ndarray) -> float:
        return float(np.mean([statistic(scores[a], scores[b]) for a, b in combinations(range(len(scores)), 2)]))

    value, n = mean_over_pairs(table), table.shape[1]
    if n < 2 or np.isnan(value):
        return None
    rng = np.random.default_rng(seed)
    drawn = np.array([mean_over_pairs(table[:, rng.integers(0, n, size=n)]) for _ in range(RESAMPLES)])
    return estimate_of(value, drawn, n)
