"""Conclusions: the results of a comparison that this process performed, with the images that its report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from convstudy.study.comparisons.activation_maps import with_maps
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.cross_validation import cross_validated
from convstudy.study.comparisons.data_description import describe_data
from convstudy.study.comparisons.findings import findings_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.provenance import check_runs
from convstudy.study.comparisons.results import Findings, Protocol
from convstudy.study.comparisons.shown_images import GivenAnswers
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.result import RunResult


def conclude(comparison: Comparison, folder: ComparisonFolder, *, allow_mixed: bool = False) -> Findings:
    """Read all runs and compute the findings of the comparison.

    Raises: StudyError, if a run was made under another protocol, unless `allow_mixed` is set.
    """
    runs = comparison.counted(folder)
    environment = comparison.environment
    mixed = check_runs(comparison, folder, allow_mixed=allow_mixed)
    protocol = replace(protocol_of(comparison), mixed=mixed, looks=folder.looks())
    findings = findings_of(comparison.entrants, runs, protocol, environment, costs=folder.measured())
    answers = _given_answers(comparison, runs, findings.runs)
    findings = replace(
        findings,
        mistaken=answers.most_mistaken(),
        disagreed=answers.most_disagreed(),
        disagreements=int(answers.differing().sum()),
    )
    first = {name: run for (name, seed), run in runs.items() if seed == comparison.seeds[0]}
    # a run of a cross-validation was trained on most of the images, so its maps would not be those of new ones
    return with_maps(findings, first) if comparison.plan.folds is None else findings


def _given_answers(
    comparison: Comparison, runs: Mapping[tuple[str, int], RunFolder], read: Sequence[RunResult]
) -> GivenAnswers:
    test, folds = comparison.data.test, comparison.plan.folds
    if folds is None:
        return GivenAnswers(test, read)
    crossed = cross_validated(runs, {(run.model, run.seed): run for run in read}, folds)
    places = {name: place for place, name in enumerate(test.ids)}
    whole = test.chosen(np.array([places[name] for name in crossed.ids]))
    return GivenAnswers(whole, [run for results in crossed.results.values() for run in results])


def protocol_of(comparison: Comparison) -> Protocol:
    """Return what is the same for all networks of a comparison."""
    data, seeds, plan = comparison.data, comparison.seeds, comparison.plan
    budget = plan.budget
    return Protocol(
        data=describe_data(data, seeds[0], plan.folds),
        recipe=comparison.shared_recipe(),
        seeds=seeds,
        command=plan.command(),
        folds=plan.folds,
        repeats=plan.repeats or 1,
        validation_split=data.validation is None,
        until=plan.until,
        max_seeds=plan.max_seeds,
        margin=plan.margin / 100,
        lr_grid=plan.lr_grid,
        budget=str(budget or ""),
        epochs={name: each.epochs for name, each in comparison.allowances.items()},
        budget_used={name: each.used(budget) for name, each in comparison.allowances.items() if budget},
    )
