"""A formula's text is what is computed."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.claims.checking.arithmetic import value_of

SIDES = st.integers(1, 512)


@given(SIDES, SIDES, st.integers(0, 5), st.integers(1, 5))
def test_floor_and_ceiling_are_those_of_integers(side: int, kernel: int, padding: int, stride: int) -> None:
    inner = side + 2 * padding - kernel
    assert value_of(f"⌊({side} + 2·{padding} − {kernel})/{stride}⌋ + 1") == inner // stride + 1
    assert value_of(f"⌈({side} + 2·{padding} − {kernel})/{stride}⌉") == -(-inner // stride)


def test_division_is_exact() -> None:
    assert value_of("1/3 + 1/6") == Fraction(1, 2)


@pytest.mark.parametrize("formula", ["__import__(1)", "2**3", "a", "'1'", "1.5", "F(1, 2)", "G(1)", "-1"])
def test_nothing_else_is_computed(formula: str) -> None:
    with pytest.raises(ValueError, match="not a formula of whole numbers"):
        value_of(formula)
