"""Epochs per network under an equal budget: as many whole epochs as fit."""

from __future__ import annotations

from dataclasses import asdict, replace

from convstudy.data.folds import in_fold
from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.epoch_speed import epoch_seconds
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.models.entrant import Entrant
from convstudy.study.plans.budget import Allowance, Budget, BudgetKind, allowances
from convstudy.study.runs.identity import OUTPUT
from convstudy.study.runs.parts import training_parts
from convstudy.study.runs.record_file import read_record

FORWARD_AND_BACKWARD = 3  # MACs of a training step relative to a forward pass: the backward pass needs twice as many


def counted(comparison: Comparison, budget: Budget) -> dict[str, Allowance]:
    """Return the allowance of each network for a budget in images or MACs, which needs no measurement.

    Raises: StudyError, if one epoch of a network exceeds the budget, or the MACs of a network are not fully counted.
    """
    data, folds, seed = comparison.data, comparison.plan.folds, comparison.seeds[0]
    images = len(training_parts(data if folds is None else in_fold(data, folds, seed), seed)[0])

    def cost(entrant: Entrant) -> float:
        if budget.kind is BudgetKind.IMAGES:
            return images
        if entrant.uncounted:
            raise StudyError(
                f"{entrant.name} has operations without a formula ({', '.join(entrant.uncounted)}), so its MACs are "
                "not fully counted; expected a budget in images or seconds",
                setting="budget",
            )
        return FORWARD_AND_BACKWARD * entrant.macs * images

    return allowances(budget, {entrant.name: cost(entrant) for entrant in comparison.entrants})


def with_measured(comparison: Comparison, folder: ComparisonFolder) -> Comparison:
    """Return the comparison with the allowances of a budget in seconds; other comparisons are returned unchanged.

    Allowances stored in the folder are used again; otherwise the speed of each network is measured now.

    Raises: StudyError, if one epoch of a network exceeds the budget.
    """
    budget = comparison.plan.budget
    if budget is None or budget.kind is not BudgetKind.SECONDS:
        return comparison
    stored = read_allowances(folder) if folder.holds(comparison.identity()) else {}
    measured = stored or allowances(
        budget, {entrant.name: epoch_seconds(comparison, entrant) for entrant in comparison.entrants}
    )
    return replace(comparison, allowances=measured)


def write_allowances(folder: ComparisonFolder, comparison: Comparison) -> None:
    """Store the allowances, so that a resumed comparison uses the same ones."""
    if comparison.allowances:
        write_json(folder.budget, {name: asdict(allowance) for name, allowance in comparison.allowances.items()})


def read_allowances(folder: ComparisonFolder) -> dict[str, Allowance]:
    """Return the stored allowances; empty if there are none. Raises: StudyError, if the file cannot be read."""
    if not folder.budget.exists():
        return {}
    return read_record(dict[str, Allowance], folder.budget, "choose another `output`", setting=OUTPUT)
