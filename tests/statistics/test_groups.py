"""Images in groups: the cluster-robust variance, its degrees of freedom, and what is computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from convstudy.errors import DataError
from convstudy.statistics import accuracy_difference, compare_predictions, noninferiority, size_needed
from convstudy.statistics.difference import difference_error
from convstudy.statistics.group_intervals import (
    group_balanced_accuracy_interval,
    group_macro_f1_interval,
    group_share_interval,
    top1_interval,
)
from convstudy.statistics.groups import GroupVariance, by_group, correlation_within, numbered_groups
from convstudy.statistics.metrics import balanced_accuracy, macro_f1, probabilities_of
from convstudy.statistics.power import detectable_difference
from convstudy.statistics.sequential import Evidence, SequentialPlan, standing
from convstudy.statistics.variation import image_variance


def correlated(seeds: int, groups: int, size: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of two equal networks: a group is right or wrong as a whole, in nine answers of ten."""
    stream = np.random.Generator(np.random.MT19937(seed))
    of = np.repeat(np.arange(groups), size)
    tables = []
    for _ in range(2):
        usual = stream.random(groups) < 0.8
        tables.append(np.where(stream.random((seeds, len(of))) < 0.9, usual[of], stream.random((seeds, len(of))) < 0.8))
    return tables[0], tables[1], of


@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_bias_and_freedom_are_those_of_the_matrices(sizes: list[int], correlation: float) -> None:
    """Of the sum of squares r'r of residuals r = (I - 1 n'/N) s, by their covariance, written out."""
    n = np.array(sizes, float)
    covariance = np.diag(n * (1 + (n - 1) * correlation))
    maker = np.eye(len(n)) - np.outer(n, np.ones(len(n))) / n.sum()
    of_residuals = maker @ covariance @ maker.T
    found = GroupVariance.of(n, correlation)
    assert found.correction == pytest.approx(covariance.sum() / np.trace(of_residuals))
    freedom = np.trace(of_residuals) ** 2 / (of_residuals**2).sum()
    assert found.freedom == pytest.approx(max(freedom, 1.0))


def test_groups_of_one_image_are_images() -> None:
    a, b, _ = correlated(3, 40, 1)
    alone = np.arange(40)
    assert np.allclose(by_group(a, alone).influences, a)
    assert by_group(a, alone).freedom == pytest.approx(39)
    assert difference_error(a, b, alone) == pytest.approx(difference_error(a, b))
    assert accuracy_difference(a, b, sample=alone).p_value == pytest.approx(accuracy_difference(a, b).p_value)


def test_equal_groups_are_a_sample_of_means() -> None:
    """One run each: Student's t of the groups' mean differences, as SciPy computes it."""
    a, b, of = correlated(1, 30, 10)
    means = np.array([a[0, of == group].mean() - b[0, of == group].mean() for group in range(30)])
    found = accuracy_difference(a, b, sample=of)
    usual = stats.ttest_1samp(means, 0)
    limits = usual.confidence_interval()
    assert (found.p_value, found.low, found.high) == pytest.approx((usual.pvalue, limits.low, limits.high))


def test_unequal_groups_have_the_variance_of_a_ratio() -> None:
    """Of groups drawn with their sizes; the correction is near the usual one where no group dominates."""
    stream = np.random.Generator(np.random.MT19937(1))
    of = np.repeat(np.arange(60), stream.integers(1, 9, 60))
    values = stream.random((1, len(of))) < 0.7
    sums, sizes = np.bincount(of, values[0]), np.bincount(of)
    squares = ((sums - sizes * values.mean()) ** 2).sum()
    usual = 60 / 59 * squares / len(of) ** 2
    assert image_variance(by_group(values, of).influences[0]) == pytest.approx(usual, rel=0.03)


def test_the_correlation_within_groups() -> None:
    stream = np.random.Generator(np.random.MT19937(2))
    of = np.repeat(np.arange(2000), 5)
    scores = 0.6 * stream.normal(size=2000)[of] + 0.8 * stream.normal(size=10_000)
    assert correlation_within(scores, of) == pytest.approx(0.36, abs=0.03)
    assert correlation_within(stream.normal(size=10_000), of) < 0.02


@pytest.mark.parametrize("seeds", [1, 3])
def test_correlated_answers_give_fewer_false_alarms(seeds: int) -> None:
    naive = grouped = 0
    for seed in range(100):
        a, b, of = correlated(seeds, 45, 10, seed=seed)
        naive += accuracy_difference(a, b).p_value < 0.05
        grouped += accuracy_difference(a, b, sample=of).p_value < 0.05
    assert naive > 30
    assert grouped <= 10  # of 100 at 5%: more would be chance once in 100


def test_no_wrong_group_is_no_proof_that_none_can_be_wrong() -> None:
    of = np.arange(200) // 10
    none, single, whole = np.ones((1, 200)), np.ones((1, 200)), np.ones((1, 200))
    single[0, 0], whole[0, :10] = 0, 0
    lows = [group_share_interval(right, of).low for right in (none, single, whole)]
    assert lows[0] > lows[1] > lows[2]
    alone = group_share_interval(none, np.arange(200)).low
    effective = 20 * (stats.norm.isf(0.025) / stats.t.isf(0.025, 19)) ** 2
    assert alone > lows[0] == pytest.approx(effective / (effective + 1.959964**2), abs=0.001)  # Wilson's


def test_metrics_of_groups_have_their_values_and_wider_intervals() -> None:
    stream = np.random.Generator(np.random.MT19937(3))
    labels, of = np.repeat(np.arange(5), 60), np.arange(300) // 10
    shift = stream.normal(size=(30, 5)) * 2
    logits = stream.normal(size=(3, 300, 5)) + shift[of] + 3 * (np.arange(5) == labels[:, None])
    tables = probabilities_of(logits)
    predictions, alone = tables.argmax(2), np.arange(300)
    cases: tuple[tuple[Any, Any, Any], ...] = (
        (group_balanced_accuracy_interval, predictions, balanced_accuracy(predictions, labels)),
        (group_macro_f1_interval, predictions, macro_f1(predictions, labels)),
    )
    for interval, given_, values in cases:
        grouped, independent = interval(given_, labels, of), interval(given_, labels, alone)
        assert grouped.value == pytest.approx(values.mean())
        assert grouped.low <= grouped.value <= grouped.high
        assert grouped.high - grouped.low > 1.3 * (independent.high - independent.low)


def test_everything_else_takes_groups() -> None:
    a, b, of = correlated(4, 50, 8, seed=5)
    labels = np.zeros(400, int)
    names = [f"patient {group}" for group in of]
    compared = compare_predictions(labels, {"a": ~a * 1, "b": ~b * 1}, groups=names)
    [pair] = compared.pairs
    found = accuracy_difference(a, b, sample=of)
    assert (pair.low, pair.high, pair.p_value) == (found.low, found.high, found.p_value)
    assert compared.top1["a"] == top1_interval(a, of)
    alone = compare_predictions(labels, {"a": ~a * 1, "b": ~b * 1}).pairs[0]
    assert pair.equivalent_within > alone.equivalent_within
    detectable, usual = (detectable_difference(difference_error(a, b, sample)) for sample in (of, None))
    assert detectable > 1.3 * usual
    needed, independent_needed = (size_needed(a, b, 0.01, sample=sample) for sample in (of, None))
    assert needed is not None
    assert independent_needed is not None
    assert needed.images is not None
    assert needed.images > (independent_needed.images or 0)
    assert noninferiority([a, b], sample=of)[0].p_value != noninferiority([a, b])[0].p_value
    grouped, independent = Evidence.of(a, b, of), Evidence.of(a, b)
    assert grouped.images == independent.images == 400
    assert grouped.parts.standard_error > independent.parts.standard_error
    plan = SequentialPlan(cap=4)
    assert standing({"a": a, "b": b}, plan, of).pairs[0].p_value > standing({"a": a, "b": b}, plan).pairs[0].p_value


def test_groups_that_cannot_be() -> None:
    labels = np.array([0, 1, 0, 1])
    with pytest.raises(DataError, match=r"\(3,\).*4 images"):
        compare_predictions(labels, {"a": labels}, groups=["p", "q", "q"])
    with pytest.raises(DataError, match="one group"):
        compare_predictions(labels, {"a": labels}, groups=["p"] * 4)
    assert numbered_groups(["7", "5", "7"]).tolist() == [0, 1, 0]
