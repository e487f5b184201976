"""Differences of two networks in metrics besides top-1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from convstudy import statistics
from convstudy.statistics import MetricDifference
from convstudy.statistics.verdict import LEVEL
from convstudy.study.comparisons.results import PairResult
from convstudy.study.runs.result import RunResult

CALIBRATION = "squared_calibration_error"  # fractions of 1, squared


def with_metric_differences(pairs: Sequence[PairResult], runs: Sequence[RunResult]) -> tuple[PairResult, ...]:
    """Return the pairs with their differences in balanced accuracy, macro F1, log loss and squared calibration error.

    Each metric is a family of tests of its own: with more than one pair, its p-values are adjusted by Holm's method,
    its intervals and margins of equivalence by Bonferroni's. Log loss and calibration need the probabilities of both
    networks.
    """
    tables = {name: _probabilities([run for run in runs if run.model == name]) for name in {run.model for run in runs}}
    scored = {name: all(run.scored for run in runs if run.model == name) for name in tables}
    if not pairs:
        return ()
    labels = runs[0].labels
    confidence = 1 - LEVEL / len(pairs)
    found = [
        _differences(tables[pair.a], tables[pair.b], labels, confidence, scored=scored[pair.a] and scored[pair.b])
        for pair in pairs
    ]
    for name in {name for differences in found for name in differences}:
        own = [differences for differences in found if name in differences]
        adjusted = statistics.holm([differences[name].p_value for differences in own])
        for differences, p_value in zip(own, adjusted, strict=True):
            differences[name] = replace(differences[name], p_value=p_value)
    return tuple(replace(pair, metrics=differences) for pair, differences in zip(pairs, found, strict=True))


def _differences(
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    confidence: float,
    *,
    scored: bool,
) -> dict[str, MetricDifference]:
    classes = (a.argmax(2), b.argmax(2))
    found = {
        "balanced_accuracy": statistics.balanced_accuracy_difference(*classes, labels, confidence),
        "macro_f1": statistics.macro_f1_difference(*classes, labels, confidence),
    }
    if scored:
        found["log_loss"] = statistics.log_loss_difference(a, b, labels, confidence)
        found[CALIBRATION] = statistics.calibration_difference(a, b, labels, confidence)
    return found


def _probabilities(runs: Sequence[RunResult]) -> npt.NDArray[np.float64]:
    return statistics.probabilities_of(np.stack([run.logits for run in runs]))
