"""A budget that is equal for all networks: what one training may cost, whatever the network."""

from __future__ import annotations

import math
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
