"""Intervals that hold what they say, and comparisons that make use of pairs."""

import numpy as np
import pytest

from nanovlm_hf.evaluation import statistics
from nanovlm_hf.evaluation.statistics import bootstrap, compare, estimate_of, resampled_sums


def test_the_interval_holds_the_truth_in_about_95_of_100_samples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    rng = np.random.default_rng(0)
    for draw, truth in ((lambda: rng.normal(3, 2, 100), 3.0), (lambda: rng.binomial(1, 0.3, 200), 0.3)):
        estimates = [bootstrap(draw(), seed=i) for i in range(800)]
        covered = np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])
        assert 0.91 <= covered <= 0.97
    assert all(estimate.low < estimate.mean < estimate.high for estimate in estimates)


def test_more_items_give_a_narrower_interval():
    values = np.random.default_rng(0).normal(size=400)
    widths = [(e := bootstrap(values[:n])).high - e.low for n in (25, 100, 400)]
    assert widths[0] > 1.6 * widths[1] > 1.6 * 1.6 * widths[2]


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1) != bootstrap(values, seed=2)


def test_sums_are_of_as_many_items_as_there_are_and_the_same_for_all_columns(monkeypatch):
    values = np.random.default_rng(0).normal(size=(30, 2))
    table = np.column_stack([values, values[:, 0], np.ones(30)])
    sums, drawn = resampled_sums(table, seed=3)
    assert sums == pytest.approx(table.sum(0)) and drawn.shape == (statistics.RESAMPLES, 4)
    assert (drawn[:, 0] == drawn[:, 2]).all() and (drawn[:, 3] == 30).all()
    assert drawn[:, 0].mean() == pytest.approx(sums[0], abs=0.3)
    assert drawn[:, 0].std() == pytest.approx(values[:, 0].std() * 30**0.5, rel=0.05)
    monkeypatch.setattr(statistics, "DRAWS_AT_ONCE", 100)
    again = resampled_sums(table, seed=3)[1]
    assert again == pytest.approx(drawn)  # whatever fits into memory


def test_a_figure_that_is_often_undefined_has_no_interval():
    draws = np.ones(100)
    draws[:3] = np.inf, np.inf, np.nan
    assert estimate_of(1.0, draws, 9).low == 1.0
    draws[:6] = np.nan
    assert estimate_of(1.0, draws, 9).low is None


def test_one_item_has_no_interval_and_constants_one_of_no_width():
    assert bootstrap([7.0]).format(1) == "7.0 [no interval], n=1"
    assert compare({"a": 1.0}, {"a": 3.0}).reversed_share is None
    constant = bootstrap([5.0] * 25)
    assert (constant.mean, constant.low, constant.high, constant.n) == (5.0, 5.0, 5.0, 25)
    assert constant.format(2) == "5.00 [5.00, 5.00], n=25"


def test_pairs_tell_apart_what_separate_means_cannot():
    """Items differ far more than the models do; on the same items the small difference shows."""
    rng = np.random.default_rng(0)
    hard = rng.normal(6, 2, 50)
    better, worse = hard + 0.4 + rng.normal(0, 0.3, 50), hard + rng.normal(0, 0.3, 50)
    one, other = bootstrap(better), bootstrap(worse)
    assert one.low < other.high  # the two intervals overlap
    paired = compare(dict(enumerate(better)), dict(enumerate(worse)))
    assert paired.difference.low > 0.2 and paired.reversed_share < 0.01
    assert paired.difference.high - paired.difference.low < (one.high - one.low) / 3
    turned = compare(dict(enumerate(worse)), dict(enumerate(better)))
    assert turned.difference.mean == pytest.approx(-paired.difference.mean)


def test_equal_models_differ_by_chance_only(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 500)
    rng = np.random.default_rng(0)
    shares = []
    for i in range(200):
        same = rng.normal(size=(2, 40))
        shares.append(compare(*(dict(enumerate(row)) for row in same), seed=i).reversed_share)
    assert 0.02 <= np.mean(np.array(shares) < 0.05) <= 0.10
    identical = compare({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0})
    assert identical.difference.mean == 0 and identical.reversed_share == 1.0


def test_only_items_that_both_have_are_compared():
    compared = compare({"a": 1.0, "b": 2.0, "c": 9.0}, {"b": 1.0, "a": 1.0, "d": 0.0})
    assert compared.difference.n == 2 and compared.difference.mean == 0.5
    with pytest.raises(ValueError, match="2 and 1 items, none of them in both"):
        compare({"a": 1.0, "b": 1.0}, {"c": 1.0})


def test_undefined_values_are_refused():
    for values in ([], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="one defined number an item"):
            bootstrap(values)
