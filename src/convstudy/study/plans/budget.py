"""A budget that is equal for all networks: what one training may cost, whatever the network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from convstudy.errors import StudyError

KINDS = ("epochs", "images", "macs", "seconds")
EXPECTED = "expected images=N, macs=N or seconds=N, as in macs=2e13"


@dataclass(frozen=True)
class Budget:
    """So much of one kind, for each training.

    Raises: StudyError, for another kind or an amount that is not a number above 0.
    """

    kind: str  # of KINDS
    amount: float

    def __post_init__(self) -> None:
        whole = self.kind in {"epochs", "images"}
        if self.kind not in KINDS or not math.isfinite(self.amount) or self.amount <= 0:
            raise StudyError(f"--budget is '{self}'; {EXPECTED}")
        if whole and self.amount != int(self.amount):
            raise StudyError(f"--budget is '{self}'; expected a whole number of {self.kind}")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read `kind=amount`. Raises: StudyError, when it is not that.

        >>> Budget.parse("macs=2e13")
        Budget(kind='macs', amount=20000000000000.0)
        >>> Budget.parse("images=0")
        Traceback (most recent call last):
        convstudy.errors.StudyError: --budget is 'images=0'; expected images=N, macs=N or seconds=N, as in macs=2e13
        """
        kind, _, amount = text.partition("=")
        try:
            return cls(kind.strip(), float(amount))
        except ValueError:
            raise StudyError(f"--budget is '{text}'; {EXPECTED}") from None

    def __str__(self) -> str:
        short = f"{self.amount:g}"
        return f"{self.kind}={short if float(short) == self.amount else repr(self.amount)}"


@dataclass(frozen=True)
class Allowance:
    """What one network gets: its epochs, and what one of them costs in the unit of the budget."""

    epochs: int
    cost_of_epoch: float

    def used(self, budget: Budget) -> float:
        """The part of the budget that the whole epochs use."""
        return self.epochs * self.cost_of_epoch / budget.amount


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
