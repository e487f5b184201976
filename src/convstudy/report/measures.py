"""What a page says of a network beside top-1: its metrics as columns of a table, its calibration, its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convstudy import statistics
from convstudy.report import numbers
from convstudy.report.confusion import confusion, row_shares
from convstudy.statistics import ReliabilityBin
from convstudy.study.comparisons.results import Accuracy, Findings, Metric, ModelResult
from convstudy.study.runs.result import RunResult


@dataclass(frozen=True)
class Column:
    """A metric as a column of a table: its name in the results, its head, and how its values are written."""

    name: str
    head: str
    scale: float = 100
    digits: int = 1

    def mean(self, metric: Metric | Accuracy) -> str:
        return self._written(metric.mean)

    def deviation(self, metric: Metric | Accuracy) -> str:
        """The standard deviation between seeds, with its sign; of one seed there is none."""
        spread = float(np.std(metric.per_seed, ddof=1)) if len(metric.per_seed) > 1 else None
        return "" if spread is None else f"± {self._written(spread)}"

    def interval(self, metric: Metric | Accuracy) -> str:
        """
        >>> column = Column("log_loss", "Log loss, nats", scale=1, digits=3)
        >>> column.interval(Metric(0.4, 0.35, 0.46, (0.4,))), column.interval(Metric(0.4, None, None, (0.4,)))
        ('0.350 to 0.460', '')
        """
        if metric.low is None or metric.high is None:
            return ""
        return f"{self._written(metric.low)} to {self._written(metric.high)}"

    def _written(self, value: float) -> str:
        return f"{self.scale * value:.{self.digits}f}"


COLUMNS = (
    Column("top1", "Top-1, %"),
    Column("top5", "Top-5, %"),
    Column("balanced_accuracy", "Balanced accuracy, %"),
    Column("macro_f1", "Macro F1, %"),
    Column("log_loss", "Log loss, nats", scale=1, digits=3),
    Column("calibration_error", "Calibration error, %"),
)


def columns_of(models: Sequence[ModelResult]) -> tuple[Column, ...]:
    """Top-1, and the metrics that any of the networks has."""
    return tuple(column for column in COLUMNS if any(metric_of(model, column) for model in models))


def metric_of(model: ModelResult, column: Column) -> Metric | Accuracy | None:
    """The metric of a column; None where the network has none."""
    return model.top1 if column.name == "top1" else model.metrics.get(column.name)


def metric_text(model: ModelResult, column: Column, *, interval: bool) -> str:
    """A cell in one line: the mean, its deviation between seeds and, where asked for, its interval."""
    metric = metric_of(model, column)
    if metric is None:
        return numbers.ABSENT
    limits = column.interval(metric) if interval else ""
    return " ".join(filter(None, [column.mean(metric), column.deviation(metric), limits and f"({limits})"]))


@dataclass(frozen=True)
class Measures:
    """One network's answers, all seeds together. There is no reliability where only predictions are known."""

    model: str
    reliability: tuple[ReliabilityBin, ...]
    class_top1: tuple[float | None, ...]  # a class; None where no test image is of it


def measures(runs: Sequence[RunResult]) -> Measures:
    """Calibration and classes of one network's runs, which answered the same test images.

    >>> logits = np.array([[4, 0], [0, 4], [4, 0]], dtype=np.float32)
    >>> run = RunResult(model="net", seed=0, epochs=(), labels=np.array([0, 1, 1]), logits=logits)
    >>> measures([run]).class_top1
    (1.0, 0.5)
    """
    labels = runs[0].labels
    counts = confusion(runs, runs[0].logits.shape[1])
    shares = np.diag(row_shares(counts))
    scored = all(run.scored for run in runs)
    logits = np.stack([run.logits for run in runs])
    return Measures(
        runs[0].model,
        statistics.reliability(statistics.probabilities_of(logits), labels) if scored else (),
        tuple(float(share) if images else None for share, images in zip(shares, counts.sum(1), strict=True)),
    )


def of_each_network(findings: Findings) -> tuple[Measures, ...]:
    """The measures of every network that has finished runs, in the order of the results."""
    runs = {model.name: [run for run in findings.runs if run.model == model.name] for model in findings.results.models}
    return tuple(measures(of_one) for of_one in runs.values() if of_one)
