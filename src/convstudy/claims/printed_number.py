"""Printed numbers: their value and their printed precision."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from convstudy.claims.cell_text import SUPERSCRIPT_NAME, plain_text, without_notes
from convstudy.claims.shown_work import ShownWork, read_work
from convstudy.errors import ClaimError
from convstudy.wording import shortened

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
    """A number and its printed precision: `last_digit` is the value of one step of its last significant digit.

    `rounding` is the value of the last digit without zeros at the end, which may be due to rounding: 10,000 of `800K`.
    `work` is the formula that the cell shows beside the number or instead of it.
    """

    text: str
    value: Fraction
    last_digit: Fraction
    scale: int
    rounding: Fraction = Fraction(0)
    work: ShownWork | None = None

    @property
    def exact(self) -> bool:
        """Return whether the printed digits determine a whole number."""
        return self.last_digit <= 1 and self.value.denominator == 1

    def admits(self, value: Fraction | int) -> bool:
        """Return whether `value`, rounded like this number, prints as this number; ties may round either way.

        >>> read_number("60.97M").admits(60_965_224), read_number("60.96M").admits(60_965_224)
        (True, False)
        """
        return self.value == value or (self.last_digit > 1 and abs(self.value - value) <= self.last_digit / 2)

    def holds(self, value: Fraction | int) -> bool:
        """Return whether `value` prints as this number, rounded or cut off at its last digit.

        >>> read_number("3.8e9").holds(3_857_973_248), read_number("3.8e9").holds(4_089_184_256)
        (True, False)
        """
        return (
            self.admits(value)
            or 0 <= value - self.value < self.last_digit
            or abs(self.value - value) <= self.rounding / 2
        )

    def __str__(self) -> str:
        return f"{int(self.value):,}" if self.exact else self.text


def read_number(text: str, *, unit: int = 1) -> PrintedNumber | None:
    """Read a printed count; None if the cell is empty or a dash.

    `unit` is the factor in the column's header: a million for `params (M)`. Thousands may be separated by commas,
    points, spaces, apostrophes or underscores; a decimal comma is recognized where it cannot be a separator. A cell may
    show its work (`(5*5*3+1)*8=608`), a percentage or the symbol of an activation.

    Raises:
        ClaimError: if the text is not a number.

    >>> read_number("48,120").value
    Fraction(48120, 1)
    >>> str(read_number("61K")), read_number("61K").admits(61_470)
    ('61K', True)
    >>> read_number("(5*5*3+1)*8=608").value, read_number("3072(a[0])").value, read_number("800K").holds(802_816)
    (Fraction(608, 1), Fraction(3072, 1), True)
    """
    text = SUPERSCRIPT_NAME.sub("", text)
    cleaned = without_notes(plain_text(text.translate(SUPERSCRIPTS)))
    if cleaned.casefold() in NOTHING:
        return None
    work = read_work(plain_text(text)) if re.search(r"\d\s*\)?\s*[-+*x×X·/=(]", cleaned) else None
    if work is not None and work.result is None:
        if work.value.denominator != 1:
            raise ClaimError(f"{shortened(text)!r} is not a whole number; expected one like 48,120, 48.1K or 3.8e9")
        return PrintedNumber(text.strip(), work.value * unit, Fraction(unit), unit, work=work)
    number = number_in(work.result if work and work.result else cleaned, text, unit)
    return replace(number, work=work) if work else number


def number_in(cleaned: str, text: str, unit: int) -> PrintedNumber:
    for word, letter in WORDS.items():
        cleaned = re.sub(rf"\s*\b{word}\b", letter, cleaned, flags=re.IGNORECASE)
    match = NUMBER.fullmatch(cleaned)
    if match is None or len(cleaned) > 60 or abs(int(match["power"] or 0)) > 30:
        raise ClaimError(f"{shortened(text)!r} is not a number; expected one like 48,120, 48.1K or 3.8e9")
    scale = SCALES[match["scale"].lower()] * (1 if match["scale"] and unit > 1 else unit)
    digits = plain_digits(match["digits"], whole=scale == 1 and match["power"] is None)
    worth = scale * Fraction(10) ** int(match["power"] or 0)
    decimals = len(digits.partition(".")[2])
    sign = -1 if match["sign"] in {"-", "−"} else 1
    rounded = bool(match["scale"]) or cleaned[0] in "~≈"
    last_digit = worth / 10**decimals
    rounding = last_digit * 10 ** spare_zeros(digits) if rounded else Fraction(0)
    return PrintedNumber(text.strip(), sign * Fraction(digits) * worth, last_digit, scale, rounding)


def spare_zeros(digits: str) -> int:
    """Return the zeros at the end of a rounded number beyond its first two digits: `800` of `800K` has one.

    >>> spare_zeros("800"), spare_zeros("150"), spare_zeros("61"), spare_zeros("3.20")
    (1, 1, 0, 0)
    """
    if "." in digits:
        return 0
    return min(len(digits) - len(digits.rstrip("0")), max(len(digits) - 2, 0))


def plain_digits(digits: str, *, whole: bool) -> str:
    """Return digits without separators and with a decimal point; `whole` excludes a decimal fraction.

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
