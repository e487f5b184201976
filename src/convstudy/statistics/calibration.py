"""Calibration: whether the confidence of a network matches its accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convstudy.statistics.metrics import Labels, Values, check_probabilities

BINS = 15  # Guo et al. 2017, section 2


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose confidence, the probability of the predicted class, lies in the interval (`low`, `high`].

    `confidence` and `accuracy` are means over these answers, or None if there are none.
    """

    low: float
    high: float
    answers: int
    confidence: float | None
    accuracy: float | None


def reliability(
    probabilities: npt.NDArray[np.floating], labels: Labels, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Return the reliability diagram of all seeds' answers together: bins of equal width from 0 to 1.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 2.

    >>> confident = np.array([[[0.9, 0.1], [0.8, 0.2]]])
    >>> reliability(confident, np.array([0, 1]), bins=2)[1].accuracy
    0.5
    """
    check_probabilities(probabilities, labels)
    return reliability_of(probabilities.max(2), probabilities.argmax(2) == labels, bins)


def reliability_of(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Return the reliability diagram of answers with these confidences, seeds x images, and whether they are right."""
    counts, confidences, rights = _totals(confidence.ravel(), right.ravel(), bins)
    return tuple(
        ReliabilityBin(
            index / bins,
            (index + 1) / bins,
            int(count),
            float(confidences[index] / count) if count else None,
            float(rights[index] / count) if count else None,
        )
        for index, count in enumerate(counts)
    )


def expected_calibration_error(probabilities: npt.NDArray[np.floating], labels: Labels, bins: int = BINS) -> Values:
    """Return the expected calibration error (ECE) per seed.

    This is the mean absolute difference between accuracy and confidence over the bins, weighted by their number of
    answers. It is never negative and therefore, on few images, biased upward: compare it between networks tested on the
    same images.

    Source: Guo et al. 2017, equation 3; Naeini et al. 2015.

    >>> overconfident = np.array([[[0.95, 0.05], [0.95, 0.05]]])
    >>> expected_calibration_error(overconfident, np.array([0, 1])).round(3).tolist()
    [0.45]
    """
    check_probabilities(probabilities, labels)
    return calibration_error_of(probabilities.max(2), probabilities.argmax(2) == labels, bins)


def calibration_error_of(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int = BINS
) -> Values:
    """Return the expected calibration error per seed of answers, seeds x images, with these confidences."""
    totals = [_totals(values, of_seed, bins) for values, of_seed in zip(confidence, right, strict=True)]
    return np.array([np.abs(rights - confidences).sum() / right.shape[1] for _, confidences, rights in totals])


def bins_of(confidence: npt.NDArray[np.floating], bins: int = BINS) -> npt.NDArray[np.int64]:
    """Return the number of the bin of each confidence.

    >>> bins_of(np.array([0.2, 0.5, 0.9]), bins=2).tolist()
    [0, 0, 1]
    """
    upper_limits = np.arange(1, bins) / bins
    return np.searchsorted(upper_limits, confidence, side="left")  # a bin includes its upper limit


def _totals(confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int) -> npt.NDArray[np.float64]:
    """Return per bin the number of answers and the sums of their confidences and of right answers: 3 x bins."""
    counted = np.stack([np.ones(len(right)), confidence, right])
    totals: npt.NDArray[np.float64] = counted @ np.eye(bins)[bins_of(confidence, bins)]
    return totals
