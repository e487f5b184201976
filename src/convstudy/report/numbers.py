"""Formats of numbers, on the terminal and in the report."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from convstudy.wording import plural as plural  # noqa: PLC0414 - exported with the other formats

ABSENT = "–"  # for a missing number: None, NaN or infinity
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))


def count(value: int | None) -> str:
    """Format an integer with thousands separators.

    >>> count(21_797_672), count(None)
    ('21,797,672', '–')
    """
    return ABSENT if value is None else f"{value:,}"


def scaled(value: float | None) -> str:
    """Format a number with three significant digits and a decimal prefix, as is usual for MACs.

    >>> scaled(3_663_761_408), scaled(416_520), scaled(999_999), scaled(84)
    ('3.66 G', '417 K', '1.00 M', '84')
    """
    if value is None:
        return ABSENT
    for scale, prefix in SCALES:
        if float(f"{value:.3g}") >= scale:
            return f"{_three_digits(value / scale)} {prefix}"
    return f"{value:,.0f}"


def num_bytes(value: float | None) -> str:
    """Format a number of bytes with a decimal prefix.

    >>> num_bytes(248_024), num_bytes(102_228_128), num_bytes(12), num_bytes(None)
    ('248 KB', '102 MB', '12 B', '–')
    """
    if value is None:
        return ABSENT
    number, _, prefix = scaled(value).partition(" ")
    return f"{number} {prefix}B"


def square(sizes: Sequence[int | Fraction] | None) -> str:
    """Format sizes per axis, such as a stride: one number if all are equal.

    >>> square((7, 7)), square((7, 3)), square(None)
    ('7', '7×3', '')
    """
    if not sizes:
        return ""
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))


def percent(fraction: float) -> str:
    """Format a fraction of 1 as a percentage.

    >>> percent(0.9778), percent(1.0), percent(float("nan"))
    ('97.8%', '100.0%', '–')
    """
    return f"{100 * fraction:.1f}%" if math.isfinite(fraction) else ABSENT


def percent_interval(low: float, high: float, *, to: str = " to ") -> str:
    """Format an interval of fractions of 1, in percent.

    >>> percent_interval(0.9691, 0.986)
    '96.9 to 98.6'
    """
    return f"{100 * low:.1f}{to}{100 * high:.1f}"


def points(fraction: float) -> str:
    """Format a difference of two fractions of 1 in percentage points, with its sign.

    >>> points(0.019), points(-0.0206), points(-0.0001)
    ('+1.9', '−2.1', '0.0')
    """
    if not math.isfinite(fraction):
        return ABSENT
    rounded = round(100 * fraction, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """Format a number with its sign, such as an effect size.

    >>> signed(0.153), signed(-0.15), signed(-0.001)
    ('+0.15', '−0.15', '0.00')
    """
    rounded = round(value, digits)
    return f"{0:.{digits}f}" if rounded == 0 else f"{rounded:+.{digits}f}".replace("-", "−")


def p_value(value: float) -> str:
    """Format a p-value: never as zero, and with two or three decimals.

    >>> p_value(0.0021), p_value(0.00004), p_value(0.3712), p_value(1.0)
    ('0.002', '< 0.001', '0.37', '1.00')
    """
    if not math.isfinite(value):
        return ABSENT
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def unbroken(text: str) -> str:
    """Prevent line breaks around = and <.

    >>> unbroken("p = 0.03 and p < 0.05") == "p\\u00a0=\\u00a00.03 and p\\u00a0<\\u00a00.05"
    True
    """
    return re.sub(" ([=<]) ", "\u00a0\\1\u00a0", text)


def seconds(value: float) -> str:
    """Format a duration in seconds with three significant digits.

    >>> seconds(0.4567), seconds(12.34), seconds(1234.5)
    ('0.457 s', '12.3 s', '1,234 s')
    """
    return f"{_three_digits(value)} s"


def milliseconds(value: float) -> str:
    """Format a latency in milliseconds with three significant digits.

    >>> milliseconds(0.412)
    '0.412 ms'
    """
    return f"{_three_digits(value)} ms"


def ordinal(value: int) -> str:
    """Format a place in an order.

    >>> [ordinal(place) for place in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '112th']
    """
    ending = "th" if value % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def rate(value: float | None) -> str:
    """Format a rate, such as images per second, with three significant digits.

    >>> rate(5123.7), rate(8.25)
    ('5,124', '8.25')
    """
    return ABSENT if value is None else _three_digits(value)


def shape(sizes: Sequence[int] | None) -> str:
    """Format the shape of a tensor.

    >>> shape((3, 32, 32))
    '3 × 32 × 32'
    """
    return " × ".join(map(str, sizes)) if sizes else ABSENT


def clock(value: float) -> str:
    """Format remaining seconds as minutes and seconds, or hours, minutes and seconds.

    >>> clock(83.4), clock(3725)
    ('1:23', '1:02:05')
    """
    if not math.isfinite(value):
        return "-:--"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def setting(value: str | float | bool | None) -> str:
    """Format a setting of a recipe, or a fact about the environment.

    >>> setting(0.0005), setting(True), setting(None), setting("cosine"), setting(32)
    ('0.0005', 'yes', 'none', 'cosine', '32')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _three_digits(value: float) -> str:
    """Format with three significant digits, but keep all digits of the integer part."""
    if not math.isfinite(value):
        return ABSENT
    exponent = int(f"{value:.2e}".partition("e")[2])  # after rounding: 999.9 K is 1.00 M
    return f"{value:,.{max(0, 2 - exponent)}f}" if value else "0"


def title(networks: Sequence[str], data: str) -> str:
    """Return a title with the networks and the data set.

    >>> title(["net", "resnet34"], "digits"), title(["a", "b", "c", "d"], "digits")
    ('net against resnet34 on digits', '4 networks on digits')
    """
    words = {1: "{0}", 2: "{0} against {1}", 3: "{0}, {1} and {2}"}.get(len(networks), f"{len(networks)} networks")
    return f"{words.format(*networks)} on {data}"


def percentage_points(fraction: float) -> str:
    """Write a margin in percentage points.

    >>> percentage_points(0.01), percentage_points(0.025)
    ('1 percentage point', '2.5 percentage points')
    """
    number = f"{100 * fraction:.1f}".removesuffix(".0")
    return f"{number} percentage point{'' if number == '1' else 's'}"
