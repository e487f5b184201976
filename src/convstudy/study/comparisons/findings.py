"""The findings of a comparison, computed from its finished runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from convstudy.statistics import cochran_q, top1_interval
from convstudy.statistics.folds import Sample
from convstudy.statistics.grown import Looks
from convstudy.statistics.variation import Answers
from convstudy.statistics.verdict import Verdict
from convstudy.study.comparisons.cross_validation import cross_validated, whole_repeats
from convstudy.study.comparisons.design import Shown, design_of, none_yet
from convstudy.study.comparisons.health import HealthFinding, health_of, of_inputs
from convstudy.study.comparisons.image_groups import groups_of
from convstudy.study.comparisons.metric_differences import with_metric_differences
from convstudy.study.comparisons.metrics import metrics_of
from convstudy.study.comparisons.results import (
    Accuracy,
    Findings,
    Metric,
    ModelResult,
    Omnibus,
    PairResult,
    Protocol,
    Results,
)
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.measured_cost import MeasuredCost
from convstudy.study.runs.result import RunResult


def findings_of(
    entrants: Sequence[Entrant],
    runs: Mapping[tuple[str, int], RunFolder],
    protocol: Protocol,
    environment: dict[str, str | int],
    *,
    unfinished: int = 0,
    costs: Mapping[str, MeasuredCost | None] = MappingProxyType({}),
    metrics: bool = True,
) -> Findings:
    """Return the findings from finished runs, given by network and seed, about the networks that have one.

    Networks without `costs` have those that their runs measured. Without `metrics`, those beside top-1 are left out,
    which take most of the time.
    """
    if protocol.folds is not None:
        runs = whole_repeats(runs, protocol.folds)
    missing = [entrant.name for entrant in entrants if not any(name == entrant.name for name, _ in runs)]
    entrants = [entrant for entrant in entrants if entrant.name not in missing]
    read = {key: run.read() for key, run in runs.items()}
    own = {entrant.name: [key for key in runs if key[0] == entrant.name] for entrant in entrants}
    answering: Mapping[str, Sequence[RunResult]] = {name: [read[key] for key in keys] for name, keys in own.items()}
    sample: Sample | None = groups_of(read.values())
    judged: Mapping[tuple[str, int], RunResult] = read
    if protocol.folds is not None and read:
        crossed = cross_validated(runs, read, protocol.folds)
        answering, sample, judged = crossed.results, crossed.folds, crossed.with_whole_answers(read)
    answers = {name: np.stack([_right(run) for run in answering[name]]) for name in own}
    models = tuple(
        _model_result(
            entrant,
            answers[entrant.name],
            [runs[key] for key in own[entrant.name]],
            metrics_of(answering[entrant.name], sample) if metrics else {},
            sample,
            costs.get(entrant.name),
        )
        for entrant in entrants
    )
    health = tuple(finding for entrant in entrants for finding in _health(own[entrant.name], judged, runs))
    health += of_inputs({entrant.name: entrant.input_shape[-1] for entrant in entrants})
    design = design_of(protocol.until)
    withheld = bool(unfinished) and not design.sequential  # a verdict on a part of the runs would be one more look
    shown = Shown(pairs=(), protocol=protocol)
    if not withheld:
        shown = design.shown(answers | none_yet(missing), protocol, sample)
    all_runs = list(read.values())
    if metrics and not design.sequential and sample is None:  # their tests take images as independent
        looks = Looks(shown.looks.seeds if shown.looks else ())
        shown = replace(shown, pairs=with_metric_differences(shown.pairs, all_runs, looks))
    shown = replace(shown, pairs=without_unhealthy(shown.pairs, health))
    results = Results(
        models=models,
        comparisons=shown.pairs,
        protocol=shown.protocol,
        environment=environment,
        conclusion=None if withheld else design.conclusion(models, shown),
        omnibus=() if withheld or protocol.folds is not None else seed_by_seed(all_runs),
        health=health,
        sequential=shown.sequential,
        looks=shown.looks,
    )
    return Findings(results=results, runs=tuple(all_runs), unfinished=unfinished)


def without_unhealthy(pairs: Sequence[PairResult], health: Sequence[HealthFinding]) -> tuple[PairResult, ...]:
    """Take back the verdict on every pair with a network that cannot be compared before something is mended."""
    blocked = {finding.model for finding in health if finding.blocks}
    return tuple(
        replace(pair, verdict=Verdict.NOT_COMPARABLE, better=None) if {pair.a, pair.b} & blocked else pair
        for pair in pairs
    )


def _health(
    keys: Sequence[tuple[str, int]],
    read: Mapping[tuple[str, int], RunResult],
    runs: Mapping[tuple[str, int], RunFolder],
) -> tuple[HealthFinding, ...]:
    return health_of(keys[0][0], [read[key] for key in keys], [runs[key].record() for key in keys])


def seed_by_seed(runs: Sequence[RunResult]) -> tuple[Omnibus, ...]:
    """Return Cochran's Q test for each seed with a run of every network; empty for fewer than three networks.

    For two networks, McNemar's test takes its place. Neither is valid for images in groups, of which it is empty, too.
    """
    names = {run.model for run in runs}
    if len(names) < 3 or groups_of(runs) is not None:
        return ()
    by_seed: dict[int, list[RunResult]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, []).append(run)
    tests = {
        seed: cochran_q(np.stack([_right(run) for run in seed_runs]))
        for seed, seed_runs in sorted(by_seed.items())
        if len(seed_runs) == len(names)
    }
    return tuple(Omnibus(seed, test.statistic, test.degrees_of_freedom, test.p_value) for seed, test in tests.items())


def right_answers(runs: Sequence[RunResult]) -> dict[str, Answers]:
    """Return which answers are right, seeds x images by network."""
    names = dict.fromkeys(run.model for run in runs)
    return {name: np.stack([_right(run) for run in runs if run.model == name]) for name in names}


def _right(run: RunResult) -> Answers:
    right: Answers = run.right
    return right


def _model_result(
    entrant: Entrant,
    answers: Answers,
    runs: list[RunFolder],
    metrics: Mapping[str, Metric],
    sample: Sample | None,
    cost: MeasuredCost | None,
) -> ModelResult:
    interval = top1_interval(answers, sample)
    records = [run.record() for run in runs]
    measured = records if cost is None else [cost.to_dict()]

    def mean(key: str) -> float:
        return statistics.fmean(record[key] for record in records)

    def known(key: str) -> list[Any]:
        return [record[key] for record in measured if record.get(key) is not None]

    latencies, p95s, rates = known("latency_ms"), known("latency_p95_ms"), known("inference_images_per_second")
    batch_sizes, step_bytes = known("inference_batch_size"), known("training_step_bytes")

    return ModelResult(
        name=entrant.name,
        parameters=entrant.parameters,
        macs=entrant.macs,
        activation_size=entrant.activation_size,
        input_shape=entrant.input_shape,
        top1=Accuracy(interval.value, interval.low, interval.high, tuple(float(value) for value in answers.mean(1))),
        train_seconds=mean("train_seconds"),
        images_per_second=mean("images_per_second"),
        latency_ms=statistics.fmean(latencies) if latencies else None,
        latency_p95_ms=statistics.fmean(p95s) if p95s else None,
        inference_images_per_second=statistics.fmean(rates) if rates else None,
        inference_batch_size=statistics.mode(batch_sizes) if batch_sizes else None,
        training_step_bytes=max(step_bytes, default=None),
        lrs=tuple(record["lr"] for record in records if record["lr_grid"]),
        uncounted=entrant.uncounted,
        metrics=metrics,
    )
