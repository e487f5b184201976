"""Numbers are read with the precision that they are printed in."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.claims.printed_number import read_number
from convstudy.errors import ClaimError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48,120", 48_120), ("48 120", 48_120), ("48'120", 48_120), ("48_120", 48_120), ("48.120", 48_120),
        ("1.234.567", 1_234_567), ("60.97M", 60_970_000), ("60,97 M", 60_970_000), ("61K", 61_000), ("61k", 61_000),
        ("3.8e9", 3_800_000_000), ("3.8×10^9", 3_800_000_000), ("3.8 x 10⁹", 3_800_000_000),
        (r"3.8 \times 10^{9}", 3_800_000_000), ("~60 million", 60_000_000), ("1.2 billion", 1_200_000_000), ("0", 0),
        ("608 params", 608), ("4.09 GMACs", 4_090_000_000), ("-5", -5),
    ],
)  # fmt: skip
def test_number_is_read_as_it_is_printed(text: str, value: int) -> None:
    number = read_number(text)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize("text", ["", "-", "—", "n/a", "--"])
def test_a_dash_claims_nothing(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize("text", ["abc", "12abc", "1,23,4", "=5*B2", "1e999", "9" * 100, "3..5"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ClaimError, match="is not a number; expected one like 48,120"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "value", "admitted"),
    [
        ("3.8e9", 3_849_999_999, True), ("3.8e9", 3_850_000_001, False), ("3.80e9", 3_840_000_000, False),
        ("61K", 61_706, False), ("62K", 61_706, True), ("48,120", 48_121, False), ("60.97M", 60_965_000, True),
    ],
)  # fmt: skip
def test_the_printed_digits_decide_what_is_admitted(text: str, value: int, admitted: bool) -> None:
    number = read_number(text)
    assert number is not None
    assert number.admits(value) is admitted


@given(st.integers(0, 10**12))
def test_thousands_separators_change_nothing(value: int) -> None:
    for text in (f"{value:,}", f"{value:,}".replace(",", " "), f"{value:_}", str(value)):
        number = read_number(text)
        assert number is not None
        assert number.value == value
        assert number.exact


@given(st.integers(10**6, 10**11), st.integers(0, 3))
def test_a_number_rounded_to_millions_admits_what_it_was_rounded_from(value: int, decimals: int) -> None:
    number = read_number(f"{round(Fraction(value, 10**6), decimals).__float__():.{decimals}f}M")
    assert number is not None
    assert number.admits(value)
    assert not number.admits(value + 10 ** (6 - decimals) + 1)


def test_a_header_can_give_the_unit() -> None:
    number = read_number("3.072", unit=10**6)
    assert number is not None
    assert number.value == 3_072_000
