"""Metrics of a network's predictions besides top-1, over its seeds and with confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from convstudy import statistics
from convstudy.statistics import Interval, accuracy_interval, group_intervals
from convstudy.statistics.accuracy import loss_interval
from convstudy.statistics.calibration import calibration_error_of
from convstudy.statistics.folds import Sample
from convstudy.study.comparisons.results import Metric
from convstudy.study.runs.result import RunResult


def metrics_of(runs: Sequence[RunResult], sample: Sample | None = None) -> dict[str, Metric]:
    """Return the metrics of one network's runs on the same test images, by name.

    `log_loss` is in nats, all others are fractions of 1. `top5` is included for ten or more classes. Metrics that need
    probabilities are omitted if only predicted classes are known. `sample` are the groups of images that depend on
    each other, or the folds of a cross-validation. The calibration error has no interval, because it is
    biased on few images (docs/statistics.md).

    >>> logits = np.array([[4, 0], [0, 4], [4, 0]], dtype=np.float32)
    >>> run = RunResult(model="net", seed=0, epochs=(), labels=np.array([0, 1, 1]), logits=logits)
    >>> metrics = metrics_of([run])
    >>> list(metrics), metrics["balanced_accuracy"].mean, metrics["calibration_error"].low
    (['balanced_accuracy', 'macro_f1', 'log_loss', 'calibration_error'], 0.75, None)
    """
    labels = runs[0].labels
    predictions = np.stack([run.predictions for run in runs])
    balanced_accuracy, macro_f1, share, loss = _intervals(sample)
    found = {
        "balanced_accuracy": _metric(
            statistics.balanced_accuracy(predictions, labels), balanced_accuracy(predictions, labels)
        ),
        "macro_f1": _metric(statistics.macro_f1(predictions, labels), macro_f1(predictions, labels)),
    }
    if not all(run.scored for run in runs):
        return found
    scores = [run.scores for run in runs]
    if runs[0].classes >= statistics.TOP5_CLASSES:
        hits = np.stack([of_run.in_top5 for of_run in scores])
        found = {"top5": _metric(hits.mean(1), share(hits))} | found
    losses = np.stack([of_run.loss for of_run in scores])
    confidence = np.stack([of_run.confidence for of_run in scores])
    return found | {
        "log_loss": _metric(losses.mean(1), loss(losses)),
        "calibration_error": _metric(calibration_error_of(confidence, predictions == labels)),
    }


def _intervals(sample: Sample | None) -> tuple[Callable[..., Interval], ...]:
    """Return the functions that compute the intervals, for independent images or for another sample."""
    if sample is None:
        return (
            statistics.balanced_accuracy_interval,
            statistics.macro_f1_interval,
            accuracy_interval,
            loss_interval,
        )
    return tuple(
        partial(interval, sample=sample)
        for interval in (
            group_intervals.group_balanced_accuracy_interval,
            group_intervals.group_macro_f1_interval,
            group_intervals.group_share_interval,
            group_intervals.group_loss_interval,
        )
    )


def _metric(values: npt.NDArray[np.float64], interval: Interval | None = None) -> Metric:
    """Return the metric with the mean of its values per seed, and the limits of the interval."""
    per_seed = tuple(float(value) for value in values)
    low, high = (interval.low, interval.high) if interval else (None, None)
    return Metric(float(values.mean()), low, high, per_seed)
