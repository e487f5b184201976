"""Differences of two networks in metrics besides top-1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convstudy import statistics
from convstudy.statistics import ConfidentAnswers, MetricDifference
from convstudy.statistics.grown import Looks
from convstudy.study.comparisons.results import PairResult
from convstudy.study.runs.result import RunResult

CALIBRATION = "squared_calibration_error"  # fractions of 1, squared


def with_metric_differences(
    pairs: Sequence[PairResult], runs: Sequence[RunResult], looks: Looks
) -> tuple[PairResult, ...]:
    """Return the pairs with their differences in balanced accuracy, macro F1, log loss and squared calibration error.

    Each metric is a family of tests of its own: with more than one pair, its p-values are adjusted by Holm's method,
    its intervals and margins of equivalence by Bonferroni's. All are adjusted for the looks. Log loss and calibration
    need the probabilities of both networks.
    """
    if not pairs:
        return ()
    of = {name: [run for run in runs if run.model == name] for name in {run.model for run in runs}}
    confidence = 1 - looks.level / len(pairs)
    found = [_differences(of[pair.a], of[pair.b], confidence) for pair in pairs]
    for name in {name for differences in found for name in differences}:
        own = [differences for differences in found if name in differences]
        adjusted = statistics.holm([looks.adjusted(differences[name].p_value) for differences in own])
        for differences, p_value in zip(own, adjusted, strict=True):
            differences[name] = replace(differences[name], p_value=p_value)
    return tuple(replace(pair, metrics=differences) for pair, differences in zip(pairs, found, strict=True))


def _differences(a: Sequence[RunResult], b: Sequence[RunResult], confidence: float) -> dict[str, MetricDifference]:
    labels = a[0].labels
    first, second = (np.stack([run.predictions for run in runs]) for runs in (a, b))
    found = {
        "balanced_accuracy": statistics.balanced_accuracy_difference(first, second, labels, confidence),
        "macro_f1": statistics.macro_f1_difference(first, second, labels, confidence),
    }
    if all(run.scored for run in (*a, *b)):
        loss, other_loss = (np.stack([run.scores.loss for run in runs]) for runs in (a, b))
        found["log_loss"] = statistics.losses_difference(loss, other_loss, confidence)
        found[CALIBRATION] = statistics.confidences_difference(_confident(a), _confident(b), confidence)
    return found


def _confident(runs: Sequence[RunResult]) -> ConfidentAnswers:
    return ConfidentAnswers(np.stack([run.scores.confidence for run in runs]), np.stack([run.right for run in runs]))
