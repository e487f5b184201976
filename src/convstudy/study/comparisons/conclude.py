"""From the runs of a comparison to its results."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convstudy.statistics import (
    Difference,
    accuracy_difference,
    accuracy_interval,
    chance_of_beating,
    cochran_q,
    cohens_g,
    holm,
    standardized_difference,
    study_power,
)
from convstudy.statistics.variation import Answers
from convstudy.study.comparisons.activation_maps import with_maps
from convstudy.study.comparisons.allowance import budget_words
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.data_description import describe_data
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.metrics import metrics_of
from convstudy.study.comparisons.protocol import selection_words
from convstudy.study.comparisons.provenance import check_runs
from convstudy.study.comparisons.questions import questions
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
from convstudy.study.comparisons.shown_images import GivenAnswers
from convstudy.study.comparisons.verdict import LEVEL, better_of, verdict
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.environment import describe
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.result import RunResult


def conclude(comparison: Comparison, folder: ComparisonFolder, *, allow_mixed: bool = False) -> Findings:
    """Read all runs back and draw the conclusion from them.

    Raises: StudyError, when one was made under another protocol, unless runs may be mixed.
    """
    runs = {(entrant.name, seed): folder.run(entrant.folder, seed) for seed, entrant in comparison.runs()}
    environment = describe(comparison.device, comparison.plan.threads, comparison.jobs)
    protocol = replace(protocol_of(comparison), mixed=check_runs(comparison, folder, allow_mixed=allow_mixed))
    findings = findings_of(comparison.entrants, runs, protocol, environment)
    answers = GivenAnswers(comparison.data.test, findings.runs)
    findings = replace(
        findings,
        mistaken=answers.most_mistaken(),
        disagreed=answers.most_disagreed(),
        disagreements=int(answers.differing().sum()),
    )
    first = {entrant.name: runs[entrant.name, comparison.seeds[0]] for entrant in comparison.entrants}
    return with_maps(findings, first)


def findings_of(
    entrants: Sequence[Entrant],
    runs: Mapping[tuple[str, int], RunFolder],
    protocol: Protocol,
    environment: dict[str, str | int],
    *,
    unfinished: int = 0,
) -> Findings:
    """The conclusion from runs that are done, by network and seed; each of `entrants` has one or more."""
    read = {key: run.read() for key, run in runs.items()}
    own = {entrant.name: [key for key in runs if key[0] == entrant.name] for entrant in entrants}
    answers = {name: np.stack([_right(read[key]) for key in keys]) for name, keys in own.items()}
    models = tuple(
        _model_result(
            entrant,
            answers[entrant.name],
            [runs[key] for key in own[entrant.name]],
            metrics_of([read[key] for key in own[entrant.name]]),
        )
        for entrant in entrants
    )
    pairs, all_runs = compare_pairs(answers), list(read.values())
    results = Results(models, pairs, protocol, environment, questions(models, pairs, answers), seed_by_seed(all_runs))
    return Findings(results, tuple(read.values()), (), unfinished)


def compare_pairs(answers: dict[str, Answers]) -> tuple[PairResult, ...]:
    """Compare every two networks; with more than one pair, p-values are adjusted by Holm's method."""
    pairs = list(itertools.combinations(answers, 2))
    differences = [accuracy_difference(answers[a], answers[b]) for a, b in pairs]
    adjusted = holm([difference.p_value for difference in differences])
    return tuple(
        _pair_result(a, b, answers, Difference(difference.value, difference.low, difference.high, p_value), len(pairs))
        for (a, b), difference, p_value in zip(pairs, differences, adjusted, strict=True)
    )


def seed_by_seed(runs: Sequence[RunResult]) -> tuple[Omnibus, ...]:
    """Cochran's Q of each seed that every network has a run of; of three networks or more, for two have McNemar's."""
    names = {run.model for run in runs}
    if len(names) < 3:
        return ()
    by_seed: dict[int, list[RunResult]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, []).append(run)
    tests = {
        seed: cochran_q(np.stack([_right(run) for run in of_seed]))
        for seed, of_seed in sorted(by_seed.items())
        if len(of_seed) == len(names)
    }
    return tuple(Omnibus(seed, test.statistic, test.degrees_of_freedom, test.p_value) for seed, test in tests.items())


def _pair_result(a: str, b: str, answers: dict[str, Answers], difference: Difference, pairs: int) -> PairResult:
    chance = chance_of_beating(answers[a], answers[b])
    equal = len(answers[a]) == len(answers[b])
    power = study_power(answers[a], answers[b], level=LEVEL / pairs) if equal else None
    return PairResult(
        a,
        b,
        difference.value,
        difference.low,
        difference.high,
        difference.p_value,
        better_of(a, b, difference),
        verdict(a, b, difference, adjusted=pairs > 1),
        (chance.value, chance.low, chance.high) if chance else None,
        power.detectable if power else None,
        power.seeds if power else None,
        power.images if power else None,
        standardized_difference(answers[a], answers[b]),
        cohens_g(answers[a], answers[b]) if len(answers[a]) == len(answers[b]) == 1 else None,
    )


def _right(run: RunResult) -> Answers:
    right: Answers = run.logits.argmax(1) == run.labels
    return right


def _model_result(
    entrant: Entrant, answers: Answers, runs: list[RunFolder], metrics: Mapping[str, Metric]
) -> ModelResult:
    interval = accuracy_interval(answers)
    records = [run.record() for run in runs]

    def mean(key: str) -> float:
        return statistics.fmean(record[key] for record in records)

    def known(key: str) -> list[Any]:
        return [record[key] for record in records if record.get(key) is not None]

    p95s, rates = known("latency_p95_ms"), known("inference_images_per_second")
    batch_sizes, step_bytes = known("inference_batch_size"), known("training_step_bytes")

    return ModelResult(
        entrant.name,
        entrant.parameters,
        entrant.macs,
        entrant.activation_size,
        entrant.input_shape,
        Accuracy(interval.value, interval.low, interval.high, tuple(float(value) for value in answers.mean(1))),
        mean("train_seconds"),
        mean("images_per_second"),
        mean("latency_ms"),
        uncounted=entrant.uncounted,
        lrs=tuple(record["recipe"]["lr"] for record in records if "lr_grid" in record),
        metrics=metrics,
        latency_p95_ms=statistics.fmean(p95s) if p95s else None,
        inference_images_per_second=statistics.fmean(rates) if rates else None,
        inference_batch_size=statistics.mode(batch_sizes) if batch_sizes else None,
        training_step_bytes=max(step_bytes, default=None),
    )


def protocol_of(comparison: Comparison) -> Protocol:
    """What is held equal for all networks, and how the numbers come about."""
    data, seeds, plan = comparison.data, comparison.seeds, comparison.plan
    whence = "split off the training part by seed" if data.validation is None else "of the data"
    return Protocol(
        describe_data(data, seeds[0]),
        comparison.shared_recipe(),
        seeds,
        selection_words(plan.lr_grid, whence) if plan.lr_grid else _SELECTION.format(whence),
        *protocol_words(seeds=len(seeds), networks=len(comparison.entrants)),
        plan.command(),
        budget_words(comparison),
        {name: allowance.epochs for name, allowance in comparison.allowances.items()},
        lr_grid=plan.lr_grid,
    )


def protocol_words(*, seeds: int, networks: int) -> tuple[str, str]:
    """What the intervals cover, and how the p-values come about."""
    intervals, test = (_INTERVALS_ONE_SEED, _TEST_ONE_SEED) if seeds == 1 else (_INTERVALS, _TEST)
    return intervals, test + (_HOLM if networks > 2 else "")


_SELECTION = (
    "Nothing is selected: the weights after the last epoch are tested. Each run opens the test part once, after its "
    "last epoch. The validation part, {}, is used for the learning curves only."
)
_INTERVALS = (
    "95 % intervals cover two sources of variation: other seeds (initialisation, validation split, order, "
    "augmentation and dropout) and other test images of the same kind. The variance of each is estimated from the "
    "table of right and wrong answers, seeds x test images, as for readers and cases in medical imaging (Obuchowski & "
    "Rockette 1995; Hillis 2007). The two margins, each with its own quantile of Student's t, are added as the sides "
    "of a right angle (Graybill & Wang 1980); intervals of top-1 are on the logit scale."
)
_INTERVALS_ONE_SEED = (
    "95 % intervals cover one source of variation, other test images of the same kind (Wilson 1927; Tango 1998). With "
    "a single seed nothing can be said of other seeds, which often differ by more: use three or more."
)
_TEST = (
    "p-values test that two networks have equal top-1, by the margins of the difference's interval, paired by "
    "test image."
)
_TEST_ONE_SEED = "p-values test that two runs have equal top-1, by McNemar's exact test, paired by test image."
_HOLM = " They are adjusted for the number of pairs by Holm's method; the intervals are not."
