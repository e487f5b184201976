"""Whether the runs of a comparison trained at all: a verdict over a network that did not is no verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import scipy

from convstudy.statistics import numbered_groups, top1_interval
from convstudy.study.runs.result import RunResult
from convstudy.training import Epoch

LEVEL = 0.05  # of the test that a run answers better than chance
ONE_ANSWER = 0.99  # share of one class among the answers, from which on a run answers one class
USUAL = 0.9  # share of one class among the labels, from which on that is right to do
LEARNED = 0.2  # of training top-1 above chance, which is learning
FALLING = 0.05  # relative fall of the validation loss in the last epoch, and
RISING = 0.01  # rise of the validation top-1, which say that training ended too early
RISEN = 1.1  # validation loss at the end, relative to its lowest, which is over-fitting


class HealthKind(StrEnum):
    """What is wrong with runs."""

    CHANCE = "chance"  # not shown to be better than always answering the most frequent class
    ONE_CLASS = "one_class"  # one class is answered for nearly all test images
    NOT_VALIDATING = "not_validating"  # training learns, validation does not
    STALE_STATISTICS = "stale_statistics"  # running statistics of batch normalization have not arrived
    UNDERTRAINED = "undertrained"  # still improving steeply when training ended
    FAILED_SEED = "failed_seed"  # some seeds are at chance level, others are not
    GRID_EDGE = "grid_edge"  # the best learning rate is at an end of the grid
    OVERFITTING = "overfitting"  # the validation loss was lower in an earlier epoch
    INPUT_SIZES = "input_sizes"  # networks get images of different sizes under one recipe


BLOCKING = frozenset(
    {
        HealthKind.CHANCE,
        HealthKind.ONE_CLASS,
        HealthKind.NOT_VALIDATING,
        HealthKind.STALE_STATISTICS,
        HealthKind.UNDERTRAINED,
    }
)


@dataclass(frozen=True, kw_only=True)
class HealthFinding:
    """Something wrong with the runs of one network, or with the comparison if `model` is None."""

    kind: HealthKind
    model: str | None = None
    seeds: tuple[int, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)  # what it was found by

    @property
    def blocks(self) -> bool:
        """Whether the network cannot be compared before this is mended."""
        return self.kind in BLOCKING


def health_of(model: str, runs: Sequence[RunResult], records: Sequence[Mapping[str, Any]]) -> tuple[HealthFinding, ...]:
    """Return what is wrong with the runs of one network, whose records are in the same order.

    A network is at fault as a whole if more than half of its runs are; otherwise the single seeds have failed.
    """
    found: list[HealthFinding] = []
    idle = [run for run in runs if _chance(run) or _one_class(run)]
    if 2 * len(idle) > len(runs):
        found.append(_idle(model, idle))
    elif idle:
        worst = min(_top1(run) for run in idle)
        values = {"top1": worst, "others": float(np.mean([_top1(run) for run in runs if run not in idle]))}
        found.append(HealthFinding(kind=HealthKind.FAILED_SEED, model=model, seeds=_seeds(idle), values=values))
    stale = [run for run, record in zip(runs, records, strict=True) if record.get("stale_statistics")]
    if stale:
        found.append(HealthFinding(kind=HealthKind.STALE_STATISTICS, model=model, seeds=_seeds(stale)))
    rest = [run for run in runs if run not in idle and run.epochs]
    for kind, is_so in ((HealthKind.UNDERTRAINED, _undertrained), (HealthKind.OVERFITTING, _overfitted)):
        of_kind = [run for run in rest if is_so(run.epochs)]
        if 2 * len(of_kind) > len(rest):
            values = _ends(of_kind)
            found.append(HealthFinding(kind=kind, model=model, seeds=_seeds(of_kind), values=values))
    edge = [run for run, record in zip(runs, records, strict=True) if _at_edge(record)]
    if 2 * len(edge) > len(runs):
        lr = float(np.median([record["lr"] for record in records if _at_edge(record)]))
        found.append(HealthFinding(kind=HealthKind.GRID_EDGE, model=model, seeds=_seeds(edge), values={"lr": lr}))
    return tuple(found)


def of_inputs(sides: Mapping[str, int]) -> tuple[HealthFinding, ...]:
    """Return whether networks get images of different sides, by network.

    >>> [str(finding.kind) for finding in of_inputs({"net": 32, "googlenet": 224})]
    ['input_sizes']
    """
    if len(set(sides.values())) < 2:
        return ()
    values = {name: float(side) for name, side in sides.items()}
    return (HealthFinding(kind=HealthKind.INPUT_SIZES, values=values),)


def may_fail(runs: int, level: float = LEVEL) -> float:
    """Return the share of all runs that may still fail after so many did not: the upper 95% limit for 0 failures.

    Source: Clopper & Pearson 1934; Hanley & Lippman-Hand 1983 for the case of none.

    >>> round(may_fail(3), 2)
    0.63
    """
    return float(1 - level ** (1 / runs))


def _idle(model: str, idle: Sequence[RunResult]) -> HealthFinding:
    """Return why the runs answer no better than chance, as closely as it is known."""
    kind = HealthKind.CHANCE
    if any(_learned(run) for run in idle):
        kind = HealthKind.NOT_VALIDATING
    elif all(_one_class(run) for run in idle):
        kind = HealthKind.ONE_CLASS
    values = {"top1": float(np.mean([_top1(run) for run in idle])), "chance": _most_frequent(idle[0])}
    last = [run.epochs[-1].train_top1 for run in idle if run.epochs]
    if last:
        values["train_top1"] = float(np.mean(last))
    return HealthFinding(kind=kind, model=model, seeds=_seeds(idle), values=values)


def _top1(run: RunResult) -> float:
    return float(run.right.mean())


def _most_frequent(run: RunResult) -> float:
    """Return the share of the most frequent class, which always answering it reaches."""
    return float(np.bincount(run.labels).max() / len(run.labels))


def _chance(run: RunResult) -> bool:
    """Return whether a run is not shown to answer better than always the most frequent class."""
    right, share = int(run.right.sum()), _most_frequent(run)
    if run.groups:
        return top1_interval(run.right[None], numbered_groups(run.groups), 1 - 2 * LEVEL).low <= share
    return float(scipy.stats.binom.sf(right - 1, len(run.labels), share)) > LEVEL


def _one_class(run: RunResult) -> bool:
    answers = run.predictions
    usual = np.bincount(answers).argmax()
    return bool((answers == usual).mean() >= ONE_ANSWER and (run.labels == usual).mean() < USUAL)


def _learned(run: RunResult) -> bool:
    return bool(run.epochs) and run.epochs[-1].train_top1 > _most_frequent(run) + LEARNED


def _undertrained(epochs: Sequence[Epoch]) -> bool:
    """Return whether validation loss and top-1 still improved steeply in the last epoch."""
    if len(epochs) < 2 or not np.isfinite(epochs[-1].validation_loss):
        return False
    before, last = epochs[-2], epochs[-1]
    falls = last.validation_loss < (1 - FALLING) * min(epoch.validation_loss for epoch in epochs[:-1])
    return falls and last.validation_top1 > before.validation_top1 + RISING


def _overfitted(epochs: Sequence[Epoch]) -> bool:
    losses = [epoch.validation_loss for epoch in epochs]
    return len(losses) > 2 and bool(np.isfinite(losses).all()) and losses[-1] > RISEN * min(losses)


def _ends(runs: Sequence[RunResult]) -> dict[str, float]:
    return {
        "validation_loss": float(np.mean([run.epochs[-1].validation_loss for run in runs])),
        "lowest": float(np.mean([min(epoch.validation_loss for epoch in run.epochs) for run in runs])),
        "validation_top1": float(np.mean([run.epochs[-1].validation_top1 for run in runs])),
    }


def _at_edge(record: Mapping[str, Any]) -> bool:
    grid = record.get("lr_grid") or ()
    return len(grid) > 1 and record["lr"] in {min(grid), max(grid)}


def _seeds(runs: Sequence[RunResult]) -> tuple[int, ...]:
    return tuple(run.seed for run in runs)
