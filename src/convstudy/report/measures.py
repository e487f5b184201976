"""Metrics beside top-1: the columns of their table, and calibration and top-1 per class of each network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convstudy.report import numbers
from convstudy.statistics import MetricDifference, ReliabilityBin, numbered_groups, top1_interval
from convstudy.statistics.calibration import reliability_of
from convstudy.study.comparisons.results import Accuracy, Findings, Metric, ModelResult, PairResult
from convstudy.study.runs.result import RunResult


@dataclass(frozen=True)
class MetricColumn:
    """A metric as a column of a table: its name in the results, its head, and the format of its values."""

    name: str
    head: str
    scale: float = 100
    digits: int = 1

    def mean(self, metric: Metric | Accuracy) -> str:
        """Return the mean over seeds."""
        return self._written(metric.mean)

    def deviation(self, metric: Metric | Accuracy) -> str:
        """Return the standard deviation between seeds, after ±; empty for one seed."""
        spread = float(np.std(metric.per_seed, ddof=1)) if len(metric.per_seed) > 1 else None
        return "" if spread is None else f"± {self._written(spread)}"

    def interval(self, metric: Metric | Accuracy) -> str:
        """Return the 95% CI; empty if there is none.

        >>> column = MetricColumn("log_loss", "Log loss, nats", scale=1, digits=3)
        >>> column.interval(Metric(0.4, 0.35, 0.46, (0.4,))), column.interval(Metric(0.4, None, None, (0.4,)))
        ('0.350 to 0.460', '')
        """
        if metric.low is None or metric.high is None:
            return ""
        return f"{self._written(metric.low)} to {self._written(metric.high)}"

    def _written(self, value: float) -> str:
        return f"{self.scale * value:.{self.digits}f}"

    def difference(self, found: MetricDifference) -> str:
        """Return a difference with its sign.

        >>> column = MetricColumn("log_loss", "Log loss, nats", scale=1, digits=3)
        >>> column.difference(MetricDifference(-0.042, -0.08, -0.01, 0.01, 0.08))
        '−0.042'
        """
        return numbers.signed(self.scale * found.value, self.digits)

    def difference_interval(self, found: MetricDifference) -> str:
        """Return the interval of a difference."""
        low, high = (numbers.signed(self.scale * limit, self.digits) for limit in (found.low, found.high))
        return f"{low} to {high}"

    def equal_within(self, found: MetricDifference) -> str:
        """Return the smallest margin within which two networks are shown to be equal."""
        return self._written(found.equivalent_within)


COLUMNS = (
    MetricColumn("top1", "Top-1, %"),
    MetricColumn("top5", "Top-5, %"),
    MetricColumn("balanced_accuracy", "Balanced accuracy, %"),
    MetricColumn("macro_f1", "Macro F1, %"),
    MetricColumn("log_loss", "Log loss, nats", scale=1, digits=3),
    MetricColumn("calibration_error", "Calibration error, %"),
)


DIFFERENCE_COLUMNS = (
    MetricColumn("balanced_accuracy", "Balanced accuracy, pp"),
    MetricColumn("macro_f1", "Macro F1, pp"),
    MetricColumn("log_loss", "Log loss, nats", scale=1, digits=3),
    MetricColumn("squared_calibration_error", "Squared calibration error, pp²", scale=100**2),
)


def difference_columns(pairs: Sequence[PairResult]) -> tuple[MetricColumn, ...]:
    """Return the metrics in which any of the pairs is compared."""
    return tuple(column for column in DIFFERENCE_COLUMNS if any(column.name in pair.metrics for pair in pairs))


def columns_of(models: Sequence[ModelResult]) -> tuple[MetricColumn, ...]:
    """Return top-1, and the metrics that any of the networks has."""
    return tuple(column for column in COLUMNS if any(metric_of(model, column) for model in models))


def metric_of(model: ModelResult, column: MetricColumn) -> Metric | Accuracy | None:
    """Return the metric of a column, or None if the network does not have it."""
    return model.top1 if column.name == "top1" else model.metrics.get(column.name)


def metric_text(model: ModelResult, column: MetricColumn, *, interval: bool) -> str:
    """Return a cell in one line: the mean, the deviation between seeds and, if requested, the 95% CI."""
    metric = metric_of(model, column)
    if metric is None:
        return numbers.ABSENT
    limits = column.interval(metric) if interval else ""
    return " ".join(filter(None, [column.mean(metric), column.deviation(metric), limits and f"({limits})"]))


@dataclass(frozen=True)
class PooledMeasures:
    """Measures of a network's answers, all seeds pooled; `reliability` is empty if only predictions are known."""

    model: str
    reliability: tuple[ReliabilityBin, ...]
    class_top1: tuple[float | None, ...]  # per class; None if it has no test image


def measures(runs: Sequence[RunResult]) -> PooledMeasures:
    """Return calibration and top-1 per class of a network's runs on the same test images.

    >>> logits = np.array([[4, 0], [0, 4], [4, 0]], dtype=np.float32)
    >>> run = RunResult(model="net", seed=0, epochs=(), labels=np.array([0, 1, 1]), logits=logits)
    >>> measures([run]).class_top1
    (1.0, 0.5)
    """
    labels = np.concatenate([run.labels for run in runs])
    right = np.concatenate([run.right for run in runs])
    answers = np.bincount(labels, minlength=runs[0].classes)
    rights = np.bincount(labels, right, minlength=runs[0].classes)
    scored = all(run.scored for run in runs)
    return PooledMeasures(
        runs[0].model,
        reliability_of(np.concatenate([run.scores.confidence for run in runs]), right) if scored else (),
        tuple(float(share / number) if number else None for share, number in zip(rights, answers, strict=True)),
    )


def of_each_network(findings: Findings) -> tuple[PooledMeasures, ...]:
    """Return the measures of every network with finished runs, in the order of the results."""
    runs = {model.name: [run for run in findings.runs if run.model == model.name] for model in findings.results.models}
    return tuple(measures(of_one) for of_one in runs.values() if of_one)


MOST_CLASSES = 60


@dataclass(frozen=True)
class ClassTop1:
    """Top-1 of a network on the test images of one class, with its 95% CI."""

    value: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class ClassesOfNetwork:
    """Top-1 of a network by class, for classes that have test images."""

    model: str
    top1: Mapping[int, ClassTop1]


def order_of_classes(found: Sequence[PooledMeasures], most: int = MOST_CLASSES) -> list[int]:
    """Return classes with test images: first those in which the networks differ most; of one network, the worst.

    >>> order_of_classes([PooledMeasures("a", (), (1.0, 0.5, None)), PooledMeasures("b", (), (0.9, 0.8, None))])
    [1, 0]
    """
    spread = {}
    for number, top1 in enumerate(zip(*(each.class_top1 for each in found), strict=True)):
        values = [value for value in top1 if value is not None]
        if values:
            spread[number] = max(values) - min(values) if len(found) > 1 else 1 - values[0]
    return sorted(spread, key=lambda number: -spread[number])[:most]


def by_class(findings: Findings, classes: Sequence[int]) -> tuple[ClassesOfNetwork, ...]:
    """Return top-1 of each network with finished runs on the test images of some classes.

    The intervals cover other seeds and other test images; of a cross-validation, in which every run has other test
    images, test images only.
    """
    found = []
    for model in findings.results.models:
        runs = [run for run in findings.runs if run.model == model.name]
        if runs:
            top1 = {label: _of_class(runs, label, findings.results.protocol.repeats) for label in classes}
            found.append(ClassesOfNetwork(model.name, {label: each for label, each in top1.items() if each}))
    return tuple(found)


def _of_class(runs: Sequence[RunResult], label: int, repeats: int) -> ClassTop1 | None:
    own = [run.labels == label for run in runs]
    if not any(each.any() for each in own):
        return None
    if all(np.array_equal(run.labels, runs[0].labels) for run in runs):
        answers = np.stack([run.right[own[0]] for run in runs])
        groups = [group for group, kept in zip(runs[0].groups, own[0], strict=True) if kept] if runs[0].groups else []
        sample = numbered_groups(groups) if groups else None
        interval = top1_interval(answers, sample if sample is not None and len(set(groups)) > 1 else None)
        return ClassTop1(interval.value, interval.low, interval.high, answers.shape[1])
    right = np.concatenate([run.right[kept] for run, kept in zip(runs, own, strict=True)])
    images = max(len(right) // repeats, 1)
    interval = top1_interval((np.arange(images) < round(right.mean() * images))[None])
    return ClassTop1(float(right.mean()), interval.low, interval.high, images)
