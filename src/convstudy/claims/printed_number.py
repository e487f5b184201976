"""A number as it is printed: its value, and how much of it the printed digits fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from convstudy.errors import ClaimError

SCALES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
WORDS = {"thousand": "k", "thousands": "k", "million": "m", "millions": "m", "billion": "b", "billions": "b"}
NOTHING = frozenset({"", "-", "--", "–", "—", "?", "n/a", "na", "none", "nan", "...", "…"})
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

DIGITS = r"\d{1,3}(?:[,'’_ ]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}|\d+(?:[.,]\d+)?|\.\d+"
POWER = r"(?:[eE]|\s*(?:[x*×·]|\\times|\\cdot)\s*10\s*(?:\^|\*\*)?\s*)\{?(?P<power>[+-]?\d+)\}?"
UNITS = r"params?|parameters|macs?|flops?|mult-?adds?|ops|values|weights"
NUMBER = re.compile(
    rf"[~≈<>]?\s*(?P<sign>[-−+]?)(?P<digits>{DIGITS})(?:{POWER})?\s*(?P<scale>[kKmMgGbBtT]?)(?:\s*(?:{UNITS}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class PrintedNumber:
    """A number and its printed precision: `last_digit` is what one step of its last printed digit is worth."""

    text: str
    value: Fraction
    last_digit: Fraction
    scale: int

    @property
    def exact(self) -> bool:
        """Whether the digits fix a whole number."""
        return self.last_digit <= 1 and self.value.denominator == 1

    def admits(self, value: Fraction | int) -> bool:
        """Whether `value`, rounded as this number is, prints as this number; a tie may be rounded either way.

        >>> read_number("60.97M").admits(60_965_224), read_number("60.96M").admits(60_965_224)
        (True, False)
        """
        margin = self.last_digit / 2 if self.last_digit > 1 else Fraction(0)
        return abs(self.value - value) <= margin

    def holds(self, value: Fraction | int) -> bool:
        """Whether `value` prints as this number, rounded or cut off at its last digit: papers do both.

        >>> read_number("3.8e9").holds(3_857_973_248), read_number("3.8e9").holds(4_089_184_256)
        (True, False)
        """
        return self.admits(value) or 0 <= value - self.value < self.last_digit

    def __str__(self) -> str:
        return f"{int(self.value):,}" if self.exact else self.text


def read_number(text: str, *, unit: int = 1) -> PrintedNumber | None:
    """Read a printed count; None where the cell is empty or a dash.

    `unit` is what the column's header multiplies by: a million below `params (M)`. Thousands may be separated
    by commas, points, spaces, apostrophes or underscores; a decimal comma is understood where it cannot be a separator.

    Raises:
        ClaimError: when the text is no number.

    >>> read_number("48,120").value
    Fraction(48120, 1)
    >>> str(read_number("61K")), read_number("61K").admits(61_470)
    ('61K', True)
    """
    cleaned = text.translate(SUPERSCRIPTS)
    cleaned = re.sub(r"[\u00a0\u2009\u202f]", " ", cleaned).strip()
    if cleaned.casefold() in NOTHING:
        return None
    for word, letter in WORDS.items():
        cleaned = re.sub(rf"\s*\b{word}\b", letter, cleaned, flags=re.IGNORECASE)
    match = NUMBER.fullmatch(cleaned)
    if match is None or len(cleaned) > 60 or abs(int(match["power"] or 0)) > 30:
        raise ClaimError(f"{shortened(text)!r} is no number; expected one like 48,120, 48.1K or 3.8e9")
    scale = SCALES[match["scale"].lower()] * unit
    digits = plain_digits(match["digits"], whole=scale == 1 and match["power"] is None)
    worth = scale * Fraction(10) ** int(match["power"] or 0)
    decimals = len(digits.partition(".")[2])
    sign = -1 if match["sign"] in {"-", "−"} else 1
    return PrintedNumber(text.strip(), sign * Fraction(digits) * worth, worth / 10**decimals, scale)


def plain_digits(digits: str, *, whole: bool) -> str:
    """Digits without separators and with a decimal point; `whole` says that three decimals can only be thousands.

    >>> plain_digits("1,234,567", whole=True), plain_digits("3.072", whole=True), plain_digits("60,9", whole=False)
    ('1234567', '3072', '60.9')
    """
    digits = re.sub(r"['’_ ]", "", digits)
    if "," in digits and "." in digits:
        return digits.replace(",", "")
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+", digits):
        return digits.replace(",", "")
    if re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+", digits) and (whole or digits.count(".") > 1):
        return digits.replace(".", "")
    return digits.replace(",", ".")


def shortened(text: str, length: int = 40) -> str:
    """Text for a message: on one line, and not longer than a reader looks at."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
