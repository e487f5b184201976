"""Differences in other metrics against scipy's tests, by identities, and by simulation with known truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from scipy.special import softmax

from convstudy.statistics import (
    MetricDifference,
    balanced_accuracy,
    balanced_accuracy_difference,
    calibration_difference,
    log_loss,
    log_loss_difference,
    macro_f1,
    macro_f1_difference,
)
from convstudy.statistics.influence import log_loss_influences

Table = npt.NDArray[np.float64]


def calibrated(
    stream: np.random.Generator, labels: npt.NDArray[np.int64], classes: int, seeds: int, evidence: float
) -> Table:
    """Probabilities given evidence that is normal around the label: they are calibrated."""
    seen = stream.normal(size=(len(labels), classes)) * 0.5**0.5
    seen = seen + stream.normal(size=(seeds, len(labels), classes)) * 0.5**0.5 + evidence * np.eye(classes)[labels]
    probabilities: Table = softmax(evidence * seen, axis=2)
    return probabilities


@pytest.fixture(scope="module")
def study() -> tuple[Table, Table, npt.NDArray[np.int64]]:
    stream = np.random.default_rng(0)
    labels = stream.integers(0, 4, 300)
    return calibrated(stream, labels, 4, 3, 2.0), calibrated(stream, labels, 4, 2, 1.0), labels


def test_log_loss_of_single_runs_gives_the_paired_t_test(study: tuple[Table, Table, Any]) -> None:
    a, b, labels = study
    found = log_loss_difference(a[:1], b[:1], labels)
    test = stats.ttest_rel(log_loss_influences(a[:1], labels)[0], log_loss_influences(b[:1], labels)[0])
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval(0.95)))
    shorter = test.confidence_interval(0.9)
    assert found.equivalent_within == pytest.approx(max(abs(shorter.low), abs(shorter.high)))


def test_values_are_differences_of_the_metrics_and_signs_change_with_the_order(study: tuple[Table, Table, Any]) -> None:
    a, b, labels = study
    classes = [table.argmax(2) for table in (a, b)]
    pairs: list[tuple[Callable[..., MetricDifference], Any, Any]] = [
        (balanced_accuracy_difference, *classes),
        (macro_f1_difference, *classes),
        (log_loss_difference, a, b),
        (calibration_difference, a, b),
    ]
    for compare, first, second in pairs:
        there, back = compare(first, second, labels), compare(second, first, labels)
        assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
        assert there.p_value == pytest.approx(back.p_value)
        assert (there.p_value < 0.05) == (there.low > 0 or there.high < 0)
        assert there.equivalent_within >= abs(there.value)
    balanced = balanced_accuracy_difference(classes[0], classes[1], labels).value
    recalls, f1 = ([metric(each, labels).mean() for each in classes] for metric in (balanced_accuracy, macro_f1))
    assert balanced == pytest.approx(recalls[0] - recalls[1])
    assert macro_f1_difference(classes[0], classes[1], labels).value == pytest.approx(f1[0] - f1[1])
    losses = [log_loss(each, labels).mean() for each in (a, b)]
    assert log_loss_difference(a, b, labels).value == pytest.approx(losses[0] - losses[1])


def test_equal_answers_differ_by_nothing_but_a_rare_class_is_not_taken_for_known() -> None:
    labels = np.repeat([0, 1], [500, 3])
    same = np.tile(labels, (3, 1))
    found = balanced_accuracy_difference(same, same, labels)
    assert (found.value, found.p_value) == (0, 1)
    assert found.equivalent_within > 0.1
    even = np.arange(503) % 2
    assert balanced_accuracy_difference(np.tile(even, (3, 1)), np.tile(even, (3, 1)), even).equivalent_within < 0.01


def test_intervals_of_metrics_from_0_to_1_end_at_a_difference_of_1() -> None:
    labels = np.arange(120) % 6
    random = np.random.default_rng(0)
    guessing = np.stack([labels, random.integers(0, 6, 120)])  # one seed has learned, the other has not
    found = balanced_accuracy_difference(np.tile(labels, (2, 1)), guessing, labels)
    assert (found.low, found.high, found.equivalent_within) == (-1, 1, 1)


def test_the_squared_calibration_error_of_calibrated_networks_is_zero_on_average() -> None:
    """The expected calibration error is not: it is larger for the network with less evidence."""
    stream, values, alarms = np.random.default_rng(1), [], 0
    for _ in range(100):
        labels = stream.integers(0, 4, 200)
        found = calibration_difference(
            calibrated(stream, labels, 4, 1, 3.0), calibrated(stream, labels, 4, 1, 0.7), labels
        )
        values.append(found.value)
        alarms += found.p_value < 0.05
    assert abs(np.mean(values)) < 3 * np.std(values) / 10 + 1e-4
    assert alarms <= stats.binom.isf(0.001, 100, 0.05)


def test_an_overconfident_network_is_found() -> None:
    stream = np.random.default_rng(2)
    labels = stream.integers(0, 4, 1500)
    honest = calibrated(stream, labels, 4, 3, 1.0)
    sharp = honest**4 / (honest**4).sum(2, keepdims=True)
    found = calibration_difference(sharp, honest, labels)
    assert found.low > 0
    assert found.p_value < 0.05
