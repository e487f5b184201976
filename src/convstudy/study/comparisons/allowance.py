"""What each network gets of an equal budget: as many whole epochs as it pays for."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.epoch_speed import epoch_seconds
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.models.entrant import Entrant
from convstudy.study.plans.budget import Allowance, Budget, allowances
from convstudy.study.runs.parts import training_parts

FORWARD_AND_BACKWARD = 3  # MACs of a training step by those of the forward pass: the backward pass is two such products


def counted(comparison: Comparison, budget: Budget) -> dict[str, Allowance]:
    """The allowance of each network by images or MACs, known without running anything.

    Raises: StudyError, when a network cannot have one epoch, or its MACs are not all counted.
    """
    images = len(training_parts(comparison.data, comparison.seeds[0])[0])

    def cost(entrant: Entrant) -> float:
        if budget.kind == "images":
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
    if budget is None or budget.kind != "seconds":
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
    """What `write_allowances` stored; nothing where it did not. Raises: StudyError, when it cannot be read."""
    if not folder.budget.exists():
        return {}
    try:
        stored: dict[str, Any] = json.loads(folder.budget.read_text(encoding="utf-8"))
        return {name: Allowance(**allowance) for name, allowance in stored.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise StudyError(f"{folder.budget} cannot be read ({error}); choose another --output") from error


def budget_words(comparison: Comparison) -> str:
    """The budget, how it is counted, and the epochs that follow from it; nothing where epochs are equal as such.

    Source: a backward pass takes as many MACs again by the weights and by the activations (Amodei & Hernandez 2018,
    AI and compute).
    """
    budget = comparison.plan.budget
    if budget is None:
        return ""
    how = {
        "images": "training images seen",
        "macs": "training MACs, three times those of the forward pass for each image",
        "seconds": "training seconds, by the speed that was measured before the first run",
    }[budget.kind]
    each = "; ".join(
        f"{name} {allowance.epochs} ({100 * allowance.used(budget):.0f} %)"
        for name, allowance in comparison.allowances.items()
    )
    return f"Each training gets {budget.amount:,.6g} {how}. Whole epochs within it, and the part that they use: {each}."
