"""What each network gets of an equal budget: as many whole epochs as it pays for."""

from __future__ import annotations

from dataclasses import asdict, replace

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.epoch_speed import epoch_seconds
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.models.entrant import Entrant
from convstudy.study.plans.budget import Allowance, Budget, BudgetKind, allowances
from convstudy.study.runs.parts import training_parts
from convstudy.study.runs.record_file import read_record

FORWARD_AND_BACKWARD = 3  # MACs of a training step by those of the forward pass: the backward pass is two such products


def counted(comparison: Comparison, budget: Budget) -> dict[str, Allowance]:
    """The allowance of each network by images or MACs, known without running anything.

    Raises: StudyError, when a network cannot have one epoch, or its MACs are not all counted.
    """
    images = len(training_parts(comparison.data, comparison.seeds[0])[0])

    def cost(entrant: Entrant) -> float:
        if budget.kind is BudgetKind.IMAGES:
            return images
        if entrant.uncounted:
            raise StudyError(
                f"{entrant.name} has operations without a formula ({', '.join(entrant.uncounted)}), so that its MACs "
                "are not all counted; expected a budget in images or seconds"
            )
        return FORWARD_AND_BACKWARD * entrant.macs * images

    return allowances(budget, {entrant.name: cost(entrant) for entrant in comparison.entrants})


def with_measured(comparison: Comparison, folder: ComparisonFolder) -> Comparison:
    """With a budget in seconds: the epochs that the folder's runs began with, else those of the speed measured now.

    Raises: StudyError, when a network cannot have one epoch.
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
    """Store what each network gets of the budget, for a resume to be exact."""
    if comparison.allowances:
        write_json(folder.budget, {name: asdict(allowance) for name, allowance in comparison.allowances.items()})


def read_allowances(folder: ComparisonFolder) -> dict[str, Allowance]:
    """Return what `write_allowances` stored; nothing if it did not. Raises: StudyError, when it cannot be read."""
    if not folder.budget.exists():
        return {}
    return read_record(dict[str, Allowance], folder.budget, "choose another output folder")
