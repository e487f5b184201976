"""Training budgets: the same limit on images, MACs or seconds for every network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from convstudy.errors import StudyError

MOST_EPOCHS = 1_000_000  # as of `epochs`
EXPECTED = "images=N, macs=N or seconds=N, as in macs=2e13"


class BudgetKind(StrEnum):
    """Unit in which a budget is counted."""

    EPOCHS = "epochs"
    IMAGES = "images"
    MACS = "macs"
    SECONDS = "seconds"

    @property
    def whole(self) -> bool:
        """Whether amounts of this kind are whole numbers."""
        return self in {BudgetKind.EPOCHS, BudgetKind.IMAGES}


@dataclass(frozen=True)
class Budget:
    """Amount of one kind that each training may use.

    Raises: StudyError, if the kind is unknown or the amount is not a number above 0.
    """

    kind: BudgetKind
    amount: float

    def __post_init__(self) -> None:
        if self.kind not in set(BudgetKind) or not math.isfinite(self.amount) or self.amount <= 0:
            raise _wrong(str(self), EXPECTED)
        object.__setattr__(self, "kind", BudgetKind(self.kind))
        if self.kind.whole and self.amount != int(self.amount):
            raise _wrong(str(self), f"a whole number of {self.kind}")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Parse `kind=amount`. Raises: StudyError, if the text does not have this form.

        >>> str(Budget.parse("macs=2e13"))
        'macs=2e+13'
        >>> Budget.parse("images=0")
        Traceback (most recent call last):
        convstudy.errors.StudyError: budget is 'images=0'; expected images=N, macs=N or seconds=N, as in macs=2e13
        """
        kind, _, amount = text.partition("=")
        try:
            return cls(BudgetKind(kind.strip()), float(amount))
        except ValueError:
            raise _wrong(text, EXPECTED) from None

    def __str__(self) -> str:
        short = f"{self.amount:g}"
        return f"{self.kind}={short if float(short) == self.amount else repr(self.amount)}"


@dataclass(frozen=True)
class Allowance:
    """Number of epochs that a network may train for, and the cost of one epoch in the unit of the budget."""

    epochs: int
    cost_of_epoch: float

    def used(self, budget: Budget) -> float:
        """Return the fraction of the budget that these epochs use."""
        return self.epochs * self.cost_of_epoch / budget.amount


def allowances(budget: Budget, cost_of_epoch: Mapping[str, float]) -> dict[str, Allowance]:
    """Return the largest number of whole epochs of each network that fits the budget.

    Raises: StudyError, if one epoch of a network exceeds the budget.

    >>> allowances(Budget(BudgetKind.IMAGES, 100_000), {"net": 45_000})
    {'net': Allowance(epochs=2, cost_of_epoch=45000)}
    """
    for name, cost in cost_of_epoch.items():
        if (times := budget.amount // cost) > MOST_EPOCHS:
            raise StudyError(
                f"budget is {budget}, which is {times:,.0f} epochs of {name}; expected at most {MOST_EPOCHS:,} epochs, "
                f"{Budget(budget.kind, MOST_EPOCHS * cost)}",
                setting="budget",
            )
    found = {name: Allowance(int(budget.amount // cost), cost) for name, cost in cost_of_epoch.items()}
    too_expensive = {name: allowance.cost_of_epoch for name, allowance in found.items() if not allowance.epochs}
    if too_expensive:
        name = max(too_expensive, key=lambda name: too_expensive[name])
        which = "any network" if len(too_expensive) == len(found) > 1 else name
        raise StudyError(
            f"budget is {budget}, which is too small for one epoch of {which}; expected "
            f"{budget.kind}={_rounded_up(too_expensive[name])} or more, the cost of one epoch of {name}",
            setting="budget",
        )
    return found


def _wrong(text: str, expected: str) -> StudyError:
    return StudyError(f"budget is '{text}'; expected {expected}", setting="budget")


def _rounded_up(cost: float) -> str:
    """Return `cost` as text, rounded up to three digits.

    >>> _rounded_up(12_341), _rounded_up(0.5)
    ('12400', '0.5')
    """
    unit = 10.0 ** (math.floor(math.log10(cost)) - 2)
    return f"{math.ceil(cost / unit) * unit:g}"
