"""What else there is to say of a network's answers than top-1: one record a network, means over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convstudy import evaluation
from convstudy.evaluation import ReliabilityBin
from convstudy.report.confusion import confusion, row_shares
from convstudy.study.results import Findings, RunResult


@dataclass(frozen=True)
class Measure:
    """The mean over seeds and the standard deviation between them; of one seed there is none."""

    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Measures:
    """One network's answers; log loss in nats, all others fractions of 1.

    `top5` is there from ten classes on. What needs probabilities is None where only predictions are known.
    """

    model: str
    top1: Measure
    top5: Measure | None
    balanced_accuracy: Measure
    macro_f1: Measure
    log_loss: Measure | None
    calibration_error: Measure | None
    reliability: tuple[ReliabilityBin, ...]
    class_top1: tuple[float | None, ...]  # a class; None where no test image is of it


def measures(runs: Sequence[RunResult]) -> Measures:
    """All measures of one network's runs, which answered the same test images.

    >>> logits = np.array([[4, 0], [0, 4], [4, 0]], dtype=np.float32)
    >>> answers = measures([RunResult("net", 0, (), np.array([0, 1, 1]), logits)])
    >>> answers.balanced_accuracy, answers.class_top1, answers.top5
    (Measure(mean=0.75, deviation=None), (1.0, 0.5), None)
    """
    labels = runs[0].labels
    probabilities = evaluation.probabilities_of(np.stack([run.logits for run in runs]))
    predictions = probabilities.argmax(2)
    classes = probabilities.shape[2]
    counts = confusion(runs, classes)
    shares = np.diag(row_shares(counts))
    scored = all(run.scored for run in runs)
    return Measures(
        runs[0].model,
        _measure(evaluation.top1(predictions, labels)),
        _measure(evaluation.top5(probabilities, labels)) if scored and classes >= evaluation.TOP5_CLASSES else None,
        _measure(evaluation.balanced_accuracy(predictions, labels)),
        _measure(evaluation.macro_f1(predictions, labels)),
        _measure(evaluation.log_loss(probabilities, labels)) if scored else None,
        _measure(evaluation.expected_calibration_error(probabilities, labels)) if scored else None,
        evaluation.reliability(probabilities, labels) if scored else (),
        tuple(float(share) if images else None for share, images in zip(shares, counts.sum(1), strict=True)),
    )


def of_each_network(findings: Findings) -> tuple[Measures, ...]:
    """The measures of every network that has finished runs, in the order of the results."""
    runs = {model.name: [run for run in findings.runs if run.model == model.name] for model in findings.results.models}
    return tuple(measures(of_one) for of_one in runs.values() if of_one)


def _measure(values: npt.NDArray[np.float64]) -> Measure:
    return Measure(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None)
