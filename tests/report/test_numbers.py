"""How numbers are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.report import numbers

PREFIXES = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@given(st.integers(0, 999 * 10**12))
def test_a_scaled_number_is_the_number_to_three_digits(value: int) -> None:
    text = numbers.scaled(value)
    digits, _, prefix = text.partition(" ")
    assert float(digits) * PREFIXES[prefix] == pytest.approx(value, rel=0.00501)
    assert len(digits.replace(".", "")) <= 3


@pytest.mark.parametrize(
    ("macs", "text"),
    [(0, "0"), (999, "999"), (1_000, "1.00 K"), (651_720, "652 K"), (3_663_761_408, "3.66 G"), (999_999_999, "1.00 G")],
)
def test_macs_as_papers_write_them(macs: int, text: str) -> None:
    assert numbers.scaled(macs) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "< 0.001"), (0.00099, "< 0.001"), (0.001, "0.001"), (0.0499, "0.050"), (0.0996, "0.10"), (1.0, "1.00")],
)
def test_p_values_as_papers_write_them(value: float, text: str) -> None:
    assert numbers.p_value(value) == text


@given(st.floats(0, 1))
def test_a_p_value_is_never_written_as_zero(value: float) -> None:
    text = numbers.p_value(value)
    assert float(text.removeprefix("< ")) > 0
    assert text.startswith("<") == (value < 0.001)
    if value >= 0.001:
        assert float(text) == pytest.approx(value, abs=0.00501 if value >= 0.0995 else 0.000501)


@given(st.floats(-1, 1))
def test_a_difference_has_a_sign_unless_it_is_zero(difference: float) -> None:
    text = numbers.points(difference)
    assert float(text.replace("−", "-")) == pytest.approx(100 * difference, abs=0.0501)
    assert (text[0] in "+−") == (text != "0.0")


@given(st.floats(1e-6, 1e9))
def test_measures_keep_three_digits(value: float) -> None:
    for text in (numbers.rate(value), numbers.seconds(value)[:-2], numbers.milliseconds(value)[:-3]):
        assert float(text.replace(",", "")) == pytest.approx(value, rel=0.00501)


@pytest.mark.parametrize("write", [numbers.percent, numbers.points, numbers.p_value, numbers.rate])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_a_number_is_a_dash(write: object, value: float) -> None:
    assert callable(write)
    assert write(value) == "–"
