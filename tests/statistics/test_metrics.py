"""Metrics against scikit-learn's documented examples, torchmetrics' and identities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.statistics.calibration import expected_calibration_error, reliability
from convstudy.statistics.metrics import balanced_accuracy, log_loss, macro_f1, probabilities_of, top1, top5


def random_study(seed: int, classes: int = 4) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Probabilities of 3 seeds x 60 images, and labels."""
    stream = np.random.default_rng(seed)
    return probabilities_of(2 * stream.normal(size=(3, 60, classes))), stream.integers(0, classes, 60)


def test_balanced_accuracy_of_scikit_learn_s_documentation() -> None:
    assert balanced_accuracy(np.array([[0, 1, 0, 0, 0, 1]]), np.array([0, 1, 0, 0, 1, 0])).tolist() == [0.625]


def test_macro_f1_of_scikit_learn_s_documentation() -> None:
    value = macro_f1(np.array([[0, 2, 1, 0, 0, 1]]), np.array([0, 1, 2, 0, 1, 2]))
    assert value == pytest.approx([0.26667], abs=1e-5)  # printed as 0.267


def test_log_loss_of_scikit_learn_s_documentation() -> None:
    ham_and_spam = np.array([[[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]]])
    assert log_loss(ham_and_spam, np.array([1, 0, 0, 1])) == pytest.approx([0.21616], abs=5e-6)


def test_top_k_of_scikit_learn_s_documentation() -> None:
    scores = np.array([[[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]]])
    scores /= scores.sum(2, keepdims=True)
    assert top5(scores, np.array([0, 1, 2, 2]), k=2).tolist() == [0.75]


def test_calibration_error_of_torchmetrics_documentation() -> None:
    """MulticlassCalibrationError(num_classes=3, n_bins=3, norm='l1') prints 0.2000."""
    table = np.array([[[0.25, 0.20, 0.55], [0.55, 0.05, 0.40], [0.10, 0.30, 0.60], [0.90, 0.05, 0.05]]])
    assert expected_calibration_error(table, np.array([0, 1, 2, 0]), bins=3) == pytest.approx([0.2])


@given(st.integers(0, 200))
def test_metrics_of_a_study_are_those_of_its_seeds(seed: int) -> None:
    probabilities, labels = random_study(seed)
    predictions = probabilities.argmax(2)
    assert top1(predictions, labels) == pytest.approx((predictions == labels).mean(1))
    assert top5(probabilities, labels, k=1) == pytest.approx(top1(predictions, labels))
    picked = probabilities[:, np.arange(60), labels]
    assert log_loss(probabilities, labels) == pytest.approx(-np.log(picked).mean(1))
    for metric in (balanced_accuracy, macro_f1):
        alone = [metric(predictions[row : row + 1], labels)[0] for row in range(3)]
        assert metric(predictions, labels) == pytest.approx(alone)


@given(st.integers(0, 200), st.integers(1, 20))
def test_calibration_error_is_drawn_from_the_diagram(seed: int, bins: int) -> None:
    probabilities, labels = random_study(seed)
    diagram = reliability(probabilities[:1], labels, bins)
    filled = [bin for bin in diagram if bin.confidence is not None and bin.accuracy is not None]
    assert sum(bin.answers for bin in diagram) == 60
    assert all(bin.low < (bin.confidence or 0) <= bin.high for bin in filled)
    gaps = [bin.answers * abs((bin.accuracy or 0) - (bin.confidence or 0)) for bin in filled]
    assert expected_calibration_error(probabilities[:1], labels, bins) == pytest.approx([sum(gaps) / 60])


def test_with_one_bin_the_calibration_error_is_confidence_against_accuracy() -> None:
    probabilities, labels = random_study(3)
    gap = abs(probabilities.max(2).mean(1) - top1(probabilities.argmax(2), labels))
    assert expected_calibration_error(probabilities, labels, bins=1) == pytest.approx(gap)


def test_the_diagram_of_several_seeds_holds_the_answers_of_all() -> None:
    probabilities, labels = random_study(4)
    together = reliability(probabilities, labels)
    apart = [reliability(probabilities[row : row + 1], labels) for row in range(3)]
    assert [bin.answers for bin in together] == [
        sum(bins) for bins in zip(*([b.answers for b in d] for d in apart), strict=True)
    ]


def test_a_bin_holds_its_upper_limit() -> None:
    """Guo et al. 2017: the m-th bin is ((m - 1) / M, m / M]."""
    diagram = reliability(np.array([[[0.5, 0.5]]]), np.array([0]), bins=2)
    assert [bin.answers for bin in diagram] == [1, 0]


def test_a_class_without_a_test_image_is_left_out() -> None:
    predictions, labels = np.array([[0, 0, 2, 1]]), np.array([0, 0, 1, 1])
    assert balanced_accuracy(predictions, labels).tolist() == [0.75]
    assert macro_f1(predictions, labels) == pytest.approx([(1 + 2 / 3) / 2])  # class 1: precision 1, recall 1/2


def test_single_precision_and_rounded_probabilities_are_taken() -> None:
    labels = np.array([0, 1])
    thirds = np.array([[[0.333, 0.333, 0.333], [0.2, 0.6, 0.2]]], dtype=np.float32)
    assert log_loss(thirds, labels) == pytest.approx([(np.log(3) - np.log(0.6)) / 2], rel=1e-5)


@pytest.mark.parametrize(
    ("table", "labels", "message"),
    [
        (np.full((2, 3), 0.5), np.array([0, 1, 1]), r"\(3,\).*got \(2, 3\)"),
        (np.full((1, 2, 2), 0.5), np.array([0, 1, 1]), r"\(3,\).*\(1, 2, 2\)"),
        (np.full((1, 2, 2), 0.5), np.array([0, 2]), r"labels must lie in 0\.\.1; got 0 to 2"),
        (np.array([[[3.0, -2.0]]]), np.array([0]), "softmax"),
        (np.array([[[0.5, 0.4]]]), np.array([0]), "sum to 1"),
        (np.array([[[np.nan, 1.0]]]), np.array([0]), r"must lie in 0\.\.1"),
    ],
)
def test_wrong_probabilities_are_refused(
    table: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], message: str
) -> None:
    for metric in (log_loss, expected_calibration_error):
        with pytest.raises(ValueError, match=message):
            metric(table, labels)


def test_wrong_predictions_are_refused() -> None:
    for metric in (top1, balanced_accuracy, macro_f1):
        with pytest.raises(ValueError, match=r"\(3,\).*got \(2, 4\)"):
            metric(np.zeros((2, 4), int), np.zeros(3, int))
