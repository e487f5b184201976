"""A claimed number, as printed, and its source."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.claims.printed_number import PrintedNumber, read_number
from convstudy.errors import ClaimError


@dataclass(frozen=True)
class Claim:
    """A quantity of a network as printed in a source; its printed precision is part of the claim.

    Raises:
        ClaimError: if the text is not a number.

    >>> Claim("parameters", "60,000", "LeCun et al. 1998, section II.B").holds(60_000)
    True
    """

    quantity: str  # "parameters", "macs", "connections", or "parameters of C3"
    printed: str
    source: str

    @property
    def number(self) -> PrintedNumber:
        """Return the printed number and its precision."""
        number = read_number(self.printed)
        if number is None:
            raise ClaimError(f"{self.source}: {self.quantity} is printed as '{self.printed}'; expected a number")
        return number

    def holds(self, value: int) -> bool:
        """Return whether `value` prints like the claim, rounded or cut off at its last digit.

        >>> resnet50 = Claim("macs", "3.8e9", "He et al. 2015, Table 1")
        >>> resnet50.holds(3_857_973_248), resnet50.holds(4_089_184_256)
        (True, False)
        """
        return self.number.holds(value)
