"""Influences against the metrics, the jackknife and variances worked out elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convstudy.statistics import metrics
from convstudy.statistics.accuracy import accuracy_interval, loss_interval, share_interval
from convstudy.statistics.influence import (
    balanced_accuracy_freedom,
    balanced_accuracy_influences,
    log_loss_influences,
    macro_f1_influences,
)
from convstudy.statistics.metric_interval import (
    balanced_accuracy_interval,
    log_loss_interval,
    macro_f1_interval,
    top5_interval,
)

Array = npt.NDArray[np.int64]


def random_study(seed: int, images: int = 120) -> tuple[Array, Array]:
    """Predictions of 3 seeds, and labels, of four classes."""
    stream = np.random.default_rng(seed)
    labels = stream.integers(0, 4, images)
    wrong = stream.random((3, images)) < 0.3
    return np.where(wrong, stream.integers(0, 4, (3, images)), labels), labels


def random_probabilities(seed: int) -> tuple[npt.NDArray[np.float64], Array]:
    stream = np.random.default_rng(seed)
    return metrics.probabilities_of(2 * stream.normal(size=(3, 50, 12))), stream.integers(0, 12, 50)


@given(st.integers(0, 200), st.integers(5, 120))
def test_influences_have_the_metric_of_each_seed_as_their_mean(seed: int, images: int) -> None:
    predictions, labels = random_study(seed, images)
    for influences, metric in (
        (balanced_accuracy_influences, metrics.balanced_accuracy),
        (macro_f1_influences, metrics.macro_f1),
    ):
        assert influences(predictions, labels).mean(1) == pytest.approx(metric(predictions, labels))
    probabilities, labels = random_probabilities(seed)
    assert log_loss_influences(probabilities, labels).mean(1) == pytest.approx(metrics.log_loss(probabilities, labels))


@pytest.mark.parametrize(
    ("influences", "metric"),
    [
        (macro_f1_influences, metrics.macro_f1),
        (balanced_accuracy_influences, metrics.balanced_accuracy),
    ],
)
def test_an_influence_is_what_leaving_the_image_out_takes_away(
    influences: Callable[[Array, Array], npt.NDArray[np.float64]],
    metric: Callable[[Array, Array], npt.NDArray[np.float64]],
) -> None:
    """The jackknife: (n - 1) times the metric's fall without the image, to the first order in 1 / n."""
    predictions, labels = random_study(0, 2000)
    whole, found = metric(predictions[:1], labels)[0], influences(predictions[:1], labels)[0]
    for image in range(0, 2000, 100):
        without = metric(np.delete(predictions[:1], image, axis=1), np.delete(labels, image))[0]
        assert found[image] - whole == pytest.approx(1999 * (whole - without), rel=0.02, abs=0.005)


def test_the_variance_of_balanced_accuracy_is_that_of_the_classes_shares() -> None:
    """Brodersen et al. 2010: the mean of independent binomial shares; (p1 q1 / (n1 - 1) + p2 q2 / (n2 - 1)) / 4."""
    predictions = np.repeat([0, 1, 1, 0], [30, 10, 8, 2])[None]
    labels = np.repeat([0, 1], [40, 10])
    influences = balanced_accuracy_influences(predictions, labels)
    expected = (0.75 * 0.25 / 39 + 0.8 * 0.2 / 9) / 4
    assert influences.var(ddof=0) / 50 == pytest.approx(expected)


def test_the_degrees_of_freedom_of_two_classes_are_those_of_welch_s_test() -> None:
    """The variance of a sum of two means is that of their difference; scipy's Welch test gives its freedom."""
    stream = np.random.default_rng(0)
    labels = np.repeat([0, 1], [40, 9])
    right = stream.random((2, 49)) < 0.7
    predictions = np.where(right, labels, 1 - labels)
    scores = right.mean(0)
    welch = stats.ttest_ind(scores[:40], scores[40:], equal_var=False)
    assert balanced_accuracy_freedom(predictions, labels) == pytest.approx(welch.df)


def test_with_one_class_balanced_accuracy_is_top_1() -> None:
    predictions, labels = random_study(1)
    right = predictions == labels
    of_one_class = balanced_accuracy_influences(np.where(right, 0, 1), np.zeros(120, int))
    assert of_one_class == pytest.approx(
        right.mean(1, keepdims=True) + (right - right.mean(1, keepdims=True)) * (120 / 119) ** 0.5
    )


@given(st.integers(0, 100))
def test_intervals_hold_their_metric_and_stay_in_range(seed: int) -> None:
    predictions, labels = random_study(seed)
    for interval in (balanced_accuracy_interval(predictions, labels), macro_f1_interval(predictions, labels)):
        assert 0 < interval.low < interval.value < interval.high < 1
    probabilities, labels = random_probabilities(seed)
    assert top5_interval(probabilities, labels).value == pytest.approx(metrics.top5(probabilities, labels).mean())
    loss = log_loss_interval(probabilities, labels)
    assert 0 < loss.low < loss.value < loss.high


def test_top_1_has_the_same_interval_as_a_share_and_as_top_k() -> None:
    predictions, labels = random_study(2)
    right = predictions == labels
    assert share_interval(right.astype(float)) == accuracy_interval(right)
    one_hot = np.eye(4)[predictions]
    assert top5_interval(one_hot, labels, k=1) == accuracy_interval(right)


def test_perfect_answers_get_wilson_s_interval() -> None:
    labels = np.arange(100) % 4
    perfect = np.tile(labels, (3, 1))
    expected = accuracy_interval(np.ones((1, 100), bool))
    for interval in (balanced_accuracy_interval(perfect, labels), macro_f1_interval(perfect, labels)):
        assert (interval.value, interval.low, interval.high) == pytest.approx((1, expected.low, expected.high))


def test_a_loss_that_never_varies_has_no_width() -> None:
    interval = loss_interval(np.full((3, 9), np.log(10)))
    assert interval.low == interval.value == interval.high == pytest.approx(np.log(10))
