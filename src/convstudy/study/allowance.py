"""What each network gets of an equal budget: as many whole epochs as it pays for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.budget import Budget
from convstudy.study.contestant import Contestant
from convstudy.study.run import training_parts
from convstudy.study.speed import epoch_seconds

if TYPE_CHECKING:
    from convstudy.study.comparison import Comparison
    from convstudy.study.folder import ComparisonFolder

FORWARD_AND_BACKWARD = 3  # MACs of a training step by those of the forward pass: the backward pass is two such products


@dataclass(frozen=True)
class Allowance:
    """What one network gets: its epochs, and what one of them costs in the unit of the budget."""

    epochs: int
    cost_of_epoch: float

    def used(self, budget: Budget) -> float:
        """The part of the budget that the whole epochs use."""
        return self.epochs * self.cost_of_epoch / budget.amount


def counted(comparison: Comparison, budget: Budget) -> dict[str, Allowance]:
    """The allowance of each network by images or MACs, known without running anything.

    Raises: StudyError, when a network cannot have one epoch, or its MACs are not all counted.
    """
    images = len(training_parts(comparison.data, comparison.seeds[0])[0])

    def cost(entrant: Contestant) -> float:
        if budget.kind == "images":
            return images
        if entrant.uncounted:
            raise StudyError(
                f"{entrant.name} has operations without a formula ({', '.join(entrant.uncounted)}), so that its MACs "
                "are not all counted; expected a budget in images or seconds"
            )
        return FORWARD_AND_BACKWARD * entrant.macs * images

    return allowances(budget, {entrant.name: cost(entrant) for entrant in comparison.contestants})


def allowances(budget: Budget, cost_of_epoch: Mapping[str, float]) -> dict[str, Allowance]:
    """As many whole epochs of each network as the budget pays for.

    Raises: StudyError, when it does not pay for one epoch of each.

    >>> allowances(Budget("images", 100_000), {"net": 45_000})
    {'net': Allowance(epochs=2, cost_of_epoch=45000)}
    """
    found = {name: Allowance(int(budget.amount // cost), cost) for name, cost in cost_of_epoch.items()}
    dear = {name: allowance.cost_of_epoch for name, allowance in found.items() if not allowance.epochs}
    if dear:
        name = max(dear, key=lambda name: dear[name])
        which = "any network" if len(dear) == len(found) > 1 else name
        raise StudyError(
            f"--budget {budget} does not pay for one epoch of {which}; expected {budget.kind}={_or_more(dear[name])} "
            f"or more, which one epoch of {name} takes"
        )
    return found


def _or_more(cost: float) -> str:
    """A number of three digits that is not below `cost`.

    >>> _or_more(12_341), _or_more(0.5)
    ('12400', '0.5')
    """
    unit = 10.0 ** (math.floor(math.log10(cost)) - 2)
    return f"{math.ceil(cost / unit) * unit:g}"


def with_measured(comparison: Comparison, folder: ComparisonFolder) -> Comparison:
    """With a budget in seconds: the epochs that the folder's runs began with, else those of the speed measured now.

    Raises: StudyError, when a network cannot have one epoch.
    """
    budget = comparison.plan.budget
    if budget is None or budget.kind != "seconds":
        return comparison
    stored = read_allowances(folder) if folder.holds(comparison.identity()) else {}
    measured = stored or allowances(
        budget, {entrant.name: epoch_seconds(comparison, entrant) for entrant in comparison.contestants}
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
